//! The record that a worker writes to the journal of its group for a batch of settled entries: which consumer had them,
//! their outcome, and for each entry how long its handler took.

use super::{EntryId, Name, states};

states! {
    /// The outcome of an entry in a worker's hands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum JournalOutcome {
        /// The entry was handled and acknowledged.
        Handled = "handled" in Ok,
        /// The attempt failed, and the entry will be tried again.
        Failed = "failed" in Warn,
        /// The entry was moved to the dead-letter stream.
        DeadLettered = "dead-lettered" in Bad,
        /// The entry's body was gone, so a tombstone was written to the dead-letter stream.
        Trimmed = "trimmed" in Bad,
    }
}

impl JournalOutcome {
    const ALL: [Self; 4] = [
        Self::Handled,
        Self::Failed,
        Self::DeadLettered,
        Self::Trimmed,
    ];
}

/// The fields of a record, in this order.
const FIELDS: [&[u8]; 4] = [b"consumer", b"outcome", b"ids", b"ms"];
/// The text for a time that was not measured.
const UNMEASURED: &[u8] = b"-";

/// One entry of a journal: the settled entries of one batch that had the same outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// The consumer that held the entries.
    pub consumer: Name,
    /// The outcome of the entries.
    pub outcome: JournalOutcome,
    /// The entries, each with the milliseconds from the start of its attempt to its end, if that is known.
    pub entries: Vec<(EntryId, Option<u64>)>,
}

impl JournalRecord {
    /// The stored form: names and values.
    pub fn fields(&self) -> [(&'static [u8], Vec<u8>); 4] {
        let ids = self.entries.iter().map(|(id, _)| id.to_string());
        let ms = self.entries.iter().map(|(_, ms)| match ms {
            Some(ms) => ms.to_string(),
            None => String::from_utf8_lossy(UNMEASURED).into_owned(),
        });
        let joined = |words: Vec<String>| words.join(" ").into_bytes();
        let values = [
            self.consumer.as_bytes().to_vec(),
            self.outcome.word().as_bytes().to_vec(),
            joined(ids.collect()),
            joined(ms.collect()),
        ];
        let mut names = FIELDS.into_iter();
        values.map(|value| (names.next().unwrap_or_default(), value))
    }

    /// Parses the stored form; `None` for anything else.
    pub fn of(fields: &[(&[u8], &[u8])]) -> Option<Self> {
        let mut values = FIELDS.iter().zip(fields).map(|(wanted, (name, value))| {
            let is_it = name == wanted;
            is_it.then_some(*value)
        });
        let mut value = || values.next().flatten();
        let (consumer, outcome, ids, ms) = (value()?, value()?, value()?, value()?);
        let outcome = JournalOutcome::ALL
            .into_iter()
            .find(|it| it.word().as_bytes() == outcome)?;
        let words = |text: &'_ [u8]| -> Vec<Vec<u8>> {
            text.split(|byte| *byte == b' ')
                .map(<[u8]>::to_vec)
                .collect()
        };
        let (ids, ms) = (words(ids), words(ms));
        if ids.len() != ms.len() {
            return None;
        }
        let entry = |(id, ms): (&Vec<u8>, &Vec<u8>)| {
            let ms = match ms.as_slice() {
                UNMEASURED => None,
                digits => Some(std::str::from_utf8(digits).ok()?.parse().ok()?),
            };
            Some((EntryId::parse(id).ok()?, ms))
        };
        Some(Self {
            consumer: Name::from(consumer),
            outcome,
            entries: ids.iter().zip(&ms).map(entry).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_nothing_else_is() {
        for outcome in JournalOutcome::ALL {
            let record = JournalRecord {
                consumer: Name::from(&b"a \xff"[..]),
                outcome,
                entries: vec![(EntryId::new(5, 0), Some(12)), (EntryId::new(5, 1), None)],
            };
            let fields = record.fields();
            let slices: Vec<_> = fields
                .iter()
                .map(|(name, value)| (*name, value.as_slice()))
                .collect();
            assert_eq!(JournalRecord::of(&slices), Some(record));
            assert_eq!(JournalRecord::of(&slices[1..]), None);
        }
        let kept = |outcome: &'static [u8], ids: &'static [u8], ms: &'static [u8]| {
            let values = [&b"c"[..], outcome, ids, ms];
            let fields: Vec<_> = FIELDS.into_iter().zip(values).collect();
            JournalRecord::of(&fields)
        };
        assert!(kept(b"handled", b"5-0 6-0", b"1 2").is_some());
        for (outcome, ids, ms) in [
            (&b"odd"[..], &b"5-0"[..], &b"1"[..]),
            (b"handled", b"5-0 6-0", b"1"),
            (b"handled", b"x", b"1"),
            (b"handled", b"5-0", b"x"),
            (b"handled", b"", b""),
        ] {
            assert_eq!(kept(outcome, ids, ms), None);
        }
    }
}
