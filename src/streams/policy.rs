//! How long the workers of a group let entries rest before they take them over, as they say themselves: what is younger
//! may still be worked on by one of them, whatever the topology says.

use std::time::Duration;

use anyhow::Result;

use super::target::Target;
use crate::model::{ClaimIdle, ConsumerInfo, Name, Problem, format_duration_short};
use crate::topology::policy_key;
use crate::wire::{Connection, Error, ErrorKind, allowed, hgetall, xinfo_consumers};

/// What the workers of a group say of themselves.
#[derive(Clone, Debug, Default)]
pub struct Published {
    claim_idles: Vec<ClaimIdle>,
}

impl Published {
    /// What these consumers say.
    #[cfg(test)]
    pub(super) const fn new(claim_idles: Vec<ClaimIdle>) -> Self {
        Self { claim_idles }
    }

    /// The longest of all, also of those that do not live; `None` when nobody says one.
    pub(super) fn greatest(&self) -> Option<Duration> {
        self.claim_idles.iter().map(|it| it.claim_idle).max()
    }

    /// What is kept beside the stream; `None` where the user may not look.
    ///
    /// # Errors
    /// What the server says.
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

    /// What the consumer of this name says.
    pub(super) fn of(&self, consumer: &Name) -> Option<&ClaimIdle> {
        self.claim_idles.iter().find(|it| it.consumer == *consumer)
    }

    /// The longest of those that live; `consumers` are the group's.
    pub(super) fn longest(&self, consumers: &[ConsumerInfo]) -> Option<&ClaimIdle> {
        let live = self.claim_idles.iter().filter(|it| it.is_live(consumers));
        live.max_by_key(|it| it.claim_idle)
    }
}

/// How long entries of a group must have rested for anybody to take them.
#[derive(Clone, Debug)]
pub struct Patience {
    /// The longest claim idle of a consumer that lives; `None` also where the user may not look.
    longest: Option<ClaimIdle>,
    /// Whether the user could look.
    pub is_known: bool,
}

impl Patience {
    /// Looks what the consumers of `target` say that live.
    ///
    /// # Errors
    /// What the server says.
    pub async fn of(connection: &Connection, target: &Target) -> Result<Self> {
        let Target { stream, group } = target;
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

    /// The same, where these are the group's consumers.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn towards(
        connection: &Connection,
        target: &Target,
        consumers: &[ConsumerInfo],
    ) -> Result<Self> {
        let published = Published::look(connection, &target.stream, &target.group).await?;
        Ok(Self {
            is_known: published.is_some(),
            longest: published.unwrap_or_default().longest(consumers).cloned(),
        })
    }

    /// The longest claim idle; nothing where no consumer that lives says one.
    pub fn least(&self) -> Duration {
        self.longest
            .as_ref()
            .map_or(Duration::ZERO, |it| it.claim_idle)
    }

    /// Makes sure that what has rested for `idle` is nobody's any more.
    ///
    /// # Errors
    /// Refused, naming who may still work on it.
    pub fn require(&self, target: &Target, idle: Duration) -> Result<(), Problem> {
        let Some(longest) = self.longest.as_ref().filter(|it| idle < it.claim_idle) else {
            return Ok(());
        };
        let claim_idle = format_duration_short(longest.claim_idle);
        Err(Problem::refused(format!(
            "consumer `{}` of {target} lives and has a claim idle of {claim_idle}: an entry idle for {} may still be worked on, and would be handled twice",
            longest.consumer,
            format_duration_short(idle),
        ))
        .hint(format!(
            "wait with --idle {claim_idle}, stop that worker first, or claim them anyway with --force"
        )))
    }

    /// Why an entry that was named is too fresh; `None` where no consumer that lives says so.
    pub fn why_fresh(&self) -> Option<String> {
        let longest = self.longest.as_ref()?;
        Some(format!(
            "consumer `{}` lives and has a claim idle of {}; --force takes entries before that",
            longest.consumer,
            format_duration_short(longest.claim_idle)
        ))
    }
}

/// Whether what `consumer` holds is worked on by nobody: refused while it lives, by its own claim idle.
///
/// # Errors
/// What the server says.
pub(super) async fn must_be_dead(
    connection: &Connection,
    target: &Target,
    consumer: &ConsumerInfo,
) -> Result<Result<(), Problem>> {
    let Target { stream, group } = target;
    let published = Published::look(connection, stream, group).await?;
    let published = published.unwrap_or_default();
    let Some(said) = published
        .of(&consumer.name)
        .filter(|it| it.is_live(std::slice::from_ref(consumer)))
    else {
        return Ok(Ok(()));
    };
    Ok(Err(Problem::refused(format!(
        "consumer `{}` of {target} lives: it was seen {} ago, and its claim idle is {}; what it holds may still be worked on, and would be handled twice",
        consumer.name,
        format_duration_short(Duration::from_millis(consumer.idle_ms)),
        format_duration_short(said.claim_idle),
    ))
    .hint("stop its worker first, or hand over what it holds all the same with --force")))
}
