//! Warnings about entries that are published nevertheless, one for each kind.

use super::place::Place;
use crate::model::{Name, with_commas};
use crate::topology::validate::{Oddity, Warning};

/// The kinds of warnings, each with its first occurrence and the number of occurrences.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    kinds: Vec<Tally>,
}

#[derive(Clone, Debug)]
struct Tally {
    field: Name,
    oddity: Oddity,
    first: String,
    place: Option<Place>,
    count: u64,
}

impl Warnings {
    /// Adds the warnings about one entry, which is at this place in a file.
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

    /// Adds the warnings of a later part of the input.
    pub fn merge(&mut self, later: Self) {
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
        self.kinds.iter().map(|seen| {
            let place = seen.place.map(|place| format!("{place}: "));
            let place = place.unwrap_or_default();
            let more = match seen.count - 1 {
                0 => String::new(),
                more => format!(" (and {} more like it)", with_commas(more)),
            };
            format!("{place}{}{more}", seen.first)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::EVENTS_RAW;
    use crate::topology::Topology;
    use crate::topology::validate::Checker;

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
