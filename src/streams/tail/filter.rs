//! Which entries are wanted: by a field's value, by a value within JSON, by a pattern.

use regex::bytes::Regex;

use super::super::within::within;
use crate::wire::decode::FieldSlices;

/// Conditions on an entry; without any it takes all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// All of these must hold.
    pub equal: Vec<Equal>,
    /// A value of the entry must match this, if it is given.
    pub pattern: Option<Regex>,
}

/// A field, or a place within a field's JSON, that must have a value.
#[derive(Clone, Debug)]
pub struct Equal {
    /// A field's name; where there is no such field, a field's name and a path into its JSON, joined by dots:
    /// `payload.customer.email`, `payload.items.0.sku`.
    pub place: Vec<u8>,
    /// The value: a text, or a number, `true`, `false`, `null`, an object or array as compact JSON.
    pub value: Vec<u8>,
    /// Whether it must not have that value, as where there is no such place.
    pub is_negated: bool,
}

impl Filter {
    /// Whether it takes all.
    pub fn is_empty(&self) -> bool {
        self.equal.is_empty() && self.pattern.is_none()
    }

    /// Whether it takes an entry with these fields.
    pub fn takes(&self, fields: &FieldSlices<'_>) -> bool {
        self.equal
            .iter()
            .all(|equal| equal.holds(fields) != equal.is_negated)
            && self
                .pattern
                .as_ref()
                .is_none_or(|pattern| fields.iter().any(|(_, value)| pattern.is_match(value)))
    }
}

impl Equal {
    fn holds(&self, fields: &FieldSlices<'_>) -> bool {
        let mut named = fields
            .iter()
            .filter(|(name, _)| *name == self.place)
            .peekable();
        if named.peek().is_some() {
            return named.any(|(_, value)| *value == self.value);
        }
        memchr::memchr_iter(b'.', &self.place).any(|dot| {
            let (field, path) = (&self.place[..dot], &self.place[dot + 1..]);
            fields
                .iter()
                .filter(|(name, _)| *name == field)
                .any(|(_, value)| self.is_at(path, value))
        })
    }

    fn is_at(&self, path: &[u8], json: &[u8]) -> bool {
        within(path, json).is_some_and(|found| found.is(&self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &FieldSlices<'static> = &[
        (b"type", b"purchase"),
        (b"tag", b"a"),
        (b"tag", b"b"),
        (b"a.b", b"dotted"),
        (
            b"payload",
            br#"{"total":12.50,"n":7,"ok":true,"none":null,"who":{"email":"a@b.c"},"items":[{"sku":"x"}]}"#,
        ),
        (b"bytes", b"\xff\xfe"),
    ];

    fn takes_if(place: &str, value: &str, is_negated: bool) -> bool {
        let filter = Filter {
            equal: vec![Equal {
                place: place.into(),
                value: value.into(),
                is_negated,
            }],
            pattern: None,
        };
        filter.takes(ENTRY)
    }

    fn takes(place: &str, value: &str) -> bool {
        let takes = takes_if(place, value, false);
        assert_ne!(takes, takes_if(place, value, true), "{place}!={value}");
        takes
    }

    #[test]
    fn fields_and_places_within_json() {
        for (place, value) in [
            ("type", "purchase"),
            ("tag", "b"),
            ("a.b", "dotted"),
            ("payload.total", "12.5"),
            ("payload.total", "12.50"),
            ("payload.n", "7"),
            ("payload.ok", "true"),
            ("payload.none", "null"),
            ("payload.who.email", "a@b.c"),
            ("payload.items.0.sku", "x"),
            ("payload.items", r#"[{"sku":"x"}]"#),
        ] {
            assert!(takes(place, value), "{place}={value}");
        }
        for (place, value) in [
            ("type", "purchas"),
            ("tag", "c"),
            ("payload", "12.5"),
            ("payload.total", "12"),
            ("payload.n", "07"),
            ("payload.missing", ""),
            ("payload.items.1.sku", "x"),
            ("type.x", "purchase"),
            ("bytes.x", "y"),
            ("nothing", ""),
        ] {
            assert!(!takes(place, value), "{place}={value}");
        }
    }

    #[test]
    fn a_pattern_is_looked_for_in_values() {
        let filter = |pattern: &str| Filter {
            equal: Vec::new(),
            pattern: Some(Regex::new(pattern).expect("a pattern")),
        };
        assert!(filter("a@.\\.c").takes(ENTRY));
        assert!(filter("(?-u)\\xff").takes(ENTRY));
        assert!(!filter("payload").takes(ENTRY));
        assert!(Filter::default().takes(ENTRY) && Filter::default().is_empty());
    }
}
