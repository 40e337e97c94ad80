//! What `--columns` completes with: the columns of the table that the line prints, or an entry's own and its fields.

use clap::ArgMatches;

use super::Wanted;
use super::line::{leaf, values};
use crate::cli::DryRun;
use crate::commands::help::columns::{OF_ENTRIES, Printed, of};
use crate::commands::help::usage::named;
use crate::commands::tree;
use crate::model::{Name, shown_field};
use crate::topology::Topology;

/// The columns that may follow those in `begun`, which is all that was typed: `group,la`.
pub(super) fn after(begun: &str, matches: &ArgMatches, topology: &Topology) -> Vec<String> {
    let mut typed: Vec<&str> = begun.split(',').collect();
    typed.pop();
    let mut found = match of(&named(matches).0, is_rehearsal(matches)) {
        Some(Printed::Entries) => of_entries(matches, topology),
        Some(Printed::Tables(tables)) => {
            // All of them are to be in one table.
            let tables = tables.iter().filter(|table| {
                let has = |name: &&str| table.iter().any(|column| column.key == *name);
                typed.iter().all(has)
            });
            let columns = tables.copied().flatten();
            columns.map(|column| column.key.to_owned()).collect()
        }
        None => Vec::new(),
    };
    let mut seen: Vec<String> = typed.into_iter().map(str::to_owned).collect();
    found.retain(|name| {
        let is_new = !seen.contains(name);
        seen.extend(is_new.then(|| name.clone()));
        is_new
    });
    found
}

fn is_rehearsal(matches: &ArgMatches) -> bool {
    let tree = tree();
    let is_set =
        |matches: &ArgMatches| matches.try_get_one(DryRun::ID).ok().flatten() == Some(&true);
    is_set(matches) || is_set(leaf(&tree, matches).1)
}

/// The fields are those of the streams that the line names, as far as the topology knows them.
fn of_entries(matches: &ArgMatches, topology: &Topology) -> Vec<String> {
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
    let own = OF_ENTRIES.map(str::to_owned).into_iter();
    own.chain(fields.map(|field| shown_field(field.name.as_bytes()).into_owned()))
        .collect()
}
