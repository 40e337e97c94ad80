//! Suggests commands to people who type the names that other tools use.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::commands::tree;

/// The suggestion for each set of names in other tools.
const COMMANDS: &[(&[&str], &str)] = &[
    (
        &["mem", "du", "size", "usage", "bytes", "disk", "space"],
        "`ucp-streams memory` shows how much memory streams use, and how much trimming would free",
    ),
    (
        &["status", "overview", "state"],
        "`ucp-streams info` shows streams with their groups, `lag` how far groups are behind, and `consumers GROUP` \
            the consumers of a group",
    ),
    (
        &[
            "stat",
            "count",
            "top-keys",
            "histogram",
            "cardinality",
            "uniq",
            "analyze",
        ],
        "`ucp-streams stats STREAM --by FIELD` counts entries by the values of fields",
    ),
    (
        &["mirror", "cp", "sync", "clone", "relay"],
        "`ucp-streams copy STREAM --to CONTEXT:STREAM` copies a stream to another server, and `bridge` to Kafka",
    ),
    (
        &["kafka", "redpanda", "connect-kafka", "sink"],
        "`ucp-streams bridge` carries streams to topics of Kafka and back",
    ),
    (
        &["diff", "drift", "compare"],
        "`ucp-streams topology diff` says how a server differs from the topology, or from another server",
    ),
    (
        &["health", "healthcheck"],
        "`ucp-streams check` gives one verdict with its reasons, and `ping` checks the server",
    ),
    (
        &[
            "ls", "list", "streams", "stream", "keys", "show", "describe", "inspect", "xinfo",
            "xlen",
        ],
        "`ucp-streams info` shows the streams with their groups, and `info STREAM` one of them",
    ),
    (
        &["watch", "follow", "monitor", "subscribe", "listen", "logs"],
        "`ucp-streams tail STREAM -f` prints entries as they are added",
    ),
    (
        &[
            "cat",
            "head",
            "range",
            "xrange",
            "xrevrange",
            "xread",
            "dump",
            "export",
            "search",
            "grep",
        ],
        "`ucp-streams read STREAM` prints a range of entries, and `tail STREAM` the last ones",
    ),
    (
        &[
            "add", "send", "produce", "emit", "push", "put", "xadd", "import", "load",
        ],
        "`ucp-streams publish STREAM FIELD=VALUE` adds an entry, and `publish STREAM --file FILE` a file of them",
    ),
    (
        &["reprocess", "redeliver", "nack", "resend"],
        "`ucp-streams requeue GROUP` gives pending entries another try, and `dlq redrive STREAM` dead letters",
    ),
    (
        &[
            "dead-letters",
            "deadletters",
            "dead-letter",
            "dlqs",
            "poison",
            "errors",
        ],
        "`ucp-streams dlq list` shows the dead letters",
    ),
    (
        &["workers", "ps"],
        "`ucp-streams consumers GROUP` shows the consumers of a group",
    ),
    (
        &["start", "run", "work"],
        "`ucp-streams worker run GROUP` runs a worker, and `dev start` a private server",
    ),
    (
        &["stop"],
        "SIGTERM stops a worker; `ucp-streams dev stop` stops the private server",
    ),
    (
        &["xreadgroup", "receive", "pull", "poll"],
        "`ucp-streams consume GROUP` reads entries as a member of a group",
    ),
    (
        &["xpending", "stuck", "stale"],
        "`ucp-streams pending GROUP` shows what is pending",
    ),
    (
        &["xclaim", "xautoclaim", "steal"],
        "`ucp-streams claim GROUP` claims stale entries",
    ),
    (
        &["xack", "acknowledge"],
        "`ucp-streams ack GROUP ID…` acknowledges entries",
    ),
    (
        &["xgroup", "group"],
        "`ucp-streams groups` lists groups, and creates, moves and deletes them",
    ),
    (
        &["reset", "seek", "rewind", "offsets", "offset"],
        "`ucp-streams groups set-id GROUP POSITION` moves a group",
    ),
    (
        &["connect", "login", "use", "config", "profile", "contexts"],
        "`ucp-streams context` manages the named connections to servers and selects one",
    ),
    (
        &["setup", "create", "migrate", "apply"],
        "`ucp-streams init` creates the streams and groups of the topology",
    ),
    (
        &["schema", "schemas", "validate"],
        "`ucp-streams topology` shows and checks streams, groups and schemas",
    ),
    (
        &["permissions", "users", "rules"],
        "`ucp-streams acl COMMAND` prints the rule that a command needs",
    ),
    (
        &["xtrim", "xdel"],
        "`ucp-streams trim STREAM` removes its oldest entries, and `publish` trims by the MAXLEN of the topology",
    ),
];

/// The suggestion for a command of another tool, when `args` do not start with a command of this one.
pub(super) fn command_for(error: &clap::Error, args: &[OsString]) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let tree = tree();
    let before = args.iter().skip(1).take_while(|it| *it != word.as_str());
    let parent = before
        .filter_map(|it| it.to_str())
        .find_map(|it| tree.find_subcommand(it));
    if let Some(parent) = parent {
        let has_list = word == "ls" && parent.find_subcommand("list").is_some();
        return has_list.then(|| format!("did you mean `ucp-streams {} list`?", parent.get_name()));
    }
    let typed = word.to_lowercase();
    let found = COMMANDS.iter().find(|(names, _)| names.contains(&&*typed));
    found.map(|(_, here)| (*here).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_the_place_of_a_command_is_one() {
        let tree = tree();
        for (names, here) in COMMANDS {
            let named = here.split('`').skip(1).step_by(2);
            for words in named.filter(|it| it.starts_with(|first: char| first.is_lowercase())) {
                let words = words.strip_prefix("ucp-streams ").unwrap_or(words);
                let command = words.split(' ').next().expect("a word");
                assert!(
                    tree.find_subcommand(command).is_some(),
                    "{names:?}: {words}"
                );
            }
            for name in *names {
                assert!(tree.find_subcommand(name).is_none(), "{name}");
            }
        }
    }
}
