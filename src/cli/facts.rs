//! What a command declares about itself besides its arguments, attached to its clap definition with `#[command(add =
//! …)]`. Help, manual pages and `--help-json` show it.

use clap::builder::CommandExt;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::model::{Body, Column, EntryId, Name, PlanDocument, Row, Time, report};

pub use crate::model::Impact;

impl CommandExt for Impact {}

/// What running a command with one of its options changes, when that differs.
#[derive(Clone, Copy, Debug)]
pub struct ImpactWith {
    /// The option's id in clap.
    pub option: &'static str,
    /// What it changes then.
    pub impact: Impact,
}

impl CommandExt for ImpactWith {}

/// What a command prints: the columns of its tables, and the schema of its JSON. A subcommand that declares nothing
/// prints what its parent command prints.
#[derive(Clone, Copy, Debug)]
pub struct Prints {
    /// The columns of each table; `--columns` selects one of the tables.
    pub tables: &'static [&'static [Column]],
    /// Whether it prints entries, so that their fields are columns too.
    pub has_entries: bool,
    schema: fn() -> Schema,
}

impl CommandExt for Prints {}

/// What a command prints with `--dry-run`, when that differs.
#[derive(Clone, Copy, Debug)]
pub struct PrintsPlan(pub Prints);

impl CommandExt for PrintsPlan {}

/// What a command prints with one of its options, when that differs.
#[derive(Clone, Copy, Debug)]
pub struct PrintsWith {
    /// The option, without its dashes, which is its id in clap.
    pub option: &'static str,
    /// What it prints then.
    pub prints: Prints,
}

impl CommandExt for PrintsWith {}

impl Prints {
    /// A list of rows.
    pub const fn list<R: Row>() -> Self {
        Self::of::<Vec<R>>(const { &[R::COLUMNS] })
    }

    /// One object.
    pub const fn one<R: Row>() -> Self {
        Self::of::<R>(const { &[R::COLUMNS] })
    }

    /// A document with these tables.
    pub const fn of<T: JsonSchema>(tables: &'static [&'static [Column]]) -> Self {
        Self {
            tables,
            has_entries: false,
            schema: schema::<T>,
        }
    }

    /// A plan with these rows.
    pub const fn plan<R: Row>() -> Self {
        Self::of::<PlanDocument<R>>(const { &[R::COLUMNS] })
    }

    /// Entries of streams.
    pub const fn entries() -> Self {
        Self {
            has_entries: true,
            ..Self::of::<Vec<PrintedEntry>>(&[PrintedEntry::COLUMNS])
        }
    }

    /// One entry of a stream.
    pub const fn entry() -> Self {
        Self {
            has_entries: true,
            ..Self::of::<PrintedEntry>(&[PrintedEntry::COLUMNS])
        }
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        self.schema().get("type").is_some_and(|it| it == "array")
    }

    /// The JSON Schema of what `-o json` prints; with `-o ndjson`, a list is one element per line.
    pub fn schema(&self) -> Schema {
        (self.schema)()
    }
}

/// The schema of what is written. A key that may be null is always present. The schema is complete, without
/// references between its parts.
fn schema<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|it| {
        it.meta_schema = None;
        it.inline_subschemas = true;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

report! {
    /// An entry of a stream.
    #[derive(Debug)]
    struct PrintedEntry {
        /// Its stream.
        stream: Name => text("STREAM"),
        /// Its id.
        id: EntryId => whole("ID"),
        /// When it was added, by its id; `null` for an id beyond the year 9999.
        time: Option<Time> => whole("TIME"),
        /// Its fields.
        fields: Body,
    }
}
