//! The rules, and what breaks them.

use std::fmt;

use crate::source::{Source, Token};
use crate::table::Table;

/// Crates that only some layers may name.
pub const CRATES: &[(&str, &[&str])] = &[
    ("axum", &["serve", "commands"]),
    ("base64", &["model", "serve", "view"]),
    ("clap", &["cli", "commands", "settings"]),
    ("clap_complete", &["cli", "commands"]),
    ("clap_mangen", &["commands"]),
    ("colored", &["view", "console"]),
    ("comfy_table", &["view"]),
    ("crossterm", &["view", "console"]),
    ("crc32fast", &["recording"]),
    ("csv", &["streams"]),
    ("dialoguer", &["console"]),
    ("flate2", &["streams"]),
    (
        "futures_util",
        &["bridge", "streams", "worker", "commands", "wire", "serve"],
    ),
    ("hyper", &["serve"]),
    ("hyper_util", &["serve"]),
    ("indicatif", &["console"]),
    ("jaq_core", &["view"]),
    ("jaq_json", &["view"]),
    ("jaq_std", &["view"]),
    ("jiff", &["model", "topology", "streams", "cli"]),
    ("krafka", &["kafka"]),
    ("parquet", &["archive"]),
    ("minijinja", &["view"]),
    ("prometheus_client", &["view"]),
    ("ratatui", &["top", "console"]),
    ("redis", &["wire"]),
    ("regex", &["streams", "commands", "serve"]),
    ("reqwest", &["http", "archive", "worker"]),
    (
        "rustix",
        &[
            "archive",
            "server",
            "worker",
            "console",
            "private",
            "recording",
            "settings",
            "snapshots",
        ],
    ),
    ("rusty_s3", &["archive"]),
    ("rustls_native_certs", &["wire"]),
    ("sd_notify", &["console"]),
    (
        "sha2",
        &["archive", "bridge", "streams", "serve", "snapshots"],
    ),
    ("strsim", &["model"]),
    (
        "tempfile",
        &["server", "archive", "streams", "settings", "commands"],
    ),
    (
        "tokio",
        &[
            "archive", "bridge", "kafka", "wire", "streams", "watching", "worker", "demo",
            "console", "commands", "serve",
        ],
    ),
    ("tokio_rustls", &["wire"]),
    ("toml_edit", &["settings", "topology"]),
    (
        "tracing",
        &["bridge", "kafka", "worker", "console", "commands", "serve"],
    ),
    ("tracing_subscriber", &["console"]),
    ("unicode_width", &["view", "top"]),
    ("url", &["wire", "commands"]),
    (
        "uuid",
        &["bridge", "topology", "platform", "worker", "commands"],
    ),
    ("zstd", &["archive", "streams", "recording", "snapshots"]),
];

/// Crates that say nothing about a layer.
pub const CRATES_FOR_ALL: [&str; 6] = [
    "anyhow",
    "memchr",
    "schemars",
    "serde",
    "serde_json",
    "thiserror",
];

/// Layers that reach for nothing outside: values in, values out.
const PURE: [&str; 6] = ["model", "topology", "cli", "view", "exit", "top"];

/// Macros that write where only the console may, and not with these.
const PRINTS: [&str; 5] = ["println", "eprintln", "print", "eprint", "dbg"];

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    pub path: String,
    pub line: usize,
    pub rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// Every place in `sources` that breaks a rule.
pub fn check(table: &Table, sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources {
        let broken = [
            opening(source),
            layers(table, source),
            crates(source),
            environment(source),
            outside(source),
            requests(source),
            prints(source),
            streams_of_the_process(source),
        ];
        violations.extend(broken.into_iter().flatten().map(|(line, rule)| Violation {
            path: source.path.clone(),
            line,
            rule,
        }));
    }
    violations
}

/// The line of a violation and its rule.
type Broken = Vec<(usize, String)>;

fn opening(source: &Source) -> Broken {
    if source.text.trim_start().starts_with("//!") {
        return Vec::new();
    }
    vec![(
        1,
        "a module opens with `//!` and what lives there".to_owned(),
    )]
}

/// What the root and the binary name is free.
fn layers(table: &Table, source: &Source) -> Broken {
    let layer = source.layer();
    if layer == "lib" || layer == "main" {
        return Vec::new();
    }
    let Some(uses) = table.uses(layer) else {
        return vec![(1, format!("{layer} has no row in the table of src/lib.rs"))];
    };
    let mut broken = Vec::new();
    for named in named_from_root(source) {
        let name = named.text.as_str();
        if name == layer || uses.contains(name) {
            continue;
        }
        broken.push((
            named.line,
            if table.has(name) {
                let allowed: Vec<_> = uses.iter().map(String::as_str).collect();
                format!(
                    "{layer} may not use {name} (it may use: {})",
                    allowed.join(", ")
                )
            } else {
                format!("crate::{name} is no layer of the table in src/lib.rs")
            },
        ));
    }
    broken
}

/// The first names after `crate::`, and after a chain of `super::` that ends at the root.
pub fn named_from_root(source: &Source) -> Vec<&Token> {
    let tokens = &source.tokens;
    let mut named = Vec::new();
    let mut supers = 0;
    for at in 0..tokens.len().saturating_sub(1) {
        if !tokens[at + 1].is("::") {
            continue;
        }
        let continues = at > 0 && tokens[at - 1].is("::");
        if tokens[at].is("super") {
            supers = if continues { supers + 1 } else { 1 };
        }
        let to_root = tokens[at].is("super") && supers == source.depth();
        if tokens[at].is("crate") || to_root {
            named.extend(
                heads(tokens, at + 2)
                    .into_iter()
                    .filter(|name| !name.is("super")),
            );
        }
    }
    named
}

/// The word at `at`, or the first word of each path in the group `{a::b, c}` there.
fn heads(tokens: &[Token], at: usize) -> Vec<&Token> {
    let Some(first) = tokens.get(at) else {
        return Vec::new();
    };
    if !first.is("{") {
        return vec![first];
    }
    let mut heads = Vec::new();
    let mut depth = 0;
    for pair in tokens[at..].windows(2) {
        match pair[0].text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        let begins = pair[0].is("{") || pair[0].is(",");
        if depth == 1 && begins && pair[1].is_word() {
            heads.push(&pair[1]);
        }
    }
    heads
}

/// Crates where they do not belong.
fn crates(source: &Source) -> Broken {
    let mut broken = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        let Some((name, layers)) = CRATES.iter().find(|(name, _)| token.is(name)) else {
            continue;
        };
        if is_crate_path(&source.tokens, at) && !layers.contains(&source.layer()) {
            let rule = format!("the crate {name} is named only in {}", layers.join(", "));
            broken.push((token.line, rule));
        }
    }
    broken
}

/// Whether the word at `at` begins a path (`redis::Value`, `::redis::Value`) or is what a `use` takes.
fn is_crate_path(tokens: &[Token], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|at| &tokens[at]);
    let continues = before(1).is_some_and(|token| token.is("::"))
        && before(2).is_some_and(|token| token.is_word() && !token.is("use"));
    let used = before(1).is_some_and(|token| token.is("use") || token.is("crate"));
    let opens = tokens.get(at + 1).is_some_and(|token| token.is("::"));
    !continues && (opens || used)
}

fn environment(source: &Source) -> Broken {
    if ["settings", "planted"].contains(&source.layer()) {
        return Vec::new();
    }
    after(source, "env")
        .filter(|name| name.text.starts_with("var"))
        .map(|name| {
            let rule = format!("env::{} is for settings only: take the value", name.text);
            (name.line, rule)
        })
        .collect()
}

/// Files and the network are not for those that only compute.
fn outside(source: &Source) -> Broken {
    if !PURE.contains(&source.layer()) {
        return Vec::new();
    }
    after(source, "std")
        .filter(|name| name.is("fs") || name.is("net"))
        .map(|name| {
            let rule = format!("std::{} is not for {}", name.text, source.layer());
            (name.line, rule)
        })
        .collect()
}

/// A command takes connections, and what they end with, from `wire`; what is asked over them is for an operation.
fn requests(source: &Source) -> Broken {
    if source.layer() != "commands" {
        return Vec::new();
    }
    after(source, "wire")
        .filter(|name| name.text.starts_with(char::is_lowercase))
        .filter(|name| !name.is("self") && !name.is("decode"))
        .map(|name| {
            let rule = format!("wire::{} is for an operation in streams", name.text);
            (name.line, rule)
        })
        .collect()
}

/// The first names after `root::`.
fn after<'s>(source: &'s Source, root: &str) -> impl Iterator<Item = &'s Token> {
    let tokens = &source.tokens;
    (0..tokens.len().saturating_sub(2))
        .filter(move |&at| tokens[at].is(root) && tokens[at + 1].is("::"))
        .flat_map(|at| heads(tokens, at + 2))
}

/// `stdout()` and `stderr()` are the console's; a program's to start are methods, and free.
fn streams_of_the_process(source: &Source) -> Broken {
    if source.layer() == "console" {
        return Vec::new();
    }
    source
        .tokens
        .windows(3)
        .filter(|it| !it[0].is(".") && !it[0].is("fn") && it[2].is("("))
        .filter(|it| it[1].is("stdout") || it[1].is("stderr"))
        .map(|it| {
            let rule = format!("no {}(): the console writes", it[1].text);
            (it[1].line, rule)
        })
        .collect()
}

fn prints(source: &Source) -> Broken {
    source
        .tokens
        .windows(2)
        .filter(|pair| pair[1].is("!") && PRINTS.contains(&pair[0].text.as_str()))
        .map(|pair| {
            let rule = format!("no {}!: the console writes", pair[0].text);
            (pair[0].line, rule)
        })
        .collect()
}
