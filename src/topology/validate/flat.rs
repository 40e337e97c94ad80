//! The members of one JSON object, as they are read: what they are besides the fields of an event.

use super::{Pair, printed};

/// What was seen of a flat object's members.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flat {
    /// The position of the first `null`, if there is one.
    pub(super) first_null: Option<usize>,
    /// Positions of those that may look like what is printed.
    pub(super) suspects: Vec<usize>,
    /// Where `id` is, which is a text, and `fields`, which is an object, a list or `null`.
    id: Option<usize>,
    fields: Option<usize>,
    /// Whether there is anything that a whole entry has besides.
    has_place: bool,
}

impl Flat {
    /// The member at `at`, whose value as JSON begins with `first`.
    pub(super) fn note(&mut self, at: usize, name: &str, first: u8, value: &str) {
        if first == b'n' {
            self.first_null = self.first_null.or(Some(at));
        }
        let is_nested = matches!(first, b'{' | b'[');
        match name {
            "id" if first == b'"' => self.id = Some(at),
            "fields" if is_nested || first == b'n' => self.fields = Some(at),
            "stream" | "time" => self.has_place = true,
            _ => {}
        }
        let is_suspect = is_nested && (name == "fields" || printed::is_suspect(value));
        if is_suspect || name.starts_with("base64:") {
            self.suspects.push(at);
        }
    }

    /// Where the fields of a whole entry are, if it is one.
    pub(super) fn whole_entry(&self, members: &[Pair<'_>], start: usize) -> Option<usize> {
        let (id, fields) = (self.id?, self.fields?);
        let is_whole = self.has_place || members.len() - start == 2;
        (is_whole && printed::is_entry_id(&members[id].1)).then_some(fields)
    }
}
