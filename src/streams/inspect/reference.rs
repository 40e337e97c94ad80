//! What every figure is measured against: the server's clock, and how far its counters can be trusted.

use anyhow::Result;

use crate::model::{Losses, Time};
use crate::streams::lag::Counters;
use crate::streams::server::Replica;
use crate::wire::{Connection, Error, allowed, has_commands, info, time};

/// A command of Redis 8.2, which corrects a group's read counter when unread entries are trimmed.
const CORRECTS: &str = "XDELEX";
/// A command that came with Redis 7.2, which persists and replicates read counters.
const WRITES: &str = "WAITAOF";

/// What every figure is measured against.
#[derive(Clone, Copy, Debug)]
pub(in crate::streams) struct Reference {
    /// The server's clock, or this machine's clock when the user may not ask.
    pub(in crate::streams) now: Time,
    /// How far the server's counters can be trusted.
    pub(in crate::streams) counting: Counting,
}

/// How far the server's counters can be trusted, and which run of the server may have forgotten some.
#[derive(Clone, Copy, Debug)]
pub(in crate::streams) struct Counting {
    pub(in crate::streams) counters: Counters,
    /// The run id of the server, if its counters may have been forgotten and the user may ask for it.
    run: Option<RunId>,
}

/// The id of one run of a server: forty hexadecimal digits.
type RunId = [u8; 40];

impl Counting {
    /// How far the counters of a group can be trusted for which a worker has recorded `kept`: the counting may have
    /// started again since then.
    pub(in crate::streams) fn of(&self, kept: Option<&Losses>) -> Counters {
        let counted =
            kept.is_some_and(|it| self.run.is_some_and(|run| it.counted_by.as_bytes() == run));
        match self.counters {
            Counters::Forgetful if counted => Counters::Plain,
            counters => counters,
        }
    }

    /// The value in the form that the script for losses takes.
    pub(in crate::streams) fn counted_by(self) -> String {
        match self.counters {
            Counters::Forgetful => self.run.map_or_else(
                || "?".to_owned(),
                |run| String::from_utf8_lossy(&run).into_owned(),
            ),
            _ => String::new(),
        }
    }
}

/// The server's clock and how it counts, in one round trip, plus another one for a server that may have forgotten
/// counters.
///
/// # Errors
/// Errors of the server, except that the user may not ask; unavailable when it is a replica that has no data yet.
pub(in crate::streams) async fn moment(connection: &Connection) -> Result<Reference> {
    let (now, asked) = tokio::join!(connection.run(time()), ask(connection));
    let (counting, replication) = asked?;
    if let Some(replica) = replication.as_deref().and_then(Replica::of)
        && let Some(problem) = replica.without_data(connection).await
    {
        return Err(problem.into());
    }
    Ok(Reference {
        now: allowed(now)?.map_or_else(Time::now, Time::from_ms),
        counting,
    })
}

/// How the server counts.
///
/// # Errors
/// Errors of the server, except that the user may not ask.
pub(in crate::streams) async fn counting(connection: &Connection) -> Result<Counting, Error> {
    Ok(ask(connection).await?.0)
}

/// The content of a section of `INFO`; `None` when the user may not ask.
type Said = Option<Vec<(String, String)>>;

/// How the server counts, and its replication section.
async fn ask(connection: &Connection) -> Result<(Counting, Said), Error> {
    let (has, persistence, replication) = tokio::join!(
        connection.run(has_commands(&[CORRECTS, WRITES])),
        connection.run(info("persistence")),
        connection.run(info("replication")),
    );
    let (persistence, replication) = (allowed(persistence)?, allowed(replication)?);
    let counters = match allowed(has)?.as_deref() {
        // Whatever it is itself, what it was a replica of may not have told it what was read.
        _ if was_replica(replication.as_deref()) => Counters::Forgetful,
        Some([true, ..]) => Counters::Corrected,
        Some([_, true]) => Counters::Plain,
        _ if has_counted_itself(persistence.as_deref(), replication.as_deref()) => Counters::Plain,
        _ => Counters::Forgetful,
    };
    let run = match counters {
        Counters::Forgetful => allowed(connection.run(info("server")).await)?,
        _ => None,
    };
    let run = run.and_then(|lines| lines.into_iter().find(|(name, _)| name == "run_id"));
    let counting = Counting {
        counters,
        run: run.and_then(|(_, id)| RunId::try_from(id.as_bytes()).ok()),
    };
    Ok((counting, replication))
}

type Lines<'a> = Option<&'a [(String, String)]>;

/// Whether the server says that it is a replica, or that it was one before it was promoted or loaded the data of a
/// replica.
fn was_replica(replication: Lines<'_>) -> bool {
    replication
        .unwrap_or_default()
        .iter()
        .any(|(key, value)| match key.as_str() {
            "role" => value != "master",
            "second_repl_offset" => value != "-1",
            _ => false,
        })
}

/// Whether the counters come neither from an append-only file nor from a primary: no such file is written, or none
/// existed when the server started, and the server is a primary that never was a replica.
fn has_counted_itself(persistence: Lines<'_>, replication: Lines<'_>) -> bool {
    let says = |lines: Lines<'_>, name: &str, expected: &str| {
        lines.is_some_and(|lines| {
            lines
                .iter()
                .any(|(key, value)| key == name && value == expected)
        })
    };
    // While it loads, it says that it has no append-only file.
    says(persistence, "loading", "0")
        && (says(persistence, "aof_enabled", "0") || says(persistence, "aof_base_size", "0"))
        && says(replication, "role", "master")
        && says(replication, "second_repl_offset", "-1")
}
