//! The manual pages under `man/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{directory, ucp};
use crate::{quietly, repository};

/// The pages that are about no command.
const TOPICS: [&str; 3] = ["runbook", "handlers", "moving"];

/// The file of one of them.
fn of_topic(topic: &str) -> String {
    format!("ucp-streams-{topic}.1")
}

/// The committed pages of commands.
fn of_commands() -> BTreeMap<String, String> {
    let mut pages = read_all(&repository("man"));
    for topic in TOPICS {
        assert!(pages.remove(&of_topic(topic)).is_some(), "{topic}");
    }
    pages
}

fn read_all(directory: &Path) -> BTreeMap<String, String> {
    fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}; run `make generate`", directory.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn the_committed_pages_are_those_of_this_source() {
    let directory = directory();
    let out = directory.path().join("pages");
    ucp(&["man", "--out", out.to_str().unwrap()])
        .assert_code(0)
        .stdout_is("")
        .stderr_has("pages written");
    let (fresh, committed) = (read_all(&out), read_all(&repository("man")));
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&fresh), names(&committed), "run `make generate`");
    for (name, page) in fresh {
        assert!(
            page == committed[&name],
            "man/{name} is stale: run `make generate`"
        );
    }
}

#[test]
fn every_page_has_its_parts_and_mandoc_finds_no_fault() {
    let pages = of_commands();
    assert!(pages.len() > 5);
    for (name, page) in &pages {
        for part in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "\"EXIT STATUS\"",
            "ENVIRONMENT",
            "FILES",
        ] {
            assert!(
                page.contains(&format!("\n.SH {part}\n")),
                "{name} has no {part}"
            );
        }
    }
    for name in pages.keys().cloned().chain(TOPICS.map(of_topic)) {
        let page = repository("man").join(name);
        quietly(
            "mandoc",
            Command::new("mandoc")
                .args(["-Tlint", "-Wwarning"])
                .arg(page),
        );
    }
    // Only what stands above other commands has no examples of its own.
    for (name, page) in &pages {
        let has_commands = page.contains("\n.SH COMMANDS\n");
        assert!(has_commands || page.contains("\n.SH EXAMPLES\n"), "{name}");
    }
}

#[test]
fn every_page_says_which_files_there_are() {
    for (name, page) in of_commands() {
        for file in [
            "config.toml",
            "context.toml",
            "ucp\\-streams.toml",
            ".ucp\\-streams/",
            "\\-\\-password\\-file",
        ] {
            assert!(page.contains(file), "{name} does not mention {file}");
        }
    }
}

#[test]
fn man_shows_every_page_without_a_word() {
    let mut pages: Vec<_> = fs::read_dir(repository("man"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    let mut man = Command::new("man");
    man.args(["--warnings", "--local-file"])
        .args(&pages)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("LC_ALL", "C.UTF-8")
        .env("MANWIDTH", "80");
    let shown = quietly("man", &mut man);
    assert_eq!(
        shown.matches("EXIT STATUS").count(),
        pages.len() - TOPICS.len()
    );
}

#[test]
fn one_page_is_printed_and_an_unknown_one_refused() {
    let page = fs::read_to_string(repository("man/ucp-streams-worker-run.1")).unwrap();
    ucp(&["man", "worker", "run"])
        .assert_code(0)
        .stdout_is(&page);
    for topic in TOPICS {
        let page = fs::read_to_string(repository("man").join(of_topic(topic))).unwrap();
        ucp(&["man", topic]).assert_code(0).stdout_is(&page);
    }
    let whole = fs::read_to_string(repository("man/ucp-streams.1")).unwrap();
    let (_, see_also) = whole.rsplit_once("SEE ALSO").unwrap();
    assert!(TOPICS.iter().all(|it| see_also.contains(it)), "{see_also}");
    ucp(&["man", "pnig"])
        .assert_code(2)
        .stderr_has("there is no command `pnig`")
        .stderr_has("did you mean `ping`?");
    ucp(&["man", "--out", "/proc/nowhere"])
        .assert_code(74)
        .stderr_has("cannot write /proc/nowhere/ucp-streams.1");
}
