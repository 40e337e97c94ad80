//! # ucp-streams
//!
//! The operator CLI of an event pipeline on Redis Streams. This page is the map of the code.
//!
//! ```text
//! argv -> main -> lib::run -> settings -> commands/<verb> -> streams | worker -> wire -> Redis
//!                                              |  ^                model values <--'
//!                                              |  '--- reports (plain data)
//!                                              '-> view (pure: model -> text) -> console (the only writer)
//! ```
//!
//! | layer | what lives there | may use |
//! |---|---|---|
//! | [`planted`] | bugs on purpose for the test of the tests; none without the feature `planted-bugs` | nothing of ours |
//! | [`model`] | plain values every layer shares | planted |
//! | [`topology`] | streams, groups, schemas, thresholds as data; their file; validation of entries | model |
//! | [`platform`] | this platform's own: its streams and groups, normalisation, features, a generated day | model, topology |
//! | [`wire`] | the thin Redis command layer, the only place that names the `redis` crate | model, planted |
//! | [`server`] | private servers: find, start, await, restart, stop | model |
//! | [`private`] | directories and files for their owner alone, of which nothing is reached through a link | model |
//! | [`http`] | HTTP clients: how they are made, how much of an answer is read | model |
//! | [`snapshots`] | what a command is about to change, and what it did, in private files | model, private |
//! | [`kafka`] | the thin Kafka layer, the only place that names the `krafka` crate; without the feature `kafka` it only says so | model |
//! | [`archive`] | the entries of streams in files: format, manifests, destinations; pure of Redis | model, private, http |
//! | [`streams`] | what an operator means: init, publish, follow, inspect, claim, requeue, dead letters … | model, topology, platform, wire, snapshots, archive |
//! | [`findings`] | what is wrong, by rules over an observation; pure | model, topology, wire (reply types), streams |
//! | [`recording`] | the flight recorder: samples of what was observed and found, in segments in a directory; its writer and its reader | model, private, streams (report types), findings (report types) |
//! | [`watching`] | one look after the other at everything, with what the rules find | model, topology, wire, streams, findings |
//! | [`worker`] | the consume loop and its handlers | model, http, topology, platform, wire, streams, planted |
//! | [`demo`] | the demonstration: a generated day, a crash, poison, the accounting | model, topology, platform, wire, worker |
//! | [`bridge`] | bridges between streams and topics of Kafka | model, topology, wire, archive, kafka, streams, worker |
//! | [`view`] | reports and entries to text; pure | model, topology, streams (report types), findings, recording (report types) |
//! | [`cli`] | flags and value parsers that commands share | model, topology, kafka |
//! | [`serve`] | the same over HTTP: endpoints, metrics, events, a page; one look for all who ask | model, topology, wire, streams, findings, watching, recording, view, cli |
//! | [`top`] | the same on a full screen, live: what happens to the state of the screen, and how that is drawn; pure | model, streams, findings, view |
//! | [`settings`] | flags > environment > context > file > default, with each value's origin | model, cli, wire, kafka |
//! | [`exit`] | outcomes and errors to exit codes | model, wire, kafka |
//! | [`console`] | stdout, stderr, terminal facts, progress, prompts, signals; the only writer | model, view, settings, exit |
//! | [`commands`] | one file per subcommand: resolve, call one operation, hand over the report | everything above |
//!
//! A layer may use only layers above it, so data flows one way. The test `tests/layers` holds the code to this table.
//!
//! ## How to add something
//! Each has one place where it is declared, and a check that fails while a part of it is missing.
//!
//! **A field of a report** is one line in its `report!` (`model/report`): type, meaning, and after `=>` its column. Table,
//! wide, plain, CSV, `--columns` with its completion, JSON and its schema in `--help-json` and the manual follow from
//! it. The compiler asks for its value wherever the report is made; `tests/generated` fails until `make generate` has
//! renewed the manual, `tests/outputs` until its snapshots are (`UPDATE_SNAPSHOTS=1`), and `tests/cli/shapes.rs` holds the
//! schema against what is printed.
//!
//! **A subcommand** takes six places:
//! 1. `streams/` (or `worker/`): what it means. A function takes a connection and plain values and returns a report.
//! 2. `commands/NAME.rs`: how it is asked for. Its clap `Args` carry the help, `add = Impact::…`,
//!    `add = Prints::list::<Row>()` and two examples; `run` resolves, calls and shows. Tests in `commands/mod.rs` fail
//!    without help, impact or examples, and `tests/generated` runs the examples.
//! 3. `commands/mod.rs`: its module, and its place in `commands!`, which is the list of the help, too.
//! 4. `streams/permissions/table.rs`: what it sends. `tests/access` plays every command with its own rule and with less.
//!    One that changes something, or needs arguments, has its scene in `tests/access/acl/scenes.rs` and its line in
//!    `tests/cli/shapes.rs`.
//! 5. `tests/outputs/commands.rs`: a row, whose snapshot `UPDATE_SNAPSHOTS=1` writes.
//! 6. `tests/cli/`: that it works, by the real binary on a real server, asserting text, exit code and server state.
//!
//! `make generate` then renews the manual, and `CHANGELOG.md` tells users of it.
//!
//! **An operation that changes something** is a `plan_x`, which only reads, and an `apply_x(plan, Consent)` in `streams/`;
//! only the console gives a `Consent`. What is destructive makes its plan a `PlanFacts`, which `--dry-run -o json` prints,
//! and says `add = PrintsPlan(Prints::plan::<Row>())`. `tests/cli/plans.rs` fails for a destructive command without a
//! plan, and holds each plan against what its command does.
//!
//! **A finding** is a `Rule` in `findings/`, listed in `findings::RULES`: its name, why it matters, and a pure function of
//! an observation. The compiler refuses a rule that is not listed; `tests/cli/check.rs` shows each on a real server. A
//! threshold of its own is a `Measure` in `topology/threshold.rs`, from which its key in the topology file and its line
//! in `topology show` follow; `commands/check.rs` has its option.
//!
//! **A metric of a stream or a group** follows its field in the `report!`: `; gauge("name")`. `metrics` and the page of
//! `serve` have it at once.
//!
//! **A metric of a worker** is one line in `counters!` (`worker/counters.rs`): `/metrics`, the summary at the end and its
//! JSON follow from it. A figure that goes up and down is a field of `Now` beside it. Nothing fails when nothing ever
//! counts it: its test is in `tests/worker/metrics.rs`.
//!
//! **An output format** is a variant of `Format` (`model/format.rs`) with its word. The compiler then leads to
//! `view/entries`; `view/row` writes it like plain until it says otherwise. Both have tests over `Format::ALL`; a line in
//! `tests/outputs/ways.rs` adds it to every snapshot.
//!
//! ## Where to look for
//! - a retry delay: `model/backoff.rs` doubles, `worker/policy.rs` spreads; a group's default is in `topology/spec.rs`
//! - the key of a dead-letter stream, a lease or a breaker: `topology/spec.rs`, by `Name::derived` of `model/name.rs`
//! - which entries a worker starts next: `worker/engine/dispatch.rs`; the order of keys in `worker/state/key_order.rs`,
//!   the part that a replay handles in `worker/portion.rs`, what is kept of one in `streams/replay.rs`
//! - an exit code: `exit.rs`, one function and its table
//! - a table's column: beside the field, in the `report!` that `Prints` in the command's file names
//! - the rows of a command: the operation it calls in `streams/`; of `context` and `dev`, and of a worker's rehearsal, a
//!   file beside the command; of `demo` in `demo/proof.rs`
//! - how a table is laid out and cut: `view/table.rs` and `view/list.rs`; how a number or an age reads: `view/human.rs`
//! - a completion: `commands/help/complete`, by the name of the argument's value (`GROUP`, `STREAM`, `CONSUMER`)
//! - a repeated look (`--watch`): `commands/shared/watch.rs` repeats it, `console/watch.rs` shows it, `view/changes.rs` compares
//! - a metric: `worker/counters.rs` names and explains it, `view/metrics.rs` writes it, `commands/worker/metrics.rs` serves it
//! - an escape: `model/escape.rs` for terminals, `view/json.rs` for JSON, `model/shell.rs` for command lines
//! - a did-you-mean: `model/suggest.rs`; of a mistyped command `commands/help/usage.rs`, of another tool's name for one
//!   `commands/help/other_tools.rs`
//! - the words of a help: the command's file; headings and layout: `commands/help/layout.rs`
//! - where a setting comes from: `settings/`, the only reader of the environment
//! - a script that runs on the server: `wire/scripts`

pub mod archive;
pub mod bridge;
pub mod cli;
pub mod commands;
pub mod console;
pub mod demo;
pub mod exit;
pub mod findings;
pub mod http;
pub mod kafka;
pub mod model;
pub mod planted;
pub mod platform;
pub mod private;
pub mod recording;
pub mod serve;
pub mod server;
pub mod settings;
pub mod snapshots;
pub mod streams;
pub mod top;
pub mod topology;
pub mod view;
pub mod watching;
pub mod wire;
pub mod worker;

pub use commands::run;
