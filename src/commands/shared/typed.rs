//! The command line that was typed, so that a plan can show the command that carries it out.

use std::os::unix::ffi::OsStrExt;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::{DryRun, Limited};
use crate::model::{CommandLine, Problem, shell_option};
use crate::wire::Endpoint;

/// Options about how results are shown, or about consent. They are not part of that command.
const ABOUT_SHOWING: [&str; 15] = [
    DryRun::ID,
    Limited::ID,
    "output",
    "csv_safe",
    "columns",
    "no_headers",
    "names",
    "no_pager",
    "jq",
    "template",
    "help_json",
    "color",
    "yes",
    "quiet",
    "verbose",
];

/// Options that say where the server is, who asks, and what is expected there.
const ABOUT_SERVER: [&str; 12] = [
    "url",
    "host",
    "port",
    "db",
    "context",
    "user",
    "password_file",
    "tls_ca",
    "tls_cert",
    "tls_key",
    "tls_server_name",
    "topology",
];

/// An argument that takes the place of a relative one in a plan's command, because `-1h` is another position a minute
/// later.
pub(in crate::commands) type Pinned = (&'static str, String);

/// A command with the arguments that it was given.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Typed {
    command: String,
    words: Vec<Word>,
}

#[derive(Clone, Debug)]
struct Word {
    id: String,
    /// `--idle`; `None` for a positional argument.
    option: Option<String>,
    /// Empty for a flag.
    values: Vec<Vec<u8>>,
}

impl Typed {
    /// What `matches` has for `leaf`, the command that these words name.
    pub(in crate::commands) fn of(command: &str, leaf: &Command, matches: &ArgMatches) -> Self {
        let is_given = |arg: &&Arg| {
            let id = arg.get_id().as_str();
            let source = matches.try_contains_id(id).ok().and_then(|_| {
                let source = matches.value_source(id);
                source.filter(|it| *it == ValueSource::CommandLine)
            });
            source.is_some() && !ABOUT_SHOWING.contains(&id)
        };
        let given = leaf.get_arguments().filter(is_given);
        Self {
            command: command.to_owned(),
            words: given.map(|arg| Word::of(arg, matches)).collect(),
        }
    }

    /// The options with which another command asks the same server.
    pub(in crate::commands) fn server_options(&self) -> Vec<String> {
        let given = self.words.iter();
        let given = given.filter(|word| ABOUT_SERVER.contains(&word.id.as_str()));
        given
            .filter_map(|word| {
                let (name, value) = (word.option.as_ref()?, word.values.first()?);
                Some(shell_option(name, value.as_slice()))
            })
            .collect()
    }

    /// The first of the options that say how the server is reached.
    fn connecting(&self) -> Option<&str> {
        let is_about = |id: &str| {
            ABOUT_SERVER.contains(&id) && id != "topology"
                || ["password_stdin", "timeout"].contains(&id)
        };
        let mut words = self.words.iter();
        words.find(|it| is_about(&it.id))?.option.as_deref()
    }

    /// The command line, with `meant` in place of every word that is `given`.
    pub(in crate::commands) fn corrected(&self, given: &str, meant: &str) -> CommandLine {
        let mut corrected = self.clone();
        let values = corrected.words.iter_mut().flat_map(|it| &mut it.values);
        for value in values.filter(|it| *it == given.as_bytes()) {
            *value = meant.as_bytes().to_vec();
        }
        corrected.again(&[])
    }

    /// The command line, with pinned arguments in place of those that were typed.
    pub(in crate::commands) fn again(&self, pinned: &[Pinned]) -> CommandLine {
        let line = CommandLine::new(self.command.clone());
        let (options, arguments): (Vec<&Word>, Vec<&Word>) =
            self.words.iter().partition(|it| it.option.is_some());
        let words = arguments.into_iter().chain(options);
        words.fold(line, |line, word| word.push_to(line, pinned))
    }
}

impl Typed {
    /// Makes sure that no option says how to reach a server that is not asked.
    ///
    /// # Errors
    /// A usage error that names the option.
    pub(in crate::commands) fn require_no_connection(&self, instead: &str) -> Result<(), Problem> {
        match self.connecting() {
            None => Ok(()),
            Some(option) => Err(Problem::usage(format!(
                "{option} says how to reach a server, and none is asked: {instead}"
            ))
            .hint(format!("leave out {option}"))),
        }
    }
}

impl Word {
    fn of(arg: &Arg, matches: &ArgMatches) -> Self {
        let id = arg.get_id().as_str();
        let is_flag = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count);
        let values = matches.get_raw(id).filter(|_| !is_flag);
        let values = values.into_iter().flatten().map(OsStrExt::as_bytes);
        let long = arg.get_long().map(|long| format!("--{long}"));
        let short = || arg.get_short().map(|short| format!("-{short}"));
        Self {
            values: match id {
                "url" => values.map(without_password).collect(),
                _ => values.map(<[u8]>::to_vec).collect(),
            },
            option: long.or_else(short),
            id: id.to_owned(),
        }
    }

    fn push_to(&self, line: CommandLine, pinned: &[Pinned]) -> CommandLine {
        let pinned = pinned.iter().find(|(id, _)| *id == self.id);
        let pinned = pinned.map(|(_, value)| vec![value.clone().into_bytes()]);
        let values = pinned.as_ref().unwrap_or(&self.values);
        let Some(option) = &self.option else {
            return values.iter().fold(line, |line, it| line.arg(it.as_slice()));
        };
        if values.is_empty() {
            return line.flag(option.clone());
        }
        let push = |line: CommandLine, value: &Vec<u8>| line.option(option, value.as_slice());
        values.iter().fold(line, push)
    }
}

/// A server's URL with its password hidden.
fn without_password(url: &[u8]) -> Vec<u8> {
    let endpoint = std::str::from_utf8(url).ok().map(Endpoint::parse);
    match endpoint {
        Some(Ok(endpoint)) if endpoint.password.is_some() => endpoint.to_string().into_bytes(),
        _ => url.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::help::complete::leaf;
    use crate::commands::help::usage::named;
    use crate::commands::tree;

    fn again(line: &[&str], pinned: &[Pinned]) -> String {
        let mut tree = tree();
        let words = [&["ucp-streams"], line].concat();
        let matches = tree.try_get_matches_from_mut(words).expect("it parses");
        let (command, _) = named(&tree, &matches);
        let (leaf, matches) = leaf(&tree, &matches);
        Typed::of(&command, leaf, matches).again(pinned).to_string()
    }

    #[test]
    fn a_line_is_typed_again_without_what_is_about_showing_it() {
        for (line, expected) in [
            (
                &[
                    "-u",
                    "unix:///s",
                    "--dry-run",
                    "-o",
                    "json",
                    "claim",
                    "g",
                    "--idle=5m",
                    "--to",
                    "a b",
                    "--force",
                ][..],
                "ucp-streams claim g --to 'a b' --idle 5m --force --url unix:///s",
            ),
            (
                &[
                    "ack", "g", "1-0", "2-0", "--jq", ".", "--yes", "-vv", "--limit", "3",
                    "--stream", "s",
                ],
                "ucp-streams ack g 1-0 2-0 --stream s",
            ),
            (
                &["consumers", "delete", "--context", "prod", "--", "g", "-c"],
                "ucp-streams consumers delete --context prod -- g -c",
            ),
            (
                &[
                    "dlq",
                    "purge",
                    "s",
                    "--where",
                    "a=1",
                    "--where",
                    "b!=2",
                    "-u",
                    "redis://me:secret@h:1/2",
                ],
                "ucp-streams dlq purge s --where 'a=1' --where 'b!=2' --url 'redis://me:***@h:1/2'",
            ),
        ] {
            assert_eq!(again(line, &[]), expected);
        }
        let line = ["groups", "set-id", "g", "-1h", "--dry-run"];
        let pinned = [("position", "5-0".to_owned())];
        assert_eq!(again(&line, &pinned), "ucp-streams groups set-id g 5-0");
    }
}
