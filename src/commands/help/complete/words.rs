//! Completion that needs no server: names of commands, of built-in handlers, and the values that a field can have.

use clap::{Arg, ArgMatches};

use crate::commands::help::describe::shown;
use crate::commands::man::topics;
use crate::commands::tree;
use crate::streams::permissions;
use crate::topology::{Builtin, FieldType, Topology};

/// The set of words that an argument's value is chosen from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// Commands that have an ACL rule, word by word.
    Ruled,
    /// Commands that have a manual page, word by word.
    Documented,
    /// Built-in handlers.
    Builtin,
    /// The possible values of the field with this name.
    Field(String),
}

impl Words {
    /// Determined by the value's name, for the arguments of `command`.
    pub(super) fn of(arg: &Arg, command: &str) -> Option<Self> {
        let name = arg.get_value_names().and_then(<[_]>::first)?;
        match (name.as_str(), command) {
            ("COMMAND", "acl") => Some(Self::Ruled),
            ("COMMAND", "man") => Some(Self::Documented),
            ("NAME", _) if arg.get_id() == "builtin" => Some(Self::Builtin),
            ("VALUE", _) => Some(Self::Field(arg.get_id().to_string())),
            _ => None,
        }
    }

    /// The words, for a line that was parsed to `matches`.
    pub(super) fn all(&self, matches: &ArgMatches, topology: &Topology) -> Vec<String> {
        let typed = || -> Vec<&str> {
            let typed = matches.try_get_raw("command").ok().flatten();
            typed
                .into_iter()
                .flatten()
                .filter_map(|it| it.to_str())
                .collect()
        };
        match self {
            Self::Ruled => next(permissions::commands().map(str::to_owned), &typed()),
            Self::Documented => {
                let tree = tree();
                let pages = shown(&tree)
                    .into_iter()
                    .map(|(path, _)| path[1..].join(" "));
                let pages = pages.chain(topics().map(str::to_owned));
                next(pages, &typed())
            }
            Self::Builtin => {
                let names = Builtin::NAMES.iter();
                names
                    .map(|name| name.trim_end_matches("STREAM").to_owned())
                    .collect()
            }
            Self::Field(name) => values(name, topology),
        }
    }
}

/// The words that may follow `typed`, when `paths` are the names of commands.
fn next(paths: impl Iterator<Item = String>, typed: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for path in paths {
        let words: Vec<&str> = path.split(' ').collect();
        if let Some(word) = words.strip_prefix(typed).and_then(<[_]>::first)
            && !word.is_empty()
            && !found.iter().any(|it| it == word)
        {
            found.push((*word).to_owned());
        }
    }
    found
}

/// The possible values of fields with this name, in the streams of the topology.
fn values(name: &str, topology: &Topology) -> Vec<String> {
    let fields = topology.streams.iter().flat_map(|stream| &stream.fields);
    let mut found: Vec<String> = Vec::new();
    for field in fields.filter(|field| field.name == name) {
        if let FieldType::Words(words) = &field.kind {
            found.extend(
                words
                    .iter()
                    .filter(|word| !found.contains(word))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
    }
    found
}
