//! The claim idle of a group's workers, as they have published it. An entry that has been idle for less may still be
//! in flight in one of them, whatever the topology says.

use std::time::Duration;

use anyhow::Result;

use super::target::Target;
use crate::model::{ClaimIdle, ConsumerInfo, Name, Problem, format_duration_short};
use crate::topology::policy_key;
use crate::wire::{Connection, Error, ErrorKind, allowed, hgetall, xinfo_consumers};

/// What the workers of a group have published.
#[derive(Clone, Debug, Default)]
pub struct Published {
    claim_idles: Vec<ClaimIdle>,
}

impl Published {
    /// The values of these consumers.
    #[cfg(test)]
    pub(super) const fn new(claim_idles: Vec<ClaimIdle>) -> Self {
        Self { claim_idles }
    }

    /// The longest of all, including those of consumers that are not live; `None` when there is none.
    pub(super) fn greatest(&self) -> Option<Duration> {
        self.claim_idles.iter().map(|it| it.claim_idle).max()
    }

    /// Reads the values that are kept beside the stream; `None` when the user may not read them.
    ///
    /// # Errors
    /// Errors of the server.
    pub(super) async fn look(
        connection: &Connection,
        stream: &Name,
        group: &Name,
    ) -> Result<Option<Self>, Error> {
        let found = match connection.run(hgetall(&policy_key(stream, group))).await {
            Err(error) if error.kind == ErrorKind::WrongType => return Ok(Some(Self::default())),
            found => allowed(found)?,
        };
        let of = |(name, value): (Name, Vec<u8>)| ClaimIdle::of_value(&name, &value);
        Ok(found.map(|fields| Self {
            claim_idles: fields.into_iter().filter_map(of).collect(),
        }))
    }

    /// The value of the consumer of this name.
    pub(super) fn of(&self, consumer: &Name) -> Option<&ClaimIdle> {
        self.claim_idles.iter().find(|it| it.consumer == *consumer)
    }

    /// Whether a live consumer reads the group's retry stream; `consumers` are those of the group.
    pub(super) fn reads_retries(&self, consumers: &[ConsumerInfo]) -> bool {
        let mut readers = self.claim_idles.iter().filter(|it| it.reads_retries);
        readers.any(|it| it.is_live(consumers))
    }

    /// The longest value of a live consumer; `consumers` are those of the group.
    pub(super) fn longest(&self, consumers: &[ConsumerInfo]) -> Option<&ClaimIdle> {
        let live = self.claim_idles.iter().filter(|it| it.is_live(consumers));
        live.max_by_key(|it| it.claim_idle)
    }
}

/// How long entries of a group must have been idle before anybody may claim them.
#[derive(Clone, Debug)]
pub struct Patience {
    /// The longest claim idle of a live consumer; `None` also when the user may not read it.
    longest: Option<ClaimIdle>,
    /// Whether the user could read it.
    pub is_known: bool,
}

impl Patience {
    /// Reads the claim idle of the live consumers of `target`.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn of(connection: &Connection, target: &Target) -> Result<Self> {
        let Target { stream, group } = &target.at_home();
        let (published, consumers) = tokio::join!(
            Published::look(connection, stream, group),
            connection.run(xinfo_consumers(stream, group)),
        );
        let (published, consumers) = (published?, allowed(consumers)?);
        let is_known = published.is_some() && consumers.is_some();
        let (published, consumers) = (published.unwrap_or_default(), consumers.unwrap_or_default());
        Ok(Self {
            longest: published.longest(&consumers).cloned(),
            is_known,
        })
    }

    /// The same, when the group's consumers are known already.
    ///
    /// # Errors
    /// Errors of the server.
    pub(super) async fn towards(
        connection: &Connection,
        target: &Target,
        consumers: &[ConsumerInfo],
    ) -> Result<Self> {
        let home = target.at_home();
        let published = Published::look(connection, &home.stream, &home.group).await?;
        Ok(Self {
            is_known: published.is_some(),
            longest: published.unwrap_or_default().longest(consumers).cloned(),
        })
    }

    /// The longest claim idle of a live consumer; zero when none has published one.
    pub fn least(&self) -> Duration {
        self.longest
            .as_ref()
            .map_or(Duration::ZERO, |it| it.claim_idle)
    }

    /// Makes sure that an entry that has been idle for `idle` cannot be in flight any more.
    ///
    /// # Errors
    /// Refused, naming the consumer that may still handle it.
    pub fn require(&self, target: &Target, idle: Duration) -> Result<(), Problem> {
        let Some(longest) = self.longest.as_ref().filter(|it| idle < it.claim_idle) else {
            return Ok(());
        };
        let claim_idle = format_duration_short(longest.claim_idle);
        Err(Problem::refused(format!(
            "consumer `{}` of {target} is live and has a claim idle of {claim_idle}: an entry idle for {} may still \
                be in flight, and would be handled twice",
            longest.consumer,
            format_duration_short(idle),
        ))
        .hint(format!(
            "wait with --idle {claim_idle}, stop that worker first, or claim the entries anyway with --force"
        )))
    }

    /// Why a named entry is too fresh; `None` when no live consumer is the reason.
    pub fn why_fresh(&self) -> Option<String> {
        let longest = self.longest.as_ref()?;
        Some(format!(
            "consumer `{}` is live and has a claim idle of {}; --force includes entries that have been idle for less",
            longest.consumer,
            format_duration_short(longest.claim_idle)
        ))
    }
}

/// Makes sure that nobody handles the entries of `consumer`: refused while it is live, by its own claim idle.
///
/// # Errors
/// Errors of the server.
pub(super) async fn must_be_dead(
    connection: &Connection,
    target: &Target,
    consumer: &ConsumerInfo,
) -> Result<Result<(), Problem>> {
    let home = target.at_home();
    let published = Published::look(connection, &home.stream, &home.group).await?;
    let published = published.unwrap_or_default();
    let Some(said) = published
        .of(&consumer.name)
        .filter(|it| it.is_live(std::slice::from_ref(consumer)))
    else {
        return Ok(Ok(()));
    };
    Ok(Err(Problem::refused(format!(
        "consumer `{}` of {target} is live: it was last active {} ago, and its claim idle is {}; its entries may \
            still be in flight, and would be handled twice",
        consumer.name,
        format_duration_short(Duration::from_millis(consumer.idle_ms)),
        format_duration_short(said.claim_idle),
    ))
    .hint("stop its worker first, or hand over its entries anyway with --force")))
}
