//! What a server is, and whether this tool can work with it.

use crate::model::Problem;
use crate::wire::{self, Connection, Hello, has_commands, hello, info};

/// A command that came with Redis 7.0 and that every later server has. Asked for instead of a version, which Valkey
/// answers with that of another product.
const MARK: &str = "LMPOP";

/// The names and values of `INFO server`.
///
/// # Errors
/// What the server says, where the user may not ask.
pub async fn about(connection: &Connection) -> wire::Result<Vec<(String, String)>> {
    connection.run(info("server")).await
}

/// The problem that this server is older than Redis 7.0 or Valkey 8; `None` when it is not, or does not say.
pub async fn too_old(connection: &Connection) -> Option<Problem> {
    let (marked, hello) = tokio::join!(
        connection.run(has_commands(&[MARK])),
        connection.run(hello())
    );
    let is_old = match (&marked, &hello) {
        (Ok(has), _) => !has.first().copied().unwrap_or(true),
        (Err(_), Ok(hello)) => major(&hello.version).is_some_and(|major| major < 7),
        _ => false,
    };
    is_old.then(|| problem(hello.ok().as_ref()))
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
