//! Replays: what is kept of one on the server while it runs, so that it can go on after its process has ended.
//!
//! A replay reads with a group of its own, `_ucp_replay:<name>`; its part of the stream and its conditions are in
//! `{S}:replay:<name>`, and whoever runs it holds the lease of the group. All of them are deleted at its end.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::dead_letters::{LetterPager, Letters, Source};
use super::names::{explain, require_stream};
use super::read::place;
use super::tail::{Filter, Verdict};
use super::target::Target;
use crate::model::{CommandLine, Edge, EntryId, GroupInfo, Name, Problem, Time, report};
use crate::topology::{
    Topology, breaker_key, inflight_key, is_temporary, lease_key, losses_key, policy_key,
    replay_group, replay_key,
};
use crate::wire::{
    Connection, ErrorKind, Fence, GroupSeen, GroupStart, Lane, LeaseHolder, Scan, Stop,
    create_group, del, delete_group, drop_lease, get, set_unless_there, xinfo_groups, xinfo_stream,
    xrange_ids,
};

/// The greatest length of a replay's name.
const NAME_MAX: usize = 100;
/// How long the lease of a replay that ended without a word is awaited: a little longer than it lasts.
const LEASE_WITHIN: Duration = Duration::from_secs(18);
/// How often the lease is looked at.
const LEASE_LOOK: Duration = Duration::from_millis(200);
/// The greatest number of failures that are listed, and of dead letters that are looked at for them.
const FAILURES_MAX: usize = 100;
const LETTERS_MAX: usize = 100_000;

/// The greatest number of entries that are counted for a plan; beyond it, a count is a lower bound.
const COUNTED_MAX: usize = 2_000_000;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The stream.
    pub stream: Name,
    /// The name of the replay.
    pub name: Name,
    /// Where it begins.
    pub from: Edge,
    /// Where it ends; included.
    pub to: Edge,
    /// What else is to be the same when it goes on: its conditions, and where entries go, in words.
    pub terms: Vec<String>,
}

/// What is kept of a replay.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Kept {
    from: String,
    to: String,
    begun_ms: u64,
    terms: Vec<String>,
}

/// A replay that can run.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Its stream and its group.
    pub target: Target,
    /// Its name.
    pub name: Name,
    /// The first id of its part.
    pub from: EntryId,
    /// The last id of its part.
    pub to: EntryId,
    /// When it began.
    pub begun: Time,
    /// Whether it was begun before, and goes on.
    pub is_resumed: bool,
    kept: String,
}

report! {
    /// An entry that a replay could not handle.
    #[derive(Clone, Debug)]
    pub struct ReplayFailure {
        /// The entry.
        pub id: EntryId => whole("ID"),
        /// How often it was tried; `None` when it is a tombstone.
        pub deliveries: Option<u64> => number("DELIVERIES"),
        /// Why it failed; `None` for an entry that was trimmed before.
        pub reason: Option<String> => text("REASON"),
        /// Its dead letter; `None` for an entry of an archive.
        pub dead_letter_id: Option<EntryId> => whole("DEAD LETTER"),
    }
}

/// Makes sure that a replay can have this name.
///
/// # Errors
/// A usage error.
pub fn check_name(name: &Name) -> Result<(), Problem> {
    let bytes = name.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    if (1..=NAME_MAX).contains(&bytes.len()) && bytes.iter().all(is_plain) {
        return Ok(());
    }
    Err(
        Problem::usage(format!("a replay cannot be called `{name}`"))
            .hint("letters, digits, `.`, `_` and `-`, at most 100 of them"),
    )
}

/// Looks up which part of the stream is meant, or, where a replay of this name was begun, what was meant then. Changes
/// nothing. `None` when there is nothing in that part.
///
/// # Errors
/// Not found when there is no such stream; refused when a replay of this name has other terms; errors of the server.
pub async fn plan(
    (connection, lane): (&Connection, &mut Lane),
    topology: &Topology,
    wanted: &Wanted,
) -> Result<Option<Replay>> {
    let Wanted { stream, name, .. } = wanted;
    require_stream(connection, topology, stream).await?;
    let info = match connection.run(xinfo_stream(stream)).await {
        Ok(info) => info,
        Err(error) => return Err(explain(connection, topology, stream, error).await),
    };
    let target = Target {
        stream: stream.clone(),
        group: replay_group(name),
    };
    if let Some(value) = connection.run(get(&replay_key(stream, name))).await? {
        return resumed(wanted, target, &value).map(Some);
    }
    let from = place(lane, stream, wanted.from).await?;
    let to = place(lane, stream, wanted.to).await?;
    let to = to.unwrap_or(EntryId::MAX).min(info.last_generated_id);
    let Some(from) = from.filter(|from| *from <= to && info.length > 0) else {
        return Ok(None);
    };
    let begun = Time::now();
    let kept = Kept {
        from: from.to_string(),
        to: to.to_string(),
        begun_ms: begun.ms,
        terms: wanted.terms.clone(),
    };
    Ok(Some(Replay {
        target,
        name: name.clone(),
        from,
        to,
        begun,
        is_resumed: false,
        kept: serde_json::to_string(&kept)?,
    }))
}

fn resumed(wanted: &Wanted, target: Target, value: &[u8]) -> Result<Replay> {
    let Wanted { stream, name, .. } = wanted;
    let unreadable = || {
        Problem::refused(format!(
            "what is kept of the replay `{name}` of `{stream}` cannot be read"
        ))
        .hint("choose another --name, or delete its group and its key")
    };
    let kept: Kept = serde_json::from_slice(value).map_err(|_| unreadable())?;
    let (Ok(from), Ok(to)) = (kept.from.parse(), kept.to.parse()) else {
        return Err(unreadable().into());
    };
    if kept.terms != wanted.terms {
        let terms = |terms: &[String]| match terms {
            [] => "all entries".to_owned(),
            terms => terms.join(", "),
        };
        return Err(Problem::refused(format!(
            "the replay `{name}` of `{stream}` was begun with other terms: {}",
            terms(&kept.terms)
        ))
        .hint("give the same conditions and the same destination, or another --name")
        .into());
    }
    Ok(Replay {
        target,
        name: name.clone(),
        from,
        to,
        begun: Time::from_ms(kept.begun_ms),
        is_resumed: true,
        kept: String::from_utf8_lossy(value).into_owned(),
    })
}

impl Replay {
    /// Waits until nobody else runs it. `told` is called once if there is somebody to wait for.
    ///
    /// # Errors
    /// Refused when somebody else runs it; errors of the server.
    pub async fn await_lease(&self, connection: &Connection, told: impl FnOnce()) -> Result<()> {
        // Nobody has this token: whoever drops it only looks.
        let look = Fence {
            key: lease_key(&self.target.stream, &self.target.group),
            token: "- look".to_owned(),
        };
        let (began, mut least, mut told) = (Instant::now(), None, Some(told));
        loop {
            let LeaseHolder::Other { token, left } = connection.call(drop_lease(&look)).await?
            else {
                return Ok(());
            };
            // One that is renewed has somebody at work behind it.
            let is_renewed = least.zip(left).is_some_and(|(least, left)| left > least);
            if is_renewed || left.is_none() || began.elapsed() > LEASE_WITHIN {
                let who = token
                    .rsplit_once(' ')
                    .map_or(&*token, |(consumer, _)| consumer);
                return Err(Problem::refused(format!(
                    "the replay `{}` of `{}` is running, as consumer `{who}`",
                    self.name, self.target.stream
                ))
                .hint("wait for its end, or choose another --name")
                .into());
            }
            least = left;
            if let Some(told) = told.take() {
                told();
            }
            sleep(LEASE_LOOK).await;
        }
    }

    /// Keeps its terms, and creates its group unless it is there.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn begin(&self, connection: &Connection) -> Result<()> {
        let Target { stream, group } = &self.target;
        let key = replay_key(stream, &self.name);
        connection
            .run(set_unless_there(&key, self.kept.as_bytes()))
            .await?;
        let start = GroupStart::After(self.from.previous().unwrap_or(EntryId::MIN));
        match connection
            .call(create_group(stream, group, start, None))
            .await
        {
            Err(error) if error.kind != ErrorKind::BusyGroup => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The group; `None` when it is not there.
    async fn group(&self, connection: &Connection) -> Result<Option<GroupInfo>> {
        let groups = connection.run(xinfo_groups(&self.target.stream)).await?;
        Ok(groups.into_iter().find(|it| it.name == self.target.group))
    }

    /// Whether every entry of its part was handled or is a dead letter.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn is_complete(&self, connection: &Connection) -> Result<bool> {
        let Some(group) = self.group(connection).await? else {
            return Ok(false);
        };
        if group.pending > 0 {
            return Ok(false);
        }
        let Some(next) = group
            .last_delivered_id
            .next()
            .filter(|next| *next <= self.to)
        else {
            return Ok(true);
        };
        let left = xrange_ids(&self.target.stream, next, self.to, 1);
        Ok(connection.run(left).await?.ids.is_empty())
    }

    /// Deletes its group and its keys, once it is complete.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn end(&self, connection: &Connection) -> Result<()> {
        let Target { stream, group } = &self.target;
        let Some(seen) = self.group(connection).await? else {
            return Ok(());
        };
        // First what says that it can go on: a group without it goes on at its own position, and that is its end.
        let own = [
            replay_key(stream, &self.name),
            policy_key(stream, group),
            inflight_key(stream, group),
            breaker_key(stream, group),
            losses_key(stream, group),
        ];
        for key in own {
            connection.run(del(&[key])).await?;
        }
        let seen = GroupSeen {
            stream,
            group,
            last_delivered_id: seen.last_delivered_id,
            pending: seen.pending,
        };
        connection.call(delete_group(seen, true)).await?;
        Ok(())
    }

    /// What it could not handle since it began, the oldest first, and whether there is more.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn failures(
        &self,
        connection: &Connection,
        topology: &Topology,
    ) -> Result<(Vec<ReplayFailure>, bool)> {
        let source = Source::named(topology, &self.target.stream);
        let wanted = Letters {
            group: Some(self.target.group.clone()),
            without_fields: true,
            ..Letters::default()
        };
        let mut pager = LetterPager::new(connection, &source, &wanted);
        let (mut failures, mut looked_at) = (Vec::new(), 0);
        while let Some(page) = pager.page().await? {
            for letter in page.into_iter().filter(|it| it.time >= self.begun) {
                if failures.len() == FAILURES_MAX {
                    return Ok((failures, true));
                }
                failures.push(ReplayFailure {
                    id: letter.origin_id.unwrap_or(letter.id),
                    deliveries: letter.deliveries,
                    reason: letter.reason,
                    dead_letter_id: Some(letter.id),
                });
            }
            looked_at += 100;
            if looked_at > LETTERS_MAX {
                return Ok((failures, true));
            }
        }
        Ok((failures, false))
    }
}

/// How many entries the part has, how many of them match, and whether there are more than were looked at.
///
/// # Errors
/// Errors of the server.
pub async fn count(lane: &mut Lane, replay: &Replay, filter: &Filter) -> Result<(u64, u64, bool)> {
    let (mut all, mut matching) = (0, 0);
    let range = Scan {
        start: replay.from,
        end: replay.to,
        count_max: COUNTED_MAX + 1,
        ..Scan::ALL
    };
    let seen = lane.scan(&replay.target.stream, range, |_, fields| {
        all += 1;
        let is_wanted = filter.is_empty() || matches!(filter.judge(fields), Verdict::Taken);
        matching += u64::from(is_wanted);
        Ok::<(), Stop>(())
    });
    seen.await.map_err(Stop::into_error)?;
    Ok((all, matching, all > COUNTED_MAX as u64))
}

/// The groups that would see what is added to `stream`.
///
/// # Errors
/// Errors of the server.
pub async fn readers(connection: &Connection, stream: &Name) -> Result<Vec<GroupInfo>> {
    let mut groups = match connection.run(xinfo_groups(stream)).await {
        Ok(groups) => groups,
        Err(error) if error.kind == ErrorKind::NoKey => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    groups.retain(|group| !is_temporary(&group.name));
    Ok(groups)
}

/// The command that goes on with a replay whose process has ended; its other words have to be those of its beginning.
pub fn again(stream: &Name, name: &Name) -> CommandLine {
    CommandLine::new("replay")
        .arg(stream)
        .option("--name", name)
}
