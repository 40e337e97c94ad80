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
//! | [`streams`] | what an operator means: init, publish, follow, inspect, claim, requeue, dead letters … | model, topology, platform, wire |
//! | [`findings`] | what is wrong, by rules over an observation; pure | model, topology, streams |
//! | [`worker`] | the consume loop and its handlers | model, topology, platform, wire, streams, planted |
//! | [`demo`] | the demonstration: a generated day, a crash, poison, the accounting | model, topology, platform, wire, worker |
//! | [`view`] | reports and entries to text; pure | model, topology, streams (report types), findings |
//! | [`cli`] | flags and value parsers that commands share | model, topology |
//! | [`settings`] | flags > environment > context > file > default, with each value's origin | model, cli, wire |
//! | [`exit`] | outcomes and errors to exit codes | model, wire |
//! | [`console`] | stdout, stderr, terminal facts, progress, prompts, signals; the only writer | model, view, settings, exit |
//! | [`commands`] | one file per subcommand: resolve, call one operation, hand over the report | everything above |
//!
//! A layer may use only layers above it, so data flows one way. The test `tests/layers` holds the code to this table.
//!
//! ## How to add a subcommand
//! Each step has a test that fails while it is missing, and says where.
//! 1. What it means: a function in `streams/` (or `worker/`) that takes a connection and plain values and
//!    returns a report; if it changes something, a `plan_x` and an `apply_x(plan, Consent)`.
//! 2. What it sends: a row in `streams/permissions/table.rs`, played by a scene in `tests/access/acl/scenes.rs`.
//! 3. How it is asked for: a file in `commands/` with its clap `Args` (help, `add = Impact::…`, two examples, which
//!    `tests/generated` runs) and `run`, and its line in `commands/mod.rs`. What completes goes by the value's name.
//! 4. How it looks: the report's rows are declared with `report!` (`model/report`), each field beside its column; the
//!    command says `add = Prints::list::<Row>()`. Table, wide, plain, CSV, `--columns` with its completion, JSON, its
//!    schema in `--help-json` and the manual follow; `tests/cli/shapes.rs` holds the schema against what is printed. What
//!    is destructive gives its plan as `PlanFacts`, which `--dry-run -o json` prints, and says
//!    `add = PrintsPlan(Prints::plan::<Row>())`; `tests/cli/plans.rs` holds it against what its command does.
//! 5. That it works: a file in `tests/cli/`, the real binary on a real server, asserting text, exit code and server
//!    state; a row in `tests/outputs/commands.rs`, whose snapshot `UPDATE_SNAPSHOTS=1` writes.
//! 6. That it is known: `make generate` renews the manual pages; a line in `CHANGELOG.md`.

pub mod cli;
pub mod commands;
pub mod console;
pub mod demo;
pub mod exit;
pub mod findings;
pub mod model;
pub mod planted;
pub mod platform;
pub mod server;
pub mod settings;
pub mod streams;
pub mod topology;
pub mod view;
pub mod wire;
pub mod worker;

pub use commands::run;
