//! Notes about the members of a JSON object while it is read, to find out whether it is an event or something else.

use super::{Pair, printed};

/// What was noticed about a flat object's members.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flat {
    /// The position of the first `null`, if there is one.
    pub(super) first_null: Option<usize>,
    /// Positions of values that look like printed ones.
    pub(super) suspects: Vec<usize>,
    /// The positions of `id`, if it is a text, and of `fields`, if it is an object, a list or `null`.
    id: Option<usize>,
    fields: Option<usize>,
    /// Whether the object has another member that a whole entry has.
    has_place: bool,
}

impl Flat {
    /// Notes the member at `at`, whose value in JSON begins with `first`.
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

    /// The position of a whole entry's fields, if the object is a whole entry.
    pub(super) fn whole_entry(&self, members: &[Pair<'_>], start: usize) -> Option<usize> {
        let (id, fields) = (self.id?, self.fields?);
        let is_whole = self.has_place || members.len() - start == 2;
        (is_whole && printed::is_entry_id(&members[id].1)).then_some(fields)
    }
}
