//! What does not exist, said with the names of what does: reads, and only after something was not found.

use anyhow::{Error, Result};

use crate::model::{ConsumerInfo, GroupInfo, Name, Problem};
use crate::wire::{self, Connection, ErrorKind, scan, xinfo_consumers, xinfo_groups};

/// Pages of keys looked through for streams: a hint is not worth walking a large key space.
const PAGES_MAX: usize = 10;
/// Names in a hint.
const NAMES_MAX: usize = 12;

/// The groups of `stream`.
///
/// # Errors
/// Not found, naming the streams there are, when there is no such stream; else what the server says.
pub async fn groups_of(connection: &Connection, stream: &Name) -> Result<Vec<GroupInfo>> {
    match connection.run(xinfo_groups(stream)).await {
        Ok(groups) => Ok(groups),
        Err(error) if error.kind == ErrorKind::NoKey => {
            Err(no_stream(connection, stream).await.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The group `group` of `stream` and all groups there are.
///
/// # Errors
/// Not found, naming the groups or streams there are; else what the server says.
pub async fn group_of(
    connection: &Connection,
    stream: &Name,
    group: &Name,
) -> Result<(GroupInfo, Vec<GroupInfo>)> {
    let groups = groups_of(connection, stream).await?;
    match groups.iter().find(|it| it.name == *group) {
        Some(found) => Ok((found.clone(), groups)),
        None => Err(no_group(stream, group, &groups).into()),
    }
}

/// The consumer `consumer` of the group.
///
/// # Errors
/// Not found, naming the consumers there are; else what the server says.
pub async fn consumer_of(
    connection: &Connection,
    stream: &Name,
    group: &Name,
    consumer: &Name,
) -> Result<ConsumerInfo> {
    let consumers = connection
        .run(xinfo_consumers(stream, group))
        .await
        .map_err(Error::from)?;
    let names = listed(consumers.iter().map(|it| &it.name));
    let found = consumers.into_iter().find(|it| it.name == *consumer);
    found.ok_or_else(|| {
        let problem = Problem::not_found(format!(
            "group `{group}` of stream `{stream}` has no consumer `{consumer}`"
        ));
        match names {
            Some(names) => problem.hint(format!("its consumers are: {names}")),
            None => problem.hint("it has no consumers: start a worker first"),
        }
        .into()
    })
}

/// The problem that `stream` does not exist, with the streams that do.
pub async fn no_stream(connection: &Connection, stream: &Name) -> Problem {
    let problem = Problem::not_found(format!("there is no stream `{stream}`"));
    match streams(connection).await {
        Ok((names, more)) if !names.is_empty() => {
            let names = listed(names.iter()).unwrap_or_default();
            let more = if more { ", …" } else { "" };
            problem.hint(format!("streams that exist: {names}{more}"))
        }
        _ => problem.hint("`ucp-streams init` creates the platform's streams and groups"),
    }
}

fn no_group(stream: &Name, group: &Name, groups: &[GroupInfo]) -> Problem {
    let problem = Problem::not_found(format!("stream `{stream}` has no group `{group}`"));
    match listed(groups.iter().map(|it| &it.name)) {
        Some(names) => problem.hint(format!("its groups are: {names}")),
        None => problem.hint(format!("create it with `ucp-streams init {group}`")),
    }
}

/// Streams among the first keys, sorted, and whether there may be more.
async fn streams(connection: &Connection) -> wire::Result<(Vec<Name>, bool)> {
    let (mut names, mut cursor) = (Vec::new(), 0);
    for _ in 0..PAGES_MAX {
        let (next, page) = connection.run(scan(cursor, b"*", Some("stream"))).await?;
        names.extend(page);
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok((names, cursor != 0))
}

/// `a, b, c`, at most so many; `None` for no names.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a Name>) -> Option<String> {
    let count = names.len();
    let shown: Vec<String> = names.take(NAMES_MAX).map(ToString::to_string).collect();
    let more = if count > NAMES_MAX { ", …" } else { "" };
    (count > 0).then(|| format!("{}{more}", shown.join(", ")))
}
