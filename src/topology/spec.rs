//! The declaration of one stream, one field and one group in a topology. Plain data with the words for it; the values
//! come from `builtin` and `file`.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::Handler;
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

/// The key in which a worker of the group publishes that its circuit breaker is open: `{S}:breaker:<group>`.
pub fn breaker_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":breaker:", group.as_bytes()].concat())
}

/// The key in which entries are marked that are to be tried at once, one field per entry: `{S}:due:<group>`.
pub fn due_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":due:", group.as_bytes()].concat())
}

/// The key in which is recorded that the group is paused: `{S}:paused:<group>`.
pub fn paused_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":paused:", group.as_bytes()].concat())
}

/// The key in which workers of the group record entries that have been in flight for long, one field per entry:
/// `{S}:inflight:<group>`.
pub fn inflight_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":inflight:", group.as_bytes()].concat())
}

/// The key in which the workers of the group publish their claim idle, one field per consumer: `{S}:policy:<group>`.
pub fn policy_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":policy:", group.as_bytes()].concat())
}

/// The key of the lease of a group with one active worker: `{S}:lease:<group>`.
pub fn lease_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":lease:", group.as_bytes()].concat())
}

/// The key in which is recorded what the group is known to have lost before delivery: `{S}:lost:<group>`.
pub fn losses_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":lost:", group.as_bytes()].concat())
}

/// The key of the journal in which the workers of the group record what they settled: `{S}:journal:<group>`.
pub fn journal_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":journal:", group.as_bytes()].concat())
}

/// The group of a bridge to Kafka that is given no other.
pub const BRIDGE_GROUP: &str = "kafka-bridge";

/// The key in which is kept what a bridge to Kafka began with: `{S}:bridge-to:<group>`.
pub fn bridge_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":bridge-to:", group.as_bytes()].concat())
}

/// The hash in which a bridge from Kafka keeps how far it took each partition of a topic: `{S}:bridge-from:<topic>`.
pub fn bridge_from_key(stream: &Name, topic: &str) -> Name {
    stream.derived([b":bridge-from:", topic.as_bytes()].concat())
}

/// The lease of the bridge that takes a topic into a stream.
pub fn bridge_from_lease(stream: &Name, topic: &str) -> Name {
    let bridge = Name::new([b"bridge-from:", topic.as_bytes()].concat());
    lease_key(stream, &bridge)
}

/// The group's retry stream, which only its workers read, beside the stream: `{S}:retry:<group>`.
pub fn retry_key(stream: &Name, group: &Name) -> Name {
    stream.derived([RETRY, group.as_bytes()].concat())
}

const RETRY: &[u8] = b":retry:";

/// The stream whose retry stream of `group` is `key`; `None` when it is no retry stream of that group.
pub fn retry_home(key: &Name, group: &Name) -> Option<Name> {
    let suffix = [RETRY, group.as_bytes()].concat();
    let base = key.as_bytes().strip_suffix(suffix.as_slice())?;
    let inner = base.strip_prefix(b"{").and_then(|it| it.strip_suffix(b"}"));
    let mut streams = [inner, Some(base)].into_iter().flatten().map(Name::from);
    streams.find(|stream| retry_key(stream, group) == *key)
}

/// The stream that a retry stream of some group belongs to; `None` for a key that is no retry stream. One belongs to this
/// tool, and is not a stream of the pipeline.
pub fn home_of_retries(key: &Name) -> Option<Name> {
    let bytes = key.as_bytes();
    let mut places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(RETRY));
    places.find_map(|at| retry_home(key, &Name::from(&bytes[at + RETRY.len()..])))
}

/// The key in which is kept what a stream is a copy of: `{S}:copied`.
pub fn copied_key(stream: &Name) -> Name {
    stream.derived(":copied")
}

/// Whether a key is the journal of a group, which belongs to this tool and is not a stream of the pipeline.
pub fn is_journal(key: &Name) -> bool {
    const MARK: &[u8] = b":journal:";
    let bytes = key.as_bytes();
    let places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(MARK));
    places.into_iter().any(|at| {
        let (base, rest) = bytes.split_at(at);
        let inner = base.strip_prefix(b"{").and_then(|it| it.strip_suffix(b"}"));
        let mut streams = [inner, Some(base)].into_iter().flatten().map(Name::from);
        streams.any(|stream| stream.derived(rest) == *key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_kept_beside_its_stream() {
        assert_eq!(GroupSpec::new("g", "s").lease_key(), "{s}:lease:g");
        // Groups whose names differ in bytes that are no text are not one.
        let keys = [0xfe, 0xff].map(|byte| lease_key(&"s".into(), &Name::new([byte])));
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn a_retry_stream_is_told_from_a_stream() {
        for (stream, group) in [("s", "g"), ("a{x}b", "g:retry:h"), ("{}x", "g")] {
            let key = retry_key(&stream.into(), &group.into());
            assert_eq!(
                retry_home(&key, &group.into()),
                Some(stream.into()),
                "{key}"
            );
            assert_eq!(home_of_retries(&key), Some(stream.into()), "{key}");
            assert_eq!(retry_home(&key, &"other".into()), None, "{key}");
        }
        for key in ["s:retry:g", "{s}:dlq", "{s}:retry", "retry"] {
            assert_eq!(home_of_retries(&key.into()), None, "{key}");
        }
    }

    #[test]
    fn a_journal_is_told_from_a_stream() {
        for (key, expected) in [
            (journal_key(&"s".into(), &"g".into()), true),
            (journal_key(&"a{x}b".into(), &"g:journal:h".into()), true),
            ("s:journal:g".into(), false),
            ("{s}:dlq".into(), false),
            ("journal".into(), false),
        ] {
            assert_eq!(is_journal(&key), expected, "{key}");
        }
    }

    #[test]
    fn backoff_doubles_to_the_cap() {
        let backoff = GroupSpec::new("g", "s").backoff;
        let seconds: Vec<u64> = [0, 1, 2, 3, 9, 10, 40, u64::MAX]
            .map(|attempts| backoff.delay(attempts).as_secs())
            .to_vec();
        assert_eq!(seconds, [1, 1, 2, 4, 256, 300, 300, 300]);
    }
}
