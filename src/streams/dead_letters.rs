//! Entries that no handler could process: what they were, where they came from, and why they are here.

use anyhow::Result;
use serde::Serialize;

use super::inspect::deliveries_cell;
use super::names::{not_a_stream, require_stream};
use super::select::Bodies;
use crate::model::{
    Body, Cell, Entry, EntryId, Fields, Lag, Name, Portion, Provenance, Time, Tone, Written,
    entries, is_fatal, report,
};
use crate::topology::Topology;
use crate::wire::{self, Connection, ErrorKind, key_type, time, xlen, xrange};

/// Entries fetched at a time, at most.
const PAGE: usize = 100;
/// Entries that are looked at only to say how many there are.
pub const COUNTED_MAX: usize = 10_000;

/// A stream and where its dead letters are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The stream.
    pub stream: Name,
    /// Its dead-letter stream.
    pub dead_letter: Name,
}

impl Source {
    /// Of every stream of the topology.
    pub fn all(topology: &Topology) -> Vec<Self> {
        let of = |name: &Name| Self::of(topology, name);
        topology.streams.iter().map(|it| of(&it.name)).collect()
    }

    /// From the name of the stream or of its dead-letter stream.
    pub fn named(topology: &Topology, name: &Name) -> Self {
        let by_topology = topology.streams.iter().find(|it| it.dead_letter == *name);
        match by_topology {
            Some(spec) => Self::of(topology, &spec.name),
            None => derived_from(name).map_or_else(
                || Self::of(topology, name),
                |stream| Self {
                    stream,
                    dead_letter: name.clone(),
                },
            ),
        }
    }

    /// Whether `stream` is another of the topology's with the same dead-letter stream.
    pub fn is_shared_with(&self, topology: &Topology, stream: &Name) -> bool {
        let spec = topology.stream(stream);
        *stream != self.stream && spec.is_some_and(|it| it.dead_letter == self.dead_letter)
    }

    fn of(topology: &Topology, stream: &Name) -> Self {
        Self {
            stream: stream.clone(),
            dead_letter: topology.stream_or_default(stream).dead_letter,
        }
    }

    /// Makes sure that there can be dead letters: one of the two streams is there.
    ///
    /// # Errors
    /// Not found, naming the streams there are, when neither is, or the key is something else.
    pub async fn require(&self, connection: &Connection, topology: &Topology) -> Result<()> {
        let kind = connection.run(key_type(&self.dead_letter)).await?;
        match kind.as_slice() {
            b"stream" => Ok(()),
            b"none" => require_stream(connection, topology, &self.stream).await,
            other => Err(not_a_stream(&self.dead_letter, other).into()),
        }
    }
}

/// The stream whose dead-letter stream would be called `name`.
fn derived_from(name: &Name) -> Option<Name> {
    let base = name.as_bytes().strip_suffix(b":dlq")?;
    let inner = base.strip_prefix(b"{").and_then(|it| it.strip_suffix(b"}"));
    [inner, Some(base)]
        .into_iter()
        .flatten()
        .map(Name::from)
        .find(|stream| stream.derived(":dlq") == *name)
}

report! {
    /// One dead letter.
    #[derive(Clone, Debug)]
    pub struct DeadLetter {
        /// Its id in the dead-letter stream.
        pub id: EntryId => whole("ID"),
        /// The dead-letter stream.
        pub dead_letter: Name => text("DEAD-LETTER STREAM", wide),
        /// How long ago that was by the server's clock; `None` before [`tell_ages`].
        pub age_ms: Option<u64> => millis("AGE", wide, unknown),
        /// The stream it came from; `None` when it does not say.
        pub stream: Option<Name> => text("STREAM", wide),
        /// The group that could not process it; `None` when it does not say.
        pub group: Option<Name> => text("GROUP"),
        /// Its id in the stream it came from; `None` when it does not say.
        pub origin_id: Option<EntryId> => whole("ORIGIN ID"),
        /// Who held it last.
        pub consumer: Option<Name> => text("CONSUMER", wide),
        /// How often it was delivered; `None` also where that is fatal.
        pub deliveries: Option<u64> => number("DELIVERIES") by |it| deliveries_cell(it.deliveries, it.is_fatal),
        /// Whether it was given up for good (`XNACK … FATAL`).
        pub is_fatal: bool,
        /// When it was set aside.
        pub time: Time => whole("TIME", wide),
        /// Whether it is a tombstone: its body had been trimmed away before it could be processed.
        pub is_tombstone: bool => whole("BODY", wide) by Self::body_cell,
        /// Of a tombstone for entries that were never delivered: which.
        pub lost: Option<LostRange> => number("LOST", wide) by |it| it.lost.map(|lost| lost.entries).into(),
        /// Why.
        pub reason: Option<String> => text("REASON") by Self::reason_cell,
        /// What it was.
        pub fields: Body => text("FIELDS", wide) by Self::fields_cell,
    }
}

impl DeadLetter {
    fn reason_cell(&self) -> Cell {
        match self.lost {
            Some(lost) => told(&lost).into(),
            None => self.reason.clone().into(),
        }
    }

    fn body_cell(&self) -> Cell {
        let body = Cell::Bool(self.is_tombstone);
        if self.is_tombstone {
            body.shown_as(Tone::Bad, "trimmed")
        } else {
            body.shown_as(Tone::Plain, "present")
        }
    }

    fn fields_cell(&self) -> Cell {
        if self.fields.fields.is_empty() {
            Cell::Nothing
        } else {
            self.fields.clone().into()
        }
    }
}

/// What was lost, in a line.
fn told(lost: &LostRange) -> String {
    let LostRange {
        entries: count,
        from_id,
        to_id,
    } = lost;
    let most = match count {
        Lag::AtMost(_) => "at most ",
        _ => "",
    };
    let count = entries(count.entries().unwrap_or_default());
    format!("{most}{count} after {from_id} and before {to_id} lost before delivery")
}

/// Entries that left a stream before they were delivered to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LostRange {
    /// How many: known, or at most where some may have been deleted on purpose.
    pub entries: Lag,
    /// The last id that was delivered before them.
    pub from_id: EntryId,
    /// The first entry that was still there after them, or the last id of a stream that was empty.
    pub to_id: EntryId,
}

impl LostRange {
    /// What the fields of such a tombstone say.
    fn of(fields: &[(Vec<u8>, Vec<u8>)]) -> Option<Self> {
        let [(from, from_id), (to, to_id), (how, count)] = fields else {
            return None;
        };
        let entries = text(count)?.parse().ok()?;
        let entries = match how.as_slice() {
            b"_dlq_count" => Lag::Known(entries),
            b"_dlq_bound" => Lag::AtMost(entries),
            _ => return None,
        };
        let is_range = from == b"_dlq_from" && to == b"_dlq_to";
        Some(Self {
            entries,
            from_id: EntryId::parse(from_id).ok()?,
            to_id: EntryId::parse(to_id).ok().filter(|_| is_range)?,
        })
    }
}

impl DeadLetter {
    fn of(dead_letter: &Name, mut entry: Entry) -> Self {
        let mut letter = Self {
            id: entry.id,
            dead_letter: dead_letter.clone(),
            stream: None,
            group: None,
            origin_id: None,
            consumer: None,
            deliveries: None,
            is_fatal: false,
            time: Time::from_ms(entry.id.ms),
            age_ms: None,
            reason: None,
            is_tombstone: false,
            lost: None,
            fields: Body::default(),
        };
        if let Some(said) = Provenance::of(&entry.fields) {
            letter.take(&said);
            let is_of_undelivered = said.body == b"trimmed_undelivered";
            let own = said.own;
            entry.fields.truncate(own);
            if is_of_undelivered {
                letter.lost = LostRange::of(&entry.fields);
            }
            if letter.lost.is_some() {
                // It says of a gap, and of no entry.
                letter.origin_id = None;
                letter.deliveries = None;
                entry.fields.clear();
            }
        }
        letter.fields = Body::from(entry.fields);
        letter
    }

    /// Takes what the entry says of itself.
    fn take(&mut self, said: &Provenance<'_>) {
        self.stream = Some(Name::from(said.stream));
        self.group = Some(Name::from(said.group));
        self.origin_id = EntryId::parse(said.id).ok();
        self.consumer = Some(Name::from(said.consumer)).filter(|name| !name.is_empty());
        let deliveries = text(said.deliveries).and_then(|count| count.parse().ok());
        self.is_fatal = deliveries.is_some_and(is_fatal);
        self.deliveries = deliveries.filter(|_| !self.is_fatal);
        self.time = text(said.time).and_then(moment).unwrap_or(self.time);
        self.reason = Some(String::from_utf8_lossy(said.reason).into_owned());
        self.is_tombstone = said.is_tombstone();
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn moment(text: &str) -> Option<Time> {
    let Written::Instant(instant) = Written::parse(text)? else {
        return None;
    };
    u64::try_from(instant.unix_ms()).ok().map(Time::from_ms)
}

/// Which dead letters.
#[derive(Clone, Debug, Default)]
pub struct Letters {
    /// These; empty for any.
    pub ids: Vec<EntryId>,
    /// Of this group.
    pub group: Option<Name>,
    /// Whose reason contains this.
    pub reason: Option<String>,
    /// At most so many, the oldest; ids are not counted.
    pub count_max: usize,
    /// Whether only what is known of them is wanted, not what they were: bodies can be large.
    pub without_fields: bool,
}

impl Letters {
    fn letter(&self, source: &Source, entry: Entry) -> DeadLetter {
        let mut letter = DeadLetter::of(&source.dead_letter, entry);
        if self.without_fields {
            letter.fields = Body::from(Fields::new());
        }
        letter
    }

    fn matches(&self, letter: &DeadLetter) -> bool {
        let group = self.group.is_none() || self.group == letter.group;
        let reason = self.reason.as_ref().is_none_or(|wanted| {
            let said = letter.reason.as_deref().unwrap_or_default();
            said.contains(wanted)
        });
        group && reason
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct FoundLetters {
    /// Dead letters.
    pub letters: Vec<DeadLetter>,
    /// Ids that were named and are not there.
    pub absent: Vec<EntryId>,
    /// Whether more would have matched.
    pub has_more: bool,
}

/// The server's clock, milliseconds since the Unix epoch.
///
/// # Errors
/// What the server says.
pub async fn now_ms(connection: &Connection) -> wire::Result<u64> {
    connection.run(time()).await
}

/// Tells how long before `now_ms`, by the server's clock, each was set aside.
pub fn tell_ages(letters: &mut [DeadLetter], now_ms: u64) {
    for letter in letters {
        letter.age_ms = Some(now_ms.saturating_sub(letter.time.ms));
    }
}

/// Dead letters that match, page by page, the oldest first.
#[derive(Debug)]
pub struct LetterPager<'a> {
    connection: &'a Connection,
    source: &'a Source,
    wanted: &'a Letters,
    next: Option<EntryId>,
    portion: Portion,
}

impl<'a> LetterPager<'a> {
    /// From the oldest; `wanted.ids` and `wanted.count_max` do not count here.
    pub fn new(connection: &'a Connection, source: &'a Source, wanted: &'a Letters) -> Self {
        Self {
            connection,
            source,
            wanted,
            next: Some(EntryId::MIN),
            portion: Portion::new(PAGE),
        }
    }

    /// The next page, without what does not match (it may be empty); `None` after the last.
    ///
    /// # Errors
    /// What the server says.
    pub async fn page(&mut self) -> wire::Result<Option<Vec<DeadLetter>>> {
        let Some(start) = self.next else {
            return Ok(None);
        };
        let asked = self.portion.at_a_time();
        let request = xrange(&self.source.dead_letter, start, EntryId::MAX, asked);
        let page = self.connection.run(request).await?;
        let bytes = page.iter().map(Entry::bytes).sum();
        self.portion.brought(asked, page.len(), bytes);
        let last = page.last().filter(|_| page.len() == asked);
        self.next = last.and_then(|it| it.id.next());
        let letters = page
            .into_iter()
            .map(|entry| self.wanted.letter(self.source, entry));
        Ok(Some(letters.filter(|it| self.wanted.matches(it)).collect()))
    }
}

/// How many dead letters match, of which `seen` were counted already. Without a filter the server knows; else at most
/// `COUNTED_MAX` more are looked at, and `None` is that there are more.
///
/// # Errors
/// What the server says.
pub async fn total(pager: &mut LetterPager<'_>, seen: usize) -> wire::Result<Option<u64>> {
    if pager.wanted.group.is_none() && pager.wanted.reason.is_none() {
        let length = xlen(&pager.source.dead_letter);
        return pager.connection.run(length).await.map(Some);
    }
    let mut count = seen as u64;
    for _ in 0..COUNTED_MAX / PAGE {
        match pager.page().await? {
            Some(page) => count += page.len() as u64,
            None => return Ok(Some(count)),
        }
    }
    Ok(None)
}

/// Why the dead letters of one stream cannot be looked at, where those of others can: the key is something else, or not
/// for this user to see.
///
/// # Errors
/// `error` itself, where it is another; what the server says.
pub async fn why_unread(
    connection: &Connection,
    source: &Source,
    error: wire::Error,
) -> Result<anyhow::Error> {
    match error.kind {
        ErrorKind::WrongType => {
            let kind = connection.run(key_type(&source.dead_letter)).await?;
            Ok(not_a_stream(&source.dead_letter, &kind).into())
        }
        ErrorKind::NoPerm => Ok(error.into()),
        _ => Err(error.into()),
    }
}

/// Looks for dead letters.
///
/// # Errors
/// What the server says.
pub async fn find(
    connection: &Connection,
    source: &Source,
    wanted: &Letters,
) -> Result<FoundLetters> {
    if !wanted.ids.is_empty() {
        return by_id(connection, source, wanted).await;
    }
    let mut found = FoundLetters::default();
    let mut pager = LetterPager::new(connection, source, wanted);
    while let Some(page) = pager.page().await? {
        let room = wanted.count_max - found.letters.len();
        found.has_more = page.len() > room;
        found.letters.extend(page.into_iter().take(room));
        if found.has_more {
            break;
        }
    }
    Ok(found)
}

async fn by_id(connection: &Connection, source: &Source, wanted: &Letters) -> Result<FoundLetters> {
    let mut ids = wanted.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    let mut found = FoundLetters::default();
    Bodies::of(connection, &source.dead_letter)
        .fetch(&ids, |place, fields| {
            let id = ids[place];
            let letter = fields.map(|fields| wanted.letter(source, Entry { id, fields }));
            match letter.filter(|letter| wanted.matches(letter)) {
                Some(letter) => found.letters.push(letter),
                None => found.absent.push(id),
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_mean_the_same_stream() {
        let mut topology = Topology::default();
        topology.streams[0].dead_letter = "poison".into();
        for (name, stream, dead_letter) in [
            ("events.raw", "events.raw", "poison"),
            ("poison", "events.raw", "poison"),
            ("{orders}:dlq", "orders", "{orders}:dlq"),
            ("orders", "orders", "{orders}:dlq"),
            ("a{x}b:dlq", "a{x}b", "a{x}b:dlq"),
            // Not what a stream's dead letters would be called: a stream of its own.
            ("orders:dlq", "orders:dlq", "{orders:dlq}:dlq"),
        ] {
            let source = Source::named(&topology, &name.into());
            assert_eq!(source.stream, stream, "{name}");
            assert_eq!(source.dead_letter, dead_letter, "{name}");
        }
    }

    #[test]
    fn an_entry_without_provenance_is_a_dead_letter_too() {
        let entry = Entry {
            id: EntryId::new(5, 0),
            fields: vec![(b"a".to_vec(), b"b".to_vec())],
        };
        let letter = DeadLetter::of(&"d".into(), entry);
        assert_eq!(letter.time, Time::from_ms(5));
        assert!(letter.stream.is_none() && letter.deliveries.is_none() && !letter.is_tombstone);
    }
}
