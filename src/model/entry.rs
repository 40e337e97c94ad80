//! An entry of a stream: its id and its ordered list of name and value pairs.

use super::body::{EntryObject, borrowed};
use super::fields::{Fields, bytes_of};
use super::{EntryId, Name};

/// An owned entry. Decoders return borrowed fields; this type is for entries that must outlive a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The id in the stream it was read from.
    pub id: EntryId,
    /// Name and value pairs in order.
    pub fields: Fields,
}

impl Entry {
    /// The total size of its names and values.
    pub fn bytes(&self) -> usize {
        bytes_of(&self.fields)
    }

    /// The value of the first field called `name`.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_slice())
    }

    /// The value of the first field called `name` when it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name.as_bytes())
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The entry as an object, in the form of every JSON output.
    pub fn object<'e>(
        &'e self,
        stream: &'e Name,
    ) -> EntryObject<'e, impl ExactSizeIterator<Item = (&'e [u8], &'e [u8])> + Clone> {
        EntryObject {
            stream,
            id: self.id,
            fields: borrowed(&self.fields),
        }
    }
}
