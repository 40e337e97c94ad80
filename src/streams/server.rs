//! Recognises what a server is, and whether this tool can work with it.

use crate::model::{CommandLine, Kind, Problem, escaped};
use crate::wire::{
    self, Connection, Hello, address, dbsize, has_commands, hello, info, sentinel_masters,
};

/// A command that came with Redis 7.0 and that every later server has. It is asked for instead of the version,
/// because Valkey has version numbers of its own.
const MARK: &str = "LMPOP";

/// The names and values of `INFO server`.
///
/// # Errors
/// Errors of the server, also when the user may not ask.
pub async fn about(connection: &Connection) -> wire::Result<Vec<(String, String)>> {
    connection.run(info("server")).await
}

/// How many primaries of a sentinel one message names.
const MASTERS_MAX: usize = 5;

/// The error that this tool cannot work with the server: it is a sentinel, or older than Redis 7.0 or Valkey 8.
/// `None` when it is neither, or does not say.
pub async fn unfit(connection: &Connection) -> Option<Problem> {
    let (marked, hello) = tokio::join!(
        connection.run(has_commands(&[MARK])),
        connection.run(hello())
    );
    if is_sentinel(connection, hello.as_ref().ok()).await {
        return Some(sentinel(connection).await);
    }
    let is_old = match (&marked, &hello) {
        (Ok(has), _) => !has.first().copied().unwrap_or(true),
        (Err(_), Ok(hello)) => major(&hello.version).is_some_and(|major| major < 7),
        _ => false,
    };
    is_old.then(|| problem(hello.ok().as_ref()))
}

async fn is_sentinel(connection: &Connection, hello: Option<&Hello>) -> bool {
    if let Some(hello) = hello {
        return hello.mode == "sentinel";
    }
    let said = about(connection).await.unwrap_or_default();
    said.iter()
        .any(|(name, value)| name == "redis_mode" && value == "sentinel")
}

async fn sentinel(connection: &Connection) -> Problem {
    let masters = connection.run(sentinel_masters()).await.unwrap_or_default();
    let named = masters.iter().take(MASTERS_MAX);
    let named = named.map(|(name, address)| {
        format!(
            "`{}` is {}",
            escaped(name.as_bytes()),
            escaped(address.as_bytes())
        )
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let (which, url) = match &masters[..] {
        [] => ("it names no master".to_owned(), None),
        [(_, address)] => (format!("its master {named}"), Some(address)),
        [(_, address), ..] => (format!("its masters: {named}"), Some(address)),
    };
    let problem = Problem::usage(format!("this is a sentinel, which has no streams; {which}"));
    match url {
        Some(address) => problem.hint(format!(
            "name the master itself: {}",
            CommandLine::new("ping").option("--url", format!("redis://{address}"))
        )),
        None => problem.hint("name a server with --url"),
    }
}

/// A replica, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The address of its primary.
    pub primary: String,
    /// Whether the replica has had no link to its primary since it was started, so that its data may be old or missing.
    pub is_loading: bool,
}

impl Replica {
    /// Parses the lines of `INFO replication`; `None` for a primary.
    pub fn of(replication: &[(String, String)]) -> Option<Self> {
        let said = |name: &str| {
            let line = replication.iter().find(|(key, _)| key == name);
            line.map(|(_, value)| value.as_str())
        };
        let is_replica = matches!(said("role"), Some("slave" | "replica"));
        is_replica.then(|| Self {
            primary: address(
                said("master_host").unwrap_or_default(),
                said("master_port").unwrap_or_default(),
            ),
            is_loading: said("master_link_status") == Some("down")
                && said("master_link_down_since_seconds") == Some("-1"),
        })
    }

    /// The error that the replica has no data to show yet.
    pub fn still_loading(&self) -> Problem {
        let primary = escaped(self.primary.as_bytes());
        let text = format!(
            "this server is a replica that is still loading: it does not have the data of its primary, {primary}, yet"
        );
        Problem::new(Kind::Unavailable, text).hint(self.next_step())
    }

    /// The error that the server has no data to show yet, if it is a replica that is still loading.
    pub async fn without_data(&self, connection: &Connection) -> Option<Problem> {
        let is_empty = async || connection.run(dbsize()).await.is_ok_and(|keys| keys == 0);
        (self.is_loading && is_empty().await).then(|| self.still_loading())
    }

    /// What to do while the replica is loading.
    pub fn next_step(&self) -> String {
        format!("wait until it has loaded, or {}", self.instead())
    }

    /// Which server to use instead.
    pub fn instead(&self) -> String {
        let url = format!("redis://{}", self.primary);
        let line = CommandLine::new("ping").option("--url", url);
        format!("name its primary: {line}")
    }
}

/// The replica that the server is, if it says so.
pub async fn replica(connection: &Connection) -> Option<Replica> {
    Replica::of(&connection.run(info("replication")).await.ok()?)
}

/// The error that something may be missing only because the server is a replica that is still loading.
pub async fn still_loading(connection: &Connection) -> Option<Problem> {
    let replica = replica(connection).await?;
    replica.is_loading.then(|| replica.still_loading())
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

fn problem(hello: Option<&Hello>) -> Problem {
    let which = hello.map_or_else(
        || "this server".to_owned(),
        |hello| format!("this server ({} {})", hello.server, hello.version),
    );
    Problem::usage(format!(
        "{which} is too old: ucp-streams needs Redis 7.0 or Valkey 8, or newer"
    ))
    .hint("upgrade it, or name another with --url")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_that_has_had_a_link_is_not_loading() {
        let said = |link: &str, since: &str| {
            let lines = [
                ("role", "slave"),
                ("master_host", "::1"),
                ("master_port", "7"),
                ("master_link_status", link),
                ("master_link_down_since_seconds", since),
            ];
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            let lines: Vec<_> = lines.iter().map(owned).collect();
            Replica::of(&lines).map(|it| (it.primary, it.is_loading))
        };
        let primary = || "[::1]:7".to_owned();
        assert_eq!(said("down", "-1"), Some((primary(), true)));
        assert_eq!(said("down", "14"), Some((primary(), false)));
        assert_eq!(said("up", ""), Some((primary(), false)));
        let primary = [("role".to_owned(), "master".to_owned())];
        assert_eq!(Replica::of(&primary), None);
    }

    #[test]
    fn versions_have_a_major_number() {
        for (version, expected) in [
            ("6.2.5", Some(6)),
            ("7.0.15", Some(7)),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(major(version), expected);
        }
    }
}
