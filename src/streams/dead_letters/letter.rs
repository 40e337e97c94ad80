//! A dead letter and its provenance.

use std::borrow::Cow;

use serde::Serialize;

use crate::model::{
    Body, Cell, Entry, EntryId, Fields, Lag, Name, Provenance, Time, Tone, Written, entries,
    is_fatal, report,
};
use crate::streams::inspect::deliveries_cell;

report! {
    /// One dead letter.
    #[derive(Clone, Debug)]
    pub struct DeadLetter {
        /// The dead letter's id in the dead-letter stream.
        pub id: EntryId => whole("ID"),
        /// The dead-letter stream.
        pub dead_letter: Name => text("DEAD-LETTER STREAM", wide),
        /// Time since the entry was moved there, by the server's clock; `None` when that was not looked up.
        pub age_ms: Option<u64> => millis("AGE", unknown),
        /// The stream it came from; `None` when it does not say.
        pub stream: Option<Name> => text("STREAM", varying),
        /// The group that could not process it; `None` when it does not say.
        pub group: Option<Name> => text("GROUP", varying),
        /// Its id in the stream it came from; `None` when it does not say.
        pub origin_id: Option<EntryId> => whole("ORIGIN ID", wide),
        /// The consumer that held it last.
        pub consumer: Option<Name> => text("CONSUMER", wide),
        /// How often it was delivered; `None` also when it was given up for good (`is_fatal`).
        pub deliveries: Option<u64> => number("DELIVERIES") by |it| deliveries_cell(it.deliveries, it.is_fatal),
        /// Whether it was given up for good (`XNACK … FATAL`).
        pub is_fatal: bool,
        /// When it was moved there.
        pub time: Time => whole("TIME", wide),
        /// Whether it is a tombstone: its body was trimmed before it was handled.
        pub is_tombstone: bool => whole("BODY", wide) by Self::body_cell,
        /// The lost entries, for a tombstone of entries that were never delivered.
        pub lost: Option<LostRange> => number("LOST", wide) by |it| it.lost.map(|lost| lost.entries).into(),
        /// Why it is a dead letter.
        pub reason: Option<String> => text("REASON") by Self::reason_cell,
        /// The entry's fields.
        pub fields: Body => text("FIELDS", wide) by Self::fields_cell,
    }
}

impl DeadLetter {
    /// The cause in one line: the last line of the reason that is not empty, which is where a stack trace names the
    /// error.
    pub fn cause(&self) -> Option<Cow<'_, str>> {
        if let Some(lost) = &self.lost {
            return Some(told(lost).into());
        }
        let lines = self.reason.as_deref()?.lines().rev();
        let mut lines = lines.map(str::trim).filter(|line| !line.is_empty());
        Some(lines.next().unwrap_or_default().into())
    }

    /// The fields that conditions and counts see: first those of the provenance that have a name here, then the entry's
    /// own.
    pub(in crate::streams) fn seen_by<'n>(&self, names: impl Iterator<Item = &'n [u8]>) -> Fields {
        let own = |name: &'n [u8]| Some((name.to_vec(), self.provenance(name)?));
        let mut fields: Fields = names.filter_map(own).collect();
        fields.extend_from_slice(&self.fields.fields);
        fields
    }

    /// The value in the provenance that has this name.
    fn provenance(&self, name: &[u8]) -> Option<Vec<u8>> {
        let of = |name: &Option<Name>| name.as_ref().map(|it| it.as_bytes().to_vec());
        match name {
            b"reason" => self.cause().map(|cause| cause.into_owned().into_bytes()),
            b"group" => of(&self.group),
            b"stream" => of(&self.stream),
            b"consumer" => of(&self.consumer),
            _ => None,
        }
    }

    /// People read the cause, scripts the whole reason.
    fn reason_cell(&self) -> Cell {
        let all = match self.lost {
            Some(lost) => told(&lost).into(),
            None => self.reason.clone().into(),
        };
        match self.cause() {
            Some(cause) => Cell::Brief(cause.into_owned(), Box::new(all)),
            None => all,
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

/// The lost entries in one line of text.
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

/// Entries that were trimmed or deleted before they were delivered to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LostRange {
    /// How many entries were lost: exactly, or at most, when some may have been deleted on purpose.
    pub entries: Lag,
    /// The last id that was delivered before the lost entries.
    pub from_id: EntryId,
    /// The first entry that was still in the stream after the lost ones, or the last id of a stream that was empty.
    pub to_id: EntryId,
}

impl LostRange {
    /// Reads the gap from the fields of a tombstone.
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
    pub(in crate::streams) fn of(dead_letter: &Name, mut entry: Entry) -> Self {
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

    /// Takes over the provenance.
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

#[cfg(test)]
mod tests {
    use super::*;

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
