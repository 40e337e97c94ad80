//! Finds out which of the requested fields and paths are in no entry, and what the entries have instead. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::names::listed;
use super::super::within::value_of;
use crate::model::{Name, did_you_mean, nearest, shown_field};
use crate::wire::FieldSlices;

/// The greatest number of entries whose fields are remembered by name.
const ENTRIES_MAX: usize = 1000;
/// The greatest number of names that are remembered.
const NAMES_MAX: usize = 500;
/// The longest value, in bytes, that is searched for paths.
const JSON_MAX: usize = 16 << 10;
/// The greatest length of a path within a value.
const DEPTH: usize = 3;

/// The requested fields and paths, and those that the entries have.
#[derive(Debug)]
pub(super) struct Names {
    /// The requested ones that no entry has had so far.
    absent: Vec<Vec<u8>>,
    fields: BTreeSet<Vec<u8>>,
    /// Fields, and paths into their JSON.
    places: BTreeSet<String>,
    entries: usize,
}

impl Names {
    pub(super) const fn new(asked: Vec<Vec<u8>>) -> Self {
        Self {
            absent: asked,
            fields: BTreeSet::new(),
            places: BTreeSet::new(),
            entries: 0,
        }
    }

    /// Records the names in an entry.
    pub(super) fn see(&mut self, fields: &FieldSlices<'_>) {
        if self.absent.is_empty() {
            return;
        }
        self.absent
            .retain(|place| value_of(place, fields).is_none());
        if self.entries == ENTRIES_MAX {
            return;
        }
        self.entries += 1;
        for (name, value) in fields {
            if self.fields.len() < NAMES_MAX && !self.fields.contains(*name) {
                self.fields.insert(name.to_vec());
            }
            let name = shown_field(name).into_owned();
            if value.len() <= JSON_MAX
                && value.first() == Some(&b'{')
                && let Ok(json) = serde_json::from_slice(value)
            {
                self.see_within(&name, &json, DEPTH);
            }
            self.add(name);
        }
    }

    fn see_within(&mut self, above: &str, json: &Value, depth: usize) {
        let Value::Object(members) = json else {
            return;
        };
        for (name, value) in members {
            let place = format!("{above}.{name}");
            if depth > 1 {
                self.see_within(&place, value, depth - 1);
            }
            self.add(place);
        }
    }

    fn add(&mut self, place: String) {
        if self.places.len() < NAMES_MAX {
            self.places.insert(place);
        }
    }

    /// A warning for each requested field or path that no entry had.
    pub(super) fn warnings(&self) -> Vec<String> {
        if self.entries == 0 {
            return Vec::new();
        }
        let warning = |place: &Vec<u8>| {
            let place = shown_field(place);
            let near = nearest(&place, self.places.iter().map(String::as_str));
            let instead = match near {
                Some(_) => did_you_mean(near),
                None => {
                    let fields = self.fields.iter().map(|it| Name::from(it.as_slice()));
                    format!(
                        "; the fields there are: {}",
                        listed(&fields.collect::<Vec<_>>())
                    )
                }
            };
            format!("no entry has a field `{place}`{instead}")
        };
        self.absent.iter().map(warning).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(asked: &str) -> Vec<String> {
        let mut names = Names::new(vec![asked.into()]);
        names.see(&[
            (b"event_type", b"view"),
            (b"payload", br#"{"total":1,"who":{"email":"a"}}"#),
        ]);
        names.see(&[(b"other", b"[")]);
        names.warnings()
    }

    #[test]
    fn the_nearest_name_is_said_of_what_is_nowhere() {
        for there in ["event_type", "other", "payload.total", "payload.who.email"] {
            assert_eq!(warnings(there), [""; 0], "{there}");
        }
        for (asked, near) in [
            ("evnt_type", "did you mean `event_type`?"),
            ("payload.totl", "did you mean `payload.total`?"),
            ("payload.who.mail", "did you mean `payload.who.email`?"),
            ("zzz", "; the fields there are: event_type, other, payload"),
        ] {
            let said = warnings(asked).concat();
            assert!(said.ends_with(near), "{said}");
        }
        let empty = Names::new(vec![b"a".to_vec()]);
        assert_eq!(empty.warnings(), [""; 0]);
    }
}
