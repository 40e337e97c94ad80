//! Completion of `--columns`: the columns of the table that the command prints, or those of an entry and its fields.

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::Wanted;
use super::parsed::{leaf, values};
use crate::cli::{DryRun, Prints, PrintsPlan, PrintsWith};
use crate::commands::tree;
use crate::model::{Name, shown_field};
use crate::topology::Topology;

/// The columns that may follow those in `begun`, the text typed so far: `group,la`.
pub(super) fn after(begun: &str, matches: &ArgMatches, topology: &Topology) -> Vec<String> {
    let mut typed: Vec<&str> = begun.split(',').collect();
    typed.pop();
    let Some(prints) = printed(matches) else {
        return Vec::new();
    };
    // All of them are to be in one table.
    let tables = prints.tables.iter().filter(|table| {
        let has = |name: &&str| table.iter().any(|column| column.key == *name);
        prints.has_entries || typed.iter().all(has)
    });
    let columns = tables.copied().flatten();
    let mut found: Vec<String> = columns.map(|column| column.key.to_owned()).collect();
    if prints.has_entries {
        found.extend(fields(matches, topology));
    }
    let mut seen: Vec<String> = typed.into_iter().map(str::to_owned).collect();
    found.retain(|name| {
        let is_new = !seen.contains(name);
        seen.extend(is_new.then(|| name.clone()));
        is_new
    });
    found
}

/// What the command on the line prints.
fn printed(matches: &ArgMatches) -> Option<Prints> {
    let tree = tree();
    let (command, innermost) = leaf(&tree, matches);
    let is_set =
        |matches: &ArgMatches| matches.try_get_one(DryRun::ID).ok().flatten() == Some(&true);
    let is_rehearsal = is_set(matches) || is_set(innermost);
    let plan = command.get::<PrintsPlan>().filter(|_| is_rehearsal);
    let is_there = |id: &str| innermost.value_source(id) == Some(ValueSource::CommandLine);
    let with = command.get::<PrintsWith>();
    let with = with.filter(|it| is_there(it.option));
    let other = plan.map(|it| it.0).or_else(|| with.map(|it| it.prints));
    other.or_else(|| command.get::<Prints>().copied())
}

/// The fields of the streams on the line, as far as the topology knows them.
fn fields(matches: &ArgMatches, topology: &Topology) -> Vec<String> {
    let mut named = values(matches, Wanted::Stream);
    let of_group = |group: Name| Some(topology.group(&group, None).ok()?.stream.clone());
    named.extend(
        values(matches, Wanted::Group)
            .into_iter()
            .filter_map(of_group),
    );
    let streams = topology.streams.iter();
    let streams = streams.filter(|stream| named.is_empty() || named.contains(&stream.name));
    let fields = streams.flat_map(|stream| &stream.fields);
    fields
        .map(|field| shown_field(field.name.as_bytes()).into_owned())
        .collect()
}
