//! Finds values within JSON by their paths: `customer.email`, `items.0.sku`. Pure.

use std::borrow::Cow;

use crate::model::{JsonText, NotJson};

/// The value at `path`, whose steps are joined by dots, within `json`; `None` when there is no such place.
///
/// # Errors
/// When something on the way there is not JSON.
pub(super) fn within<'j>(path: &[u8], json: &'j [u8]) -> Result<Option<JsonText<'j>>, NotJson> {
    JsonText::at(json, path.split(|byte| *byte == b'.'))
}

/// The value that `place` names in an entry: a field, or, when there is no field of that name, a field and a path
/// into its JSON, joined by dots. A text is returned unchanged, anything else as compact JSON.
pub(super) fn value_of<'f, T: AsRef<[u8]>>(
    place: &[u8],
    fields: &'f [(T, T)],
) -> Option<Cow<'f, [u8]>> {
    let of = |wanted: &[u8]| {
        let found = fields.iter().find(|(name, _)| name.as_ref() == wanted);
        found.map(|(_, value)| value.as_ref())
    };
    if let Some(value) = of(place) {
        return Some(value.into());
    }
    memchr::memchr_iter(b'.', place).find_map(|dot| {
        let json = of(&place[..dot])?;
        let found = within(&place[dot + 1..], json).ok()??;
        Some(found.shown())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_or_a_place_within_one() {
        let fields: Vec<(Vec<u8>, Vec<u8>)> = [
            ("kind", "sale"),
            ("a.b", "dotted"),
            ("a", r#"{"b":1,"c":{"d":["x",{"e":null}]}}"#),
            ("text", "no json"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
        for (place, value) in [
            ("kind", Some("sale")),
            ("a.b", Some("dotted")),
            ("a.c.d.0", Some("x")),
            ("a.c.d.1", Some(r#"{"e":null}"#)),
            ("a.c.d.1.e", Some("null")),
            ("a.c.x", None),
            ("text.x", None),
            ("nothing", None),
        ] {
            let found = value_of(place.as_bytes(), &fields);
            assert_eq!(found.as_deref(), value.map(str::as_bytes), "{place}");
        }
    }
}
