//! Filters entries: by a field's value, by a value within JSON, by a pattern.

use regex::bytes::Regex;

use super::super::within::within;
use crate::model::{FieldCondition, NotJson, shown_name};
use crate::wire::FieldSlices;

/// Conditions on an entry; without any, every entry matches.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// All of these must hold.
    pub equal: Vec<FieldCondition>,
    /// At least one value of the entry must match this, if it is given.
    pub pattern: Option<Regex>,
}

/// What a filter says about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The entry matches.
    Taken,
    /// The entry does not match.
    Left,
    /// A condition refers to a place within a value that is not JSON, so it is undecided.
    Unjudged(Unjudged),
}

/// Why an entry could not be tested against a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot look up `{}`: the field `{}` is {why}", shown_name(.place), shown_name(.field))]
pub struct Unjudged {
    /// The place in the condition.
    pub place: Vec<u8>,
    /// The field that should have held it.
    pub field: Vec<u8>,
    /// What is wrong with the field's value.
    pub why: NotJson,
}

impl Filter {
    /// Whether every entry matches.
    pub fn is_empty(&self) -> bool {
        self.equal.is_empty() && self.pattern.is_none()
    }

    /// Whether an entry with these fields matches. One condition that does not hold is enough to leave it out,
    /// whatever the others say.
    pub fn judge(&self, fields: &FieldSlices<'_>) -> Verdict {
        if let Some(pattern) = &self.pattern
            && !fields.iter().any(|(_, value)| pattern.is_match(value))
        {
            return Verdict::Left;
        }
        let mut verdict = Verdict::Taken;
        for equal in &self.equal {
            match equal.holds(fields) {
                Ok(holds) if holds == equal.is_negated => return Verdict::Left,
                Ok(_) => {}
                Err(unjudged) => verdict = Verdict::Unjudged(unjudged),
            }
        }
        verdict
    }
}

impl FieldCondition {
    fn holds(&self, fields: &FieldSlices<'_>) -> Result<bool, Unjudged> {
        let place = self.place.as_bytes();
        let mut named = fields.iter().filter(|(name, _)| *name == place).peekable();
        if named.peek().is_some() {
            return Ok(named.any(|(_, value)| *value == self.value));
        }
        let mut outcome = Ok(false);
        for dot in memchr::memchr_iter(b'.', place) {
            let (field, path) = (&place[..dot], &place[dot + 1..]);
            for (_, json) in fields.iter().filter(|(name, _)| *name == field) {
                match within(path, json) {
                    Ok(Some(found)) if found.is(&self.value) => return Ok(true),
                    Ok(_) => {}
                    Err(why) => {
                        outcome = Err(Unjudged {
                            place: place.to_vec(),
                            field: field.to_vec(),
                            why,
                        });
                    }
                }
            }
        }
        outcome
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
        (b"torn", br#"{"early":1,"late":"#),
        (b"empty", b""),
    ];

    fn verdict(place: &str, value: &str, is_negated: bool) -> Verdict {
        let filter = Filter {
            equal: vec![FieldCondition {
                place: place.into(),
                value: value.into(),
                is_negated,
            }],
            pattern: None,
        };
        filter.judge(ENTRY)
    }

    fn takes(place: &str, value: &str) -> bool {
        let takes = verdict(place, value, false) == Verdict::Taken;
        let negated = if takes { Verdict::Left } else { Verdict::Taken };
        assert_eq!(verdict(place, value, true), negated, "{place}!={value}");
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
            ("empty.x", "y"),
            ("nothing", ""),
        ] {
            assert!(!takes(place, value), "{place}={value}");
        }
    }

    #[test]
    fn what_is_not_json_is_neither_taken_nor_left() {
        for place in [
            "torn.early",
            "torn.late",
            "torn.nothing",
            "type.x",
            "bytes.x",
        ] {
            for is_negated in [false, true] {
                let Verdict::Unjudged(why) = verdict(place, "1", is_negated) else {
                    panic!("{place}");
                };
                assert!(why.to_string().contains(place), "{why}");
            }
        }
        let mut filter = Filter::default();
        for place in ["torn.late", "type"] {
            filter.equal.push(FieldCondition {
                place: place.into(),
                value: b"view".to_vec(),
                is_negated: false,
            });
        }
        assert_eq!(filter.judge(ENTRY), Verdict::Left);
    }

    #[test]
    fn a_pattern_is_looked_for_in_values() {
        let judged = |pattern: &str| {
            let filter = Filter {
                equal: Vec::new(),
                pattern: Some(Regex::new(pattern).expect("a pattern")),
            };
            filter.judge(ENTRY)
        };
        assert!(judged("a@.\\.c") == Verdict::Taken);
        assert!(judged("(?-u)\\xff") == Verdict::Taken);
        assert!(judged("payload") == Verdict::Left);
        let all = Filter::default();
        assert!(all.judge(ENTRY) == Verdict::Taken && all.is_empty());
    }
}
