//! Errors about streams and groups that do not exist (exit 3), which list the names of those that do.

use anyhow::Result;

use super::dead_letters::Source;
use crate::model::{CommandLine, Name, Problem, escaped, with_commas};
use crate::model::{did_you_mean, nearest};
use crate::topology::{Topology, home_of_retries, is_journal};
use crate::wire::{Connection, Error, ErrorKind, key_type, scan, xinfo_consumers, xinfo_groups};

/// How many pages of keys are scanned for streams that are not in the topology, about a thousand keys each.
const SCAN_PAGES_MAX: usize = 4;
/// How many names one message lists.
const LISTED_MAX: usize = 20;
/// How many characters of a name a list shows.
const SHOWN_MAX: usize = 80;

/// The existing streams: first the topology's, then those that a bounded scan of the keys finds, by name. What the
/// user may not ask for is left out.
pub async fn existing(connection: &Connection, topology: &Topology) -> Vec<Name> {
    let known = topology.streams.iter().map(|stream| &stream.name);
    let asked = known.clone().map(key_type).collect();
    let types = connection.run_all(asked).await.unwrap_or_default();
    let mut names: Vec<Name> = known
        .zip(types)
        .filter(|(_, kind)| matches!(kind, Ok(kind) if kind == b"stream"))
        .map(|(name, _)| name.clone())
        .collect();
    let mut others = Vec::new();
    let mut cursor = 0;
    for _ in 0..SCAN_PAGES_MAX {
        let Ok((next, page)) = connection.run(scan(cursor, b"*", Some("stream"))).await else {
            break;
        };
        let page = page.into_iter();
        others.extend(page.filter(|name| !names.contains(name) && !is_own(name)));
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    others.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    others.dedup();
    names.append(&mut others);
    names
}

/// Whether a stream belongs to this tool and is none of the pipeline.
fn is_own(key: &Name) -> bool {
    is_journal(key) || home_of_retries(key).is_some()
}

/// The groups of `streams`, each name once. What the user may not ask for is left out.
pub async fn groups_of(connection: &Connection, streams: &[Name]) -> Vec<Name> {
    let asked = streams.iter().map(xinfo_groups).collect();
    let answers = connection.run_all(asked).await.unwrap_or_default();
    once(answers.into_iter().flatten().flatten().map(|it| it.name))
}

/// The consumers of `group` on all of `streams` that have it, each name once. What the user may not ask for is left
/// out.
pub async fn consumers_of(connection: &Connection, streams: &[Name], group: &Name) -> Vec<Name> {
    let asked = streams
        .iter()
        .map(|stream| xinfo_consumers(stream, group))
        .collect();
    let answers = connection.run_all(asked).await.unwrap_or_default();
    once(answers.into_iter().flatten().flatten().map(|it| it.name))
}

fn once(names: impl Iterator<Item = Name>) -> Vec<Name> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// The error that there is no stream called `stream`, with the existing ones.
pub async fn no_stream(connection: &Connection, topology: &Topology, stream: &Name) -> Problem {
    let mut groups = topology.groups.iter();
    if let Some(group) = groups.find(|it| it.name == *stream) {
        return Problem::not_found(format!(
            "no stream `{stream}`: that is a group of stream `{}`",
            group.stream
        ))
        .hint(format!("name the stream: {}", group.stream.word()));
    }
    let names = existing(connection, topology).await;
    let problem = Problem::not_found(format!(
        "no stream `{stream}`{}",
        did_you_mean_one(stream, &names)
    ));
    problem.hint(if names.is_empty() {
        "there is no stream yet: `ucp-streams init` creates the platform's streams, and `publish` any stream"
            .to_owned()
    } else {
        format!("the existing streams are: {}", listed(&names))
    })
}

/// The error that `stream` has no group called `group`, with those it has.
pub async fn no_group(connection: &Connection, stream: &Name, group: &Name) -> Problem {
    let groups = connection.run(xinfo_groups(stream)).await;
    let names: Vec<Name> = groups
        .unwrap_or_default()
        .into_iter()
        .map(|group| group.name)
        .collect();
    let problem = Problem::not_found(format!(
        "stream `{stream}` has no group `{group}`{}",
        did_you_mean_one(group, &names)
    ));
    problem.hint(if names.is_empty() {
        let create = CommandLine::new("init")
            .arg(group)
            .option("--stream", stream);
        format!("the stream has no groups; create this one with `{create}`")
    } else {
        format!("its groups: {}", listed(&names))
    })
}

/// The error that the key called `stream` is not a stream.
pub fn not_a_stream(stream: &Name, kind: &[u8]) -> Problem {
    Problem::not_found(format!(
        "`{stream}` is not a stream: the key holds a {}",
        escaped(kind)
    ))
    .hint("check the name; nothing was read or changed")
}

/// Makes sure that there is a stream called `stream`.
///
/// # Errors
/// Not found, with the existing streams, when there is no such key or it is not a stream; errors of the server.
pub async fn require_stream(
    connection: &Connection,
    topology: &Topology,
    stream: &Name,
) -> Result<()> {
    let kind = connection.run(key_type(stream)).await?;
    match kind.as_slice() {
        b"stream" => Ok(()),
        b"none" => Err(no_stream(connection, topology, stream).await.into()),
        other => Err(not_a_stream(stream, other).into()),
    }
}

/// As [`require_stream`], but a dead-letter stream may also be missing, because it is created with its first dead
/// letter. Returns the stream whose dead letters it would hold in that case.
///
/// # Errors
/// As [`require_stream`].
pub async fn require_unless_dead_letters(
    connection: &Connection,
    topology: &Topology,
    stream: &Name,
) -> Result<Option<Name>> {
    match require_stream(connection, topology, stream).await {
        Ok(()) => Ok(None),
        Err(error) => match has_no_dead_letters(connection, topology, stream).await {
            Some(of) => Ok(Some(of)),
            None => Err(error),
        },
    }
}

/// The stream whose dead letters `name` would hold, if that stream exists and `name` does not.
async fn has_no_dead_letters(
    connection: &Connection,
    topology: &Topology,
    name: &Name,
) -> Option<Name> {
    let source = Source::named(topology, name);
    if source.dead_letter != *name {
        return None;
    }
    let asked = vec![key_type(&source.stream), key_type(name)];
    let kinds = connection.run_all(asked).await.ok()?;
    let is = |at: usize, kind: &[u8]| matches!(&kinds[at], Ok(found) if found == kind);
    (is(0, b"stream") && is(1, b"none")).then_some(source.stream)
}

/// Makes sure that at least one of the two streams exists, so that there can be dead letters.
///
/// # Errors
/// Not found, with the existing streams, when neither exists, or the key is not a stream.
pub async fn require_letters(
    connection: &Connection,
    topology: &Topology,
    source: &Source,
) -> Result<()> {
    let kind = connection.run(key_type(&source.dead_letter)).await?;
    match kind.as_slice() {
        b"stream" => Ok(()),
        b"none" => require_stream(connection, topology, &source.stream).await,
        other => Err(not_a_stream(&source.dead_letter, other).into()),
    }
}

/// The message about a dead-letter stream that does not exist.
pub fn without_dead_letters(dead_letter: &Name, stream: &Name) -> String {
    format!("no stream `{dead_letter}` yet: there are no dead letters of `{stream}`")
}

/// Makes sure that all of `streams` exist. With `may_be_missing`, it is enough that no other kind of key has their
/// names; the missing ones are returned. A dead-letter stream may always be missing, and is returned with the stream
/// whose dead letters it would hold. When the user may not ask, the later read reports the error.
///
/// # Errors
/// As [`require_stream`].
pub async fn require_streams<'s>(
    connection: &Connection,
    topology: &Topology,
    streams: &'s [Name],
    may_be_missing: bool,
) -> Result<Vec<(&'s Name, Option<Name>)>> {
    let asked = streams.iter().map(key_type).collect();
    let mut missing = Vec::new();
    for (stream, kind) in streams.iter().zip(connection.run_all(asked).await?) {
        match kind.as_deref() {
            Ok(b"none") if may_be_missing => missing.push((stream, None)),
            Ok(b"none") => match has_no_dead_letters(connection, topology, stream).await {
                Some(of) => missing.push((stream, Some(of))),
                None => return Err(no_stream(connection, topology, stream).await.into()),
            },
            Ok(b"stream") | Err(_) => {}
            Ok(other) => return Err(not_a_stream(stream, other).into()),
        }
    }
    Ok(missing)
}

/// `error` of a command about `stream`, or a better one when that stream does not exist.
pub async fn explain(
    connection: &Connection,
    topology: &Topology,
    stream: &Name,
    error: Error,
) -> anyhow::Error {
    match error.kind {
        ErrorKind::NoKey | ErrorKind::WrongType => {
            match require_stream(connection, topology, stream).await {
                Err(better) => better,
                Ok(()) => error.into(),
            }
        }
        _ => error.into(),
    }
}

fn did_you_mean_one(given: &Name, names: &[Name]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let given = given.to_string();
    did_you_mean(nearest(&given, names.iter().map(String::as_str)))
}

/// Names as a list, limited in length.
pub fn listed(names: &[Name]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(LISTED_MAX)
        .map(|name| cut(name.to_string()))
        .collect();
    match names.len().saturating_sub(LISTED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), with_commas(more)),
    }
}

/// A name as a list shows it, cut short so that it does not hide the others.
fn cut(name: String) -> String {
    match name.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<Name> = (0..22).map(|n| Name::from(format!("s{n}"))).collect();
        assert_eq!(listed(&names[..2]), "s0, s1");
        assert!(listed(&names).ends_with("s19 and 2 more"));
        let long = [Name::from("ä".repeat(5000)), Name::from("b")];
        assert_eq!(listed(&long), format!("{}…, b", "ä".repeat(80)));
    }
}
