//! The declaration of one stream, one field and one group in a topology. Plain data with the words for it; the values
//! come from `builtin` and `file`.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::Handler;
use super::keys::lease_key;
use super::threshold::Thresholds;
use crate::model::{Backoff, Name, as_ms};

/// A stream: its retention, its dead letters, and the schema of its entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StreamSpec {
    /// The stream's key.
    pub name: Name,
    /// Entries kept, approximately (`MAXLEN ~`); `None` keeps all.
    pub maxlen: Option<u64>,
    /// What a publish does when trimming would remove entries that a group has not processed.
    pub on_full: OnFull,
    /// The stream for entries that no handler could process.
    pub dead_letter: Name,
    /// Fields, or places within their JSON, that are masked wherever entries leave this machine's terminal: in `serve`.
    pub redact: Vec<Name>,
    /// The fields an entry has, in the order they are written; empty means any.
    #[serde(serialize_with = "fields_as_map")]
    #[schemars(with = "std::collections::BTreeMap<String, FieldSchema>")]
    pub fields: Vec<FieldSpec>,
}

/// The greatest number of fields in a stream's schema, which is checked with one bit for each.
pub const FIELDS_MAX: usize = 128;

impl StreamSpec {
    /// A stream called `name` with everything at its default: no limit, no schema.
    pub fn new(name: impl Into<Name>) -> Self {
        let name = name.into();
        Self {
            dead_letter: name.derived(":dlq"),
            maxlen: None,
            on_full: OnFull::Warn,
            redact: Vec::new(),
            fields: Vec::new(),
            name,
        }
    }
}

impl StreamSpec {
    /// The field that says best whose an entry is: the first that is any text, and no id, body or time.
    pub fn owner_field(&self) -> Option<&str> {
        // A list of fields is separated by commas.
        let is_owner = |it: &&FieldSpec| it.kind == FieldType::String && !it.name.contains(',');
        self.fields.iter().find(is_owner).map(|it| it.name.as_str())
    }
}

/// One field of a stream's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub kind: FieldType,
    /// Whether it may be left out or be empty.
    pub optional: bool,
}

/// The type of a field's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A UUID; for any other id there is only a warning, unless checking is strict.
    Uuid,
    /// Any text.
    String,
    /// A JSON text.
    Json,
    /// A JSON array as text.
    JsonArray,
    /// A point in time: ISO 8601 is accepted, RFC 3339 is written.
    Timestamp,
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Integer,
    /// One of these words.
    Words(Vec<String>),
}

impl FieldType {
    /// The types that have a name, as a topology file writes them.
    pub const NAMED: [(&'static str, Self); 7] = [
        ("uuid", Self::Uuid),
        ("string", Self::String),
        ("json", Self::Json),
        ("json_array", Self::JsonArray),
        ("timestamp", Self::Timestamp),
        ("bool", Self::Bool),
        ("integer", Self::Integer),
    ];

    /// The type's name; `None` for a list of words.
    pub fn name(&self) -> Option<&'static str> {
        Self::NAMED
            .iter()
            .find(|(_, kind)| kind == self)
            .map(|(name, _)| *name)
    }
}

/// The written form of a [`FieldSpec`].
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is of use")]
enum FieldSchema {
    /// A type; with `?` after it, the field may be left out.
    Type(String),
    /// The allowed words; with `?` among them, the field may be left out.
    Words(Vec<String>),
}

/// The form of a topology file: `uuid`, `uuid?`, or the list of words (`?` last when optional).
impl Serialize for FieldSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mark = if self.optional { "?" } else { "" };
        match &self.kind {
            FieldType::Words(words) => {
                let all = words.iter().map(String::as_str);
                serializer.collect_seq(all.chain(self.optional.then_some("?")))
            }
            other => serializer.collect_str(&format_args!("{}{mark}", other.name().unwrap_or(""))),
        }
    }
}

fn fields_as_map<S: Serializer>(fields: &[FieldSpec], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|field| (&field.name, field)))
}

/// An enum whose values have one word each, used in files, in JSON and in texts.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// All values with their words.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word for it.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl From<$name> for crate::model::Cell {
            fn from(value: $name) -> Self {
                Self::from(value.word())
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "enum": [$($word),+] })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}

words! {
    /// What a publish does when MAXLEN would trim entries that a group has not processed.
    OnFull {
        /// Publish, and warn.
        Warn = "warn",
        /// Do not publish (exit 6).
        Refuse = "refuse",
        /// Publish without trimming, so that the stream grows.
        Keep = "keep",
    }
}

words! {
    /// Where a new group starts.
    Start {
        /// At the oldest entry.
        Oldest = "0",
        /// After the newest entry.
        Newest = "$",
    }
}

words! {
    /// How many workers of a group work at a time.
    Workers {
        /// As many workers as are running.
        Many = "many",
        /// One; the others are on stand-by.
        One = "one",
    }
}

words! {
    /// What a worker does when its group has been deleted.
    OnGroupLost {
        /// Create it again at the oldest entry, and warn that entries may be handled again.
        Recreate = "recreate",
        /// Stop (exit 3).
        Stop = "stop",
    }
}

/// A consumer group: what it reads, who handles its entries, and when it needs attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupSpec {
    /// The group's name; the same name on two streams is two groups.
    pub name: Name,
    /// The stream it reads.
    pub stream: Name,
    /// Where it starts when it is created.
    pub start: Start,
    /// How many of its workers work at a time.
    pub workers: Workers,
    /// What handles an entry; `None` when only consumers of other software do.
    pub handler: Option<Handler>,
    /// Attempts before an entry is dead-lettered; at least 1.
    pub max_deliveries: u64,
    /// How long an entry must be idle before another worker claims it.
    #[serde(rename = "claim_idle_ms", serialize_with = "as_ms")]
    #[schemars(with = "u64")]
    pub claim_idle: Duration,
    /// How long one attempt may take.
    #[serde(rename = "handler_timeout_ms", serialize_with = "as_ms")]
    #[schemars(with = "u64")]
    pub handler_timeout: Duration,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// The thresholds for alerts.
    pub alert: Thresholds,
    /// What a worker does when the group has been deleted.
    pub on_group_lost: OnGroupLost,
    /// What is masked of its stream's entries, besides what the stream's own `redact` names.
    pub redact: Vec<Name>,
    /// How long its workers keep a journal of what they settled, on the server; `None` keeps none.
    #[serde(rename = "journal_ms", serialize_with = "as_ms_or_null")]
    #[schemars(with = "Option<u64>")]
    pub journal: Option<Duration>,
}

fn as_ms_or_null<T: Copy + Into<Option<Duration>>, S: Serializer>(
    length: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match (*length).into() {
        Some(length) => as_ms(&length, serializer),
        None => serializer.serialize_none(),
    }
}

impl GroupSpec {
    /// The shortest time that a journal may be kept: with less, little would be left in it to read.
    pub const JOURNAL_MIN: Duration = Duration::from_mins(1);

    /// The shortest claim idle that is allowed: with less, a busy worker would look dead between two renewals.
    pub const CLAIM_IDLE_MIN: Duration = Duration::from_secs(3);

    /// A group with everything at its default; this is the only place that has these defaults.
    pub fn new(name: impl Into<Name>, stream: impl Into<Name>) -> Self {
        Self {
            name: name.into(),
            stream: stream.into(),
            start: Start::Oldest,
            workers: Workers::Many,
            handler: None,
            max_deliveries: 5,
            claim_idle: Duration::from_mins(1),
            handler_timeout: Duration::from_secs(30),
            backoff: Backoff {
                base: Duration::from_secs(1),
                cap: Duration::from_mins(5),
            },
            alert: Thresholds::default(),
            on_group_lost: OnGroupLost::Recreate,
            redact: Vec::new(),
            journal: None,
        }
    }

    /// Deliveries from which on an entry is called poison: the next attempt, or the one after it, is its last.
    pub fn poison_deliveries(&self) -> u64 {
        self.max_deliveries.saturating_sub(1).max(2)
    }

    /// As [`lease_key`], of this group.
    pub fn lease_key(&self) -> Name {
        lease_key(&self.stream, &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_to_the_cap() {
        let backoff = GroupSpec::new("g", "s").backoff;
        let seconds: Vec<u64> = [0, 1, 2, 3, 9, 10, 40, u64::MAX]
            .map(|attempts| backoff.delay(attempts).as_secs())
            .to_vec();
        assert_eq!(seconds, [1, 1, 2, 4, 256, 300, 300, 300]);
    }
}
