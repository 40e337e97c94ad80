//! Streams and groups that are not there, and the names of those that are: what a problem of exit 3 says.

use anyhow::Result;

use super::dead_letters::Source;
use crate::model::{CommandLine, Name, Problem, escaped, with_commas};
use crate::model::{did_you_mean, nearest};
use crate::topology::Topology;
use crate::wire::{Connection, Error, ErrorKind, key_type, scan, xinfo_consumers, xinfo_groups};

/// Pages of keys that are looked at for streams the topology does not know, about a thousand keys each.
const SCAN_PAGES_MAX: usize = 4;
/// Names that one message lists.
const LISTED_MAX: usize = 20;
/// Characters of a name that a list shows.
const SHOWN_MAX: usize = 80;

/// The streams there are: the topology's first, then what a bounded look at the keys finds, by name. What the user
/// may not ask is left out.
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
        others.extend(page.into_iter().filter(|name| !names.contains(name)));
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

/// The groups of `streams`, each name once. What the user may not ask is left out.
pub async fn groups_of(connection: &Connection, streams: &[Name]) -> Vec<Name> {
    let asked = streams.iter().map(xinfo_groups).collect();
    let answers = connection.run_all(asked).await.unwrap_or_default();
    once(answers.into_iter().flatten().flatten().map(|it| it.name))
}

/// The consumers of `group` on whichever of `streams` has it, each name once. What the user may not ask is left out.
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

/// The problem that there is no stream called `stream`, with those there are.
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
        "there is no stream yet: `ucp-streams init` creates the platform's, `publish` any"
            .to_owned()
    } else {
        format!("the streams there are: {}", listed(&names))
    })
}

/// The problem that `stream` has no group called `group`, with those it has.
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
        format!("it has none; create it with `{create}`")
    } else {
        format!("its groups: {}", listed(&names))
    })
}

/// The problem that the key called `stream` holds something else.
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
/// Not found, with the streams there are, when there is nothing or something else; what the server answers.
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

/// As [`require_stream`], where a dead-letter stream may also be missing: it is made with its first dead letter. Returns
/// the stream whose dead letters are missing, where they are.
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

/// The stream whose dead letters `name` would hold, where that stream is there and `name` is not.
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

/// Makes sure that there can be dead letters: one of the two streams is there.
///
/// # Errors
/// Not found, naming the streams there are, when neither is, or the key is something else.
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

/// What is said of a dead-letter stream that is not there.
pub fn without_dead_letters(dead_letter: &Name, stream: &Name) -> String {
    format!("no stream `{dead_letter}` yet: there are no dead letters of `{stream}`")
}

/// Makes sure that all of `streams` are there, or, with `may_be_missing`, nothing else is in their place: those that are
/// not there, a dead-letter stream among them in any case with the stream whose dead letters it would hold. Where the user
/// may not ask, the reading itself will tell.
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

/// `error` of a command about `stream`, said better where it is that there is no such stream.
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

/// Names as a list, the first of many.
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

/// A name as a list shows it: what nobody reads of a long one would hide the others.
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
