//! The result of parsing a line, as far as completion needs it.

use clap::{ArgMatches, Command};

use super::Wanted;
use crate::cli::to_name;
use crate::commands::tree;
use crate::model::Name;

/// The command on a parsed line, with its own matches.
pub(in crate::commands) fn leaf<'a>(
    tree: &'a Command,
    matches: &'a ArgMatches,
) -> (&'a Command, &'a ArgMatches) {
    let (mut command, mut matches) = (tree, matches);
    while let Some((name, inner)) = matches.subcommand() {
        let Some(below) = command.find_subcommand(name) else {
            break;
        };
        (command, matches) = (below, inner);
    }
    (command, matches)
}

/// The values that the line gives for arguments that name exactly `wanted`.
pub(super) fn values(matches: &ArgMatches, wanted: Wanted) -> Vec<Name> {
    let tree = tree();
    let (command, matches) = leaf(&tree, matches);
    let arguments = command.get_arguments();
    let arguments = arguments.filter(|arg| Wanted::of(arg) == [wanted]);
    let raw = arguments.filter_map(|arg| matches.try_get_raw(arg.get_id().as_str()).ok()?);
    raw.flatten()
        .filter_map(|value| to_name(value.to_owned()).ok())
        .collect()
}
