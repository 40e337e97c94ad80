//! One reply as a tree, borrowed from the reader's buffer and its flat list of values.

use memchr::memmem::Finder;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Nil,
    Int,
    Text,
    Error,
    List,
    Map,
    Other,
}

/// The type of a value, with what it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::wire) enum Shape<'a> {
    /// Nil.
    Nil,
    /// A number.
    Int(i64),
    /// Text or bytes.
    Bytes(&'a [u8]),
    /// A list with this many children.
    List(usize),
    /// A map with this many pairs; [`Reply::children`] gives keys and values alternately.
    Map(usize),
    /// Anything else, including an error, which is never part of a reply that this tool asks for.
    Other,
}

/// One value of a reply. `at..at + len` is its text in the buffer; for lists and maps `len` counts children (a
/// map's keys and values separately) and `at` is the index of the node after the whole subtree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) tag: Tag,
    pub(super) at: usize,
    pub(super) len: usize,
}

/// A complete reply, borrowed from its reader.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) struct Reply<'a> {
    pub(super) buffer: &'a [u8],
    pub(super) slots: &'a [Slot],
    pub(super) index: usize,
}

impl<'a> Reply<'a> {
    /// The approximate size of a whole reply in bytes: from its first text to its last.
    pub(in crate::wire) fn bytes(&self) -> usize {
        self.texts().len()
    }

    /// Whether a text of the reply may contain these bytes. If the result is `false`, none does.
    pub(in crate::wire) fn holds(&self, finder: &Finder<'_>) -> bool {
        finder.find(self.texts()).is_some()
    }

    /// The bytes of a whole reply as they were received, from its first text to its last.
    fn texts(&self) -> &'a [u8] {
        let is_text = |slot: &&Slot| slot.tag == Tag::Text;
        let first = self.slots.iter().find(is_text);
        let last = self.slots.iter().rfind(is_text);
        match (first, last) {
            (Some(first), Some(last)) => &self.buffer[first.at..last.at + last.len],
            _ => &[],
        }
    }

    fn slot(&self) -> Slot {
        self.slots[self.index]
    }

    fn text(&self) -> &'a [u8] {
        let slot = self.slot();
        &self.buffer[slot.at..slot.at + slot.len]
    }

    /// The server's error line, when the reply is an error.
    pub(in crate::wire) fn error_line(&self) -> Option<String> {
        (self.slot().tag == Tag::Error).then(|| String::from_utf8_lossy(self.text()).into_owned())
    }
}

impl<'a> Reply<'a> {
    /// The type of the value.
    pub(in crate::wire) fn shape(self) -> Shape<'a> {
        let slot = self.slot();
        match slot.tag {
            Tag::Nil => Shape::Nil,
            Tag::Int => std::str::from_utf8(self.text())
                .ok()
                .and_then(|digits| digits.parse().ok())
                .map_or(Shape::Other, Shape::Int),
            Tag::Text => Shape::Bytes(self.text()),
            Tag::List => Shape::List(slot.len),
            Tag::Map => Shape::Map(slot.len / 2),
            Tag::Error | Tag::Other => Shape::Other,
        }
    }

    /// Its children; none for a leaf. For a map, keys and values alternately.
    pub(in crate::wire) fn children(self) -> Children<'a> {
        let slot = self.slot();
        let is_branch = matches!(slot.tag, Tag::List | Tag::Map);
        Children {
            left: if is_branch { slot.len } else { 0 },
            next: Reply {
                index: self.index + 1,
                ..self
            },
        }
    }
}

/// The children of a list or map, a map's keys and values in turn.
#[derive(Clone, Debug)]
pub(in crate::wire) struct Children<'a> {
    left: usize,
    next: Reply<'a>,
}

impl<'a> Iterator for Children<'a> {
    type Item = Reply<'a>;

    fn next(&mut self) -> Option<Reply<'a>> {
        self.left = self.left.checked_sub(1)?;
        let current = self.next;
        let slot = current.slot();
        self.next.index = match slot.tag {
            Tag::List | Tag::Map => slot.at,
            _ => current.index + 1,
        };
        Some(current)
    }
}
