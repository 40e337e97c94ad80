//! Why groups that should exist do not, as far as the server's statistics show.

use anyhow::Result;

use crate::wire::{Connection, allowed, info};

/// A likely reason why groups are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// FLUSHALL or FLUSHDB was called this many times since the server started.
    Flushed {
        /// The number of calls.
        calls: u64,
        /// Time since the server started.
        uptime_ms: Option<u64>,
    },
    /// The server started recently and loaded no data.
    Empty {
        /// Time since then.
        uptime_ms: u64,
    },
}

/// A restart longer ago than this is not reported as the cause of a present problem.
const RECENT_MS: u64 = 24 * 3_600_000;

/// Why groups may be missing, by the server's own statistics; `None` when these say nothing, or the user may not see
/// them.
///
/// # Errors
/// Errors of the server, except that the user may not ask.
pub async fn cause(connection: &Connection) -> Result<Option<Cause>> {
    let (commands, server, persistence) = tokio::join!(
        connection.run(info("commandstats")),
        connection.run(info("server")),
        connection.run(info("persistence")),
    );
    let commands = allowed(commands)?.unwrap_or_default();
    let server = allowed(server)?.unwrap_or_default();
    let persistence = allowed(persistence)?.unwrap_or_default();
    Ok(of(&commands, &server, &persistence))
}

type Lines<'a> = &'a [(String, String)];

fn of(commands: Lines<'_>, server: Lines<'_>, persistence: Lines<'_>) -> Option<Cause> {
    let number = |lines: Lines<'_>, name: &str| {
        let mut lines = lines.iter();
        lines.find_map(|(key, value)| (key == name).then(|| value.parse::<u64>().ok())?)
    };
    let uptime_ms = number(server, "uptime_in_seconds").map(|it| it.saturating_mul(1000));
    let flushes = commands
        .iter()
        .filter(|(key, _)| matches!(key.as_str(), "cmdstat_flushall" | "cmdstat_flushdb"));
    let calls = flushes.filter_map(|(_, value)| calls(value)).sum();
    if calls > 0 {
        return Some(Cause::Flushed { calls, uptime_ms });
    }
    let is_empty = number(persistence, "rdb_last_load_keys_loaded") == Some(0)
        && number(persistence, "aof_enabled") == Some(0);
    let uptime_ms = uptime_ms.filter(|uptime_ms| is_empty && *uptime_ms < RECENT_MS)?;
    Some(Cause::Empty { uptime_ms })
}

/// The number of calls in a line of `commandstats` that had an effect:
/// `calls=3,usec=…,rejected_calls=0,failed_calls=1`.
fn calls(value: &str) -> Option<u64> {
    let part = |name: &str| {
        let mut parts = value.split(',').filter_map(|part| part.split_once('='));
        parts.find(|(key, _)| *key == name)?.1.parse::<u64>().ok()
    };
    Some(part("calls")?.saturating_sub(part("failed_calls").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(String, String)> {
        let pairs = text.split(' ').filter_map(|line| line.split_once(':'));
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn a_flush_explains_more_than_a_start() {
        let server = lines("uptime_in_seconds:60");
        let nothing = lines("rdb_last_load_keys_loaded:0 aof_enabled:0");
        let flushed = lines(
            "cmdstat_get:calls=9 cmdstat_flushall:calls=2,usec=5,failed_calls=1 cmdstat_flushdb:calls=1",
        );
        let uptime_ms = Some(60_000);
        assert_eq!(
            of(&flushed, &server, &nothing),
            Some(Cause::Flushed {
                calls: 2,
                uptime_ms
            })
        );
        let failed = lines("cmdstat_flushall:calls=1,usec=5,rejected_calls=0,failed_calls=1");
        assert_eq!(
            of(&failed, &server, &nothing),
            Some(Cause::Empty { uptime_ms: 60_000 })
        );
        let loaded = lines("rdb_last_load_keys_loaded:7 aof_enabled:0");
        assert_eq!(of(&failed, &server, &loaded), None);
        let old = lines("uptime_in_seconds:86400");
        assert_eq!(of(&[], &old, &nothing), None);
        assert_eq!(of(&[], &[], &[]), None);
    }
}
