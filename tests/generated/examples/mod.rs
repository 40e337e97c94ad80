//! The examples in the help and on the manual pages: each is run in a shell, as it stands, on a server where what it
//! names is there.

mod scene;

use std::path::Path;

use serde_json::Value;

#[cfg(all(target_os = "linux", feature = "kafka"))]
use crate::support::Broker;
use crate::support::{Run, ucp};
use scene::{Shop, prepare};

/// An example, and what its command does to a server.
struct Example {
    line: String,
    is_destructive: bool,
}

/// Every line of every command's examples that is not a comment. Groups of commands show those of their own.
fn examples() -> Vec<Example> {
    let help = ucp(&["--help-json"]);
    let help = help.assert_code(0).stdout_json();
    let commands = help["commands"].as_array().unwrap();
    let of = |line: &str| {
        let named = |command: &&Value| {
            let name = command["name"].as_str().unwrap();
            format!("{line} ").starts_with(&format!("ucp-streams {name} "))
        };
        let longest = |command: &&Value| command["name"].as_str().unwrap().len();
        commands.iter().filter(named).max_by_key(longest)
    };
    let mut found = Vec::new();
    for command in commands {
        let lines = command["examples"].as_array().unwrap().iter();
        let lines = lines.map(|line| line.as_str().unwrap());
        let typed: Vec<_> = lines.filter(|line| !line.starts_with('#')).collect();
        let is_leaf = command["impact"] != Value::Null;
        assert!(
            !is_leaf || typed.len() >= 2,
            "{} {typed:?}",
            command["name"]
        );
        found.extend(typed.into_iter().map(|line| Example {
            line: line.to_owned(),
            is_destructive: of(line).is_some_and(|command| command["impact"] == "destructive"),
        }));
    }
    assert!(found.len() > 100);
    found
}

/// The examples of a command and all below it, as its help shows them.
fn shown(command: &clap::Command, found: &mut Vec<String>) {
    let help = command.get_after_help().map(ToString::to_string);
    for paragraph in help.unwrap_or_default().split("\n\n") {
        if let Some(lines) = paragraph.strip_prefix("Examples:\n") {
            found.push(lines.to_owned());
        }
    }
    for inner in command.get_subcommands() {
        shown(inner, found);
    }
}

#[test]
fn no_line_of_an_example_is_broken_by_a_terminal_of_eighty_columns() {
    const COLUMNS_MAX: usize = 78;
    let mut found = Vec::new();
    shown(&ucp_streams::commands::tree(), &mut found);
    let long = found.iter().flat_map(|lines| lines.lines());
    let long: Vec<_> = long
        .filter(|line| line.chars().count() > COLUMNS_MAX)
        .collect();
    assert!(
        long.is_empty(),
        "end a line with ` \\`:\n{}",
        long.join("\n")
    );
    // What is pasted from several lines is what is run here in one.
    let joined = found.iter().map(|lines| lines.replace(" \\\n      ", " "));
    let mut pasted: Vec<String> = Vec::new();
    for lines in joined {
        pasted.extend(lines.lines().map(|line| line.trim_start().to_owned()));
    }
    pasted.retain(|line| !line.starts_with('#'));
    let run: Vec<_> = examples().into_iter().map(|example| example.line).collect();
    assert_eq!(pasted, run);
}

/// Every fourth example, so that they are run beside each other.
fn runs(quarter: usize) {
    for example in examples().iter().skip(quarter).step_by(4) {
        // `tests/interop` has what is for `DuckDB`.
        if !example.line.starts_with("duckdb ") {
            runs_one(example);
        }
    }
}

#[test]
fn examples_run_first_quarter() {
    runs(0);
}

#[test]
fn examples_run_second_quarter() {
    runs(1);
}

#[test]
fn examples_run_third_quarter() {
    runs(2);
}

#[test]
fn examples_run_last_quarter() {
    runs(3);
}

fn runs_one(example: &Example) {
    let shop = prepare(&example.line);
    let line = shop.here(&example.line);
    if line.starts_with("ucp-streams bridge ") {
        return bridges(&shop, &line);
    }
    if goes_on(&line) {
        let effect = |shop: &Shop| {
            let said = shop.said();
            if line.contains("worker run") {
                shop.all_is_handled()
            } else {
                said.contains('\n')
            }
        };
        // To tell a worker or a server to stop is how its work ends; who follows is interrupted.
        let is_service = ["worker run", "serve", "record", "archive", "copy"]
            .iter()
            .any(|it| line.contains(it));
        let code = if is_service { 0 } else { 143 };
        shop.until_stopped(&line, effect).assert_code(code);
        return;
    }
    // On a server that is a moment old nobody has been away for a day, so that there is nothing to ask.
    let is_said = ["--yes", "--dry-run", "--idle 1d"].iter();
    let asks = example.is_destructive && !is_said.into_iter().any(|word| line.contains(word));
    if line.split(' ').nth(1) == Some("top") {
        // A terminal to draw on is what tests/top has.
        shop.bash(&line).assert_code(2).stderr_has("not a terminal");
        return;
    }
    let run = if asks {
        // Without a terminal to ask on, nothing is done.
        shop.bash(&line).assert_code(6).stderr_has("--yes");
        shop.bash(&format!("{line} --yes"))
    } else {
        shop.bash(&line)
    };
    ends_well(&run, &line, &shop);
    shop.clear(&line);
}

/// In a build without Kafka they say that it is missing.
#[cfg(not(all(target_os = "linux", feature = "kafka")))]
fn bridges(shop: &Shop, line: &str) {
    shop.bash(line).stderr_has("error:");
}

/// With a broker in place of those that the example names; it has no TLS.
#[cfg(all(target_os = "linux", feature = "kafka"))]
fn bridges(shop: &Shop, line: &str) {
    let broker = Broker::start();
    for topic in ["events", "raw"] {
        broker.topic(topic, 2);
    }
    let brokers = broker.brokers();
    let here = |line: &str| {
        let line = line.replace("kafka-1:9092,kafka-2:9092", &brokers);
        let line = line.replace("kafka-1:9092", &brokers);
        shop.bash(&format!("export UCP_STREAMS_KAFKA={brokers}; {line}"))
    };
    if line.contains("--kafka-password-file") {
        here(line)
            .assert_code(74)
            .stderr_has("cannot read the password");
        return;
    }
    if line.contains(" status") || line.contains(" verify") || line.contains(" from-kafka") {
        here("ucp-streams bridge to-kafka events.normalized --topic events --once").assert_code(0);
    }
    if line.contains("verify events.again") {
        here("ucp-streams bridge from-kafka events --to events.again --once").assert_code(0);
    }
    let is_service = line.contains("to-kafka") || line.contains("from-kafka");
    let ends_itself = line.contains("--once") || line.contains("--until");
    let is_endless = is_service && !ends_itself;
    let line = if is_endless {
        format!("{line} --once")
    } else {
        line.to_owned()
    };
    here(&line).assert_code(0).stderr_lacks("error:");
}

fn ends_well(run: &Run, line: &str, shop: &Shop) {
    if line.ends_with("--drop-one") {
        run.assert_code(9).stderr_has("does not add up");
        return;
    }
    if line.starts_with("ucp-streams check") && !line.contains("||") {
        // The shop has a dead letter, and entries that nobody acknowledged.
        run.assert_code(2)
            .stdout_has("CRITICAL")
            .stderr_lacks("error:");
        return;
    }
    let is_answer = line.starts_with("ucp-streams doctor") && !line.contains("--explain")
        || line.starts_with("ucp-streams topology diff") && !line.contains("--against")
        // The dead letter is no event, and the other handler counts where this one only says yes.
        || line.starts_with("ucp-streams try") && (line.contains("--dlq") || line.contains("--against"));
    let code = i32::from(is_answer);
    run.assert_code(code).stderr_lacks("error:");
    if let Some((_, file)) = line.split_once(" > ") {
        let file = file.split_whitespace().next().unwrap().replace("~/", "");
        let written = std::fs::read_to_string(shop.home().join(Path::new(&file))).unwrap();
        assert!(written.contains("ucp-streams"), "{file}");
    } else if line.starts_with("redis-cli ") {
        shop.redis_cli_is_obeyed();
    } else if !line.starts_with("source ") {
        let said = run.stdout.len() + run.stderr.len();
        assert!(said > 0, "it says nothing\n{run}");
    }
}

/// Whether a line goes on until it is told to stop.
fn goes_on(line: &str) -> bool {
    let words: Vec<_> = line.split(' ').collect();
    let follows = words.contains(&"-f") && words.contains(&"tail") || words.contains(&"--follow");
    let ends = words.contains(&"--once") || words.contains(&"--dry-run");
    let is_worker = line.starts_with("ucp-streams worker run") && !ends;
    let is_service = ["ucp-streams serve", "ucp-streams record"]
        .iter()
        .any(|it| line.starts_with(it));
    follows || is_worker || is_service
}
