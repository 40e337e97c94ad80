//! The details that only `doctor` needs: the server's own state, the oldest pending entries, why entries were
//! dead-lettered, and keys of the wrong type. They take one more round trip, and the size of everything that is read is
//! limited.

use std::time::Duration;

use futures_util::future::join_all;

use super::{GroupState, Observation};
use crate::model::{EntryId, Name, PendingEntry, Time, escaped};
use crate::streams::audit::AuditRow;
use crate::streams::changes::recent;
use crate::streams::dead_letters::{Common, Letters, Source};
use crate::streams::policy::Published;
use crate::streams::target::Target;
use crate::topology::{Topology, breaker_key, inflight_key, losses_key, paused_key, policy_key};
use crate::wire::{
    Connection, Error, PendingFilter, SlowCall, config_get, info, key_type, slowlog, time,
    xpending, xpending_entries,
};

/// The greatest number of pending entries of a group that are read: the oldest ones.
pub const OLDEST_MAX: usize = 100;
/// The greatest number of entries of the slow log that are read: the newest ones.
const SLOW_MAX: u32 = 128;
/// The greatest number of dead letters of a stream whose reasons are counted.
const REASONS_OF_MAX: usize = 1000;
/// How many reasons are reported one by one; the rarer ones are counted together.
const REASONS_MAX: usize = 3;

/// The details of an observation.
#[derive(Debug)]
pub struct Details {
    /// The server.
    pub server: ServerDetails,
    /// The groups that are there.
    pub groups: Vec<GroupDetails>,
    /// The streams that have dead letters, and the reasons of these.
    pub reasons: Vec<Reasons>,
    /// Keys of this tool that are of another type than they should be.
    pub odd_keys: Vec<OddKey>,
    /// The destructive commands among the newest audit records, the newest first.
    pub audit: Vec<AuditRow>,
    /// What could not be read, and why.
    pub unseen: Vec<Unseen>,
}

/// What a server reports about itself. Whatever it does not report, or not to this user, is missing here.
#[derive(Debug, Default)]
pub struct ServerDetails {
    info: Vec<(String, String)>,
    config: Vec<(String, String)>,
    /// The newest calls in the slow log, newest first.
    pub slow: Vec<SlowCall>,
    /// The server's clock.
    pub now: Option<Time>,
    /// How far the server's clock is ahead of this machine's, in milliseconds, with an error of at most half the round
    /// trip.
    pub ahead_ms: Option<i64>,
    /// The round trip of the query for the server's clock, in milliseconds.
    pub round_trip_ms: u64,
}

/// A group, looked at closely.
#[derive(Debug)]
pub struct GroupDetails {
    /// The group.
    pub target: Target,
    /// The greatest pending id.
    pub last_pending: Option<EntryId>,
    /// The group's oldest pending entries, at most [`OLDEST_MAX`].
    pub oldest: Vec<PendingEntry>,
    /// The longest claim idle that a consumer has published.
    pub claim_idle: Option<Duration>,
}

/// The reasons of the dead letters of a stream.
#[derive(Debug)]
pub struct Reasons {
    /// The stream.
    pub stream: Name,
    /// Each reason with the number of dead letters that have it, the most frequent first.
    pub counts: Vec<(String, u64)>,
}

/// A key of this tool that is of another type than it should be.
#[derive(Debug)]
pub struct OddKey {
    /// The key.
    pub key: Name,
    /// The stream that the key belongs to.
    pub stream: Name,
    /// The type it should have.
    pub expected: &'static str,
    /// The type it has.
    pub found: String,
}

/// Something that could not be read.
#[derive(Debug)]
pub struct Unseen {
    /// What it is, in words.
    pub what: String,
    /// The server's error.
    pub error: Error,
}

impl ServerDetails {
    /// A value of `INFO`, by its name.
    pub fn text(&self, name: &str) -> Option<&str> {
        value(&self.info, name)
    }

    /// A number of `INFO`, by its name.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// How often a command was called since the server started or its statistics were reset.
    pub fn calls(&self, command: &str) -> u64 {
        let said = self.text(&format!("cmdstat_{command}"));
        let calls = said.and_then(|it| it.split(',').find_map(|part| part.strip_prefix("calls=")));
        calls.and_then(|it| it.parse().ok()).unwrap_or_default()
    }

    /// A setting, by its name.
    pub fn setting(&self, name: &str) -> Option<&str> {
        value(&self.config, name)
    }
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(key, _)| key == name);
    pair.map(|(_, value)| value.as_str())
}

/// Collects queries that the user may not make, so that they do not end the observation.
struct Unsees(Vec<Unseen>);

impl Unsees {
    fn unless_denied<T>(
        &mut self,
        what: impl FnOnce() -> String,
        answer: Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind.is_refusal() => {
                self.0.push(Unseen {
                    what: what(),
                    error,
                });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Reads the details about the streams and groups that were `seen`.
///
/// # Errors
/// Errors of the server, except refusals.
pub(super) async fn look(
    connection: &Connection,
    topology: &Topology,
    seen: &Observation,
) -> Result<Details, Error> {
    let there = seen.groups().filter(|it| it.state == GroupState::Ready);
    let targets: Vec<Target> = there.map(Target::from).collect();
    let with_letters = seen.streams.iter().filter(|it| it.dead_letters > Some(0));
    let sources: Vec<Source> = with_letters
        .map(|it| Source::named(topology, &it.stream))
        .collect();
    let own = keys(seen, topology);
    let (server, groups, reasons, types, audit) = tokio::join!(
        server(connection),
        join_all(targets.iter().map(|it| group(connection, it))),
        join_all(sources.iter().map(|it| reasons(connection, it))),
        join_all(own.iter().map(|it| connection.run(key_type(&it.key)))),
        recent(connection, topology.audit.as_ref()),
    );
    let (server, mut unseen) = server?;
    let mut details = Details {
        server,
        groups: Vec::with_capacity(targets.len()),
        reasons: Vec::new(),
        odd_keys: Vec::new(),
        audit: audit?,
        unseen: Vec::new(),
    };
    for (target, answer) in targets.iter().zip(groups) {
        let found = unseen.unless_denied(|| format!("what is pending in {target}"), answer)?;
        details.groups.extend(found);
    }
    for (source, answer) in sources.iter().zip(reasons) {
        let what = || format!("the dead letters in `{}`", source.dead_letter);
        details.reasons.extend(unseen.unless_denied(what, answer)?);
    }
    for (key, answer) in own.into_iter().zip(types) {
        let found = unseen.unless_denied(|| format!("what the key `{}` is", key.key), answer)?;
        let found = found.map(|it| String::from_utf8_lossy(&it).into_owned());
        let found = found.filter(|it| it != key.expected && it != "none");
        details
            .odd_keys
            .extend(found.map(|found| OddKey { found, ..key }));
    }
    let denied = seen.denied.iter().map(|it| Unseen {
        what: format!("stream `{}`", it.stream),
        error: it.error.clone(),
    });
    details.unseen = denied.chain(unseen.0).collect();
    Ok(details)
}

async fn server(connection: &Connection) -> Result<(ServerDetails, Unsees), Error> {
    let asked = Time::now();
    let clock = async {
        let now = connection.run(time()).await;
        (now, Time::now())
    };
    let (said, config, slow, (now, answered)) = tokio::join!(
        connection.run(info("everything")),
        connection.run(config_get(&["save", "stream-node-max-entries"])),
        connection.run(slowlog(SLOW_MAX)),
        clock,
    );
    let mut unseen = Unsees(Vec::new());
    let said = unseen.unless_denied(|| "the server's state (INFO)".to_owned(), said)?;
    let config =
        unseen.unless_denied(|| "the server's settings (CONFIG GET)".to_owned(), config)?;
    let slow = unseen.unless_denied(|| "slow calls (SLOWLOG GET)".to_owned(), slow)?;
    let now = unseen.unless_denied(|| "the server's clock (TIME)".to_owned(), now)?;
    let middle = asked.ms.midpoint(answered.ms);
    let details = ServerDetails {
        info: said.unwrap_or_default(),
        config: config.unwrap_or_default(),
        slow: slow.unwrap_or_default(),
        now: now.map(Time::from_ms),
        ahead_ms: now.map(|now| now.cast_signed().saturating_sub(middle.cast_signed())),
        round_trip_ms: answered.ms.saturating_sub(asked.ms),
    };
    Ok((details, unseen))
}

async fn group(connection: &Connection, target: &Target) -> Result<GroupDetails, Error> {
    let Target { stream, group } = target;
    let filter = PendingFilter {
        count_max: OLDEST_MAX,
        ..PendingFilter::default()
    };
    let (summary, oldest, published) = tokio::join!(
        connection.run(xpending(stream, group)),
        connection.run(xpending_entries(stream, group, &filter)),
        Published::look(connection, stream, group),
    );
    Ok(GroupDetails {
        target: target.clone(),
        last_pending: summary?.last,
        oldest: oldest?,
        claim_idle: published?.and_then(|it| it.greatest()),
    })
}

async fn reasons(connection: &Connection, source: &Source) -> Result<Reasons, Error> {
    let by = Name::from("reason");
    let mut common = Common::new(std::slice::from_ref(&by));
    let wanted = Letters {
        count_max: REASONS_OF_MAX,
        ..Letters::default()
    };
    common.count(connection, source, &wanted).await?;
    let rows = common.rows(REASONS_MAX).into_iter();
    let counts = rows.map(|row| {
        let value = row.fields.fields.first().map(|(_, value)| escaped(value));
        (value.unwrap_or_else(|| "others".to_owned()), row.entries)
    });
    Ok(Reasons {
        stream: source.stream.clone(),
        counts: counts.collect(),
    })
}

/// This tool's own keys of the observed streams and groups, each with the type that it should have.
fn keys(seen: &Observation, topology: &Topology) -> Vec<OddKey> {
    let mut keys = Vec::new();
    for stream in &seen.streams {
        let name = &stream.stream;
        let dead_letter = topology.stream_or_default(name).dead_letter;
        keys.push(own(dead_letter, name, "stream"));
        for group in stream.groups.iter().map(|it| &it.group) {
            for (key, kind) in [
                (losses_key(name, group), "string"),
                (breaker_key(name, group), "string"),
                (paused_key(name, group), "string"),
                (inflight_key(name, group), "hash"),
                (policy_key(name, group), "hash"),
            ] {
                keys.push(own(key, name, kind));
            }
        }
    }
    keys
}

fn own(key: Name, stream: &Name, expected: &'static str) -> OddKey {
    OddKey {
        key,
        stream: stream.clone(),
        expected,
        found: String::new(),
    }
}
