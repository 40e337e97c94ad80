//! What is odd about entries that are published all the same, said once for each kind of oddity.

use super::place::Place;
use crate::model::Name;
use crate::topology::validate::{Oddity, Pair, Warning};

/// Kinds of warnings, each with its first case and how often it came.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    kinds: Vec<Tally>,
    /// Entries without a schema, and how many of them have just the keys of [`ENTRY_KEYS`].
    free: u64,
    shown: u64,
}

const SHOWN: &str = "every entry is as `read -o ndjson` prints it: its stream, id, time and fields are published as four \
     fields; to publish only the fields, print only them, with `read -o ndjson --jq '.fields'`";

/// An entry as this tool shows it in JSON.
const ENTRY_KEYS: [&[u8]; 4] = [b"stream", b"id", b"time", b"fields"];

#[derive(Clone, Debug)]
struct Tally {
    field: Name,
    oddity: Oddity,
    first: String,
    place: Option<Place>,
    count: u64,
}

impl Warnings {
    /// Adds what was found in one entry, which stood at this place of a file.
    pub fn add(&mut self, found: &[Warning], place: Option<Place>) {
        for warning in found {
            let same =
                |seen: &&mut Tally| seen.field == warning.field && seen.oddity == warning.oddity;
            match self.kinds.iter_mut().find(same) {
                Some(seen) => seen.count += 1,
                None => self.kinds.push(Tally {
                    field: warning.field.clone(),
                    oddity: warning.oddity,
                    first: warning.to_string(),
                    place,
                    count: 1,
                }),
            }
        }
    }

    /// Looks at an entry for which there is no schema.
    pub(super) fn look_at(&mut self, fields: &[Pair<'_>]) {
        let is_key = |(name, _): &Pair<'_>| ENTRY_KEYS.contains(&&**name);
        self.free += 1;
        self.shown += u64::from(fields.len() == ENTRY_KEYS.len() && fields.iter().all(is_key));
    }

    /// Adds what was found further on.
    pub fn merge(&mut self, later: Self) {
        self.free += later.free;
        self.shown += later.shown;
        for other in later.kinds {
            let same = |seen: &&mut Tally| seen.field == other.field && seen.oddity == other.oddity;
            match self.kinds.iter_mut().find(same) {
                Some(seen) => seen.count += other.count,
                None => self.kinds.push(other),
            }
        }
    }

    /// One text for each kind.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        let kinds = self.kinds.iter().map(|seen| {
            let place = seen.place.map(|place| format!("{place}: "));
            let place = place.unwrap_or_default();
            let more = match seen.count - 1 {
                0 => String::new(),
                more => format!(" (and {more} more like it)"),
            };
            format!("{place}{}{more}", seen.first)
        });
        let is_shown = self.free > 0 && self.free == self.shown;
        kinds.chain(is_shown.then(|| SHOWN.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::validate::Checker;
    use crate::topology::{EVENTS_RAW, Topology};

    #[test]
    fn each_kind_is_said_once() {
        let topology = Topology::default();
        let checker = Checker::new(topology.stream(&EVENTS_RAW.into()));
        let mut warnings = Warnings::default();
        for line in 3..=5 {
            let json = br#"{"event_id":"e-1","brand_id":"b","event_type":"purchase","payload":{}}"#;
            let record = checker.check_json(json).expect("valid");
            warnings.add(&record.warnings, Some(Place::Line(line)));
        }
        let texts: Vec<_> = warnings.texts().collect();
        assert_eq!(
            texts,
            ["line 3: event_id: `e-1` is not a UUID (and 2 more like it)"]
        );
    }
}
