//! Encodes `XADD` commands into a buffer of its own, independent of the connection, so that another thread can encode
//! them.

use super::encode::{push_arg, push_header, push_id, push_number};
use crate::model::{EntryId, Name};

/// The beginning of every `XADD` to a stream.
#[derive(Clone, Debug)]
pub struct AddsTo {
    /// Its arguments up to the fields, and their number.
    head: Vec<u8>,
    head_args: usize,
}

impl AddsTo {
    /// Entries for `stream`, which is trimmed to about `maxlen` entries if that is given.
    pub fn new(stream: &Name, maxlen: Option<u64>) -> Self {
        let mut head = Vec::new();
        push_arg(&mut head, b"XADD");
        push_arg(&mut head, stream.as_bytes());
        if let Some(maxlen) = maxlen {
            push_arg(&mut head, b"MAXLEN");
            push_arg(&mut head, b"~");
            push_number(&mut head, maxlen);
        }
        push_arg(&mut head, b"*");
        let head_args = if maxlen.is_some() { 6 } else { 3 };
        Self { head, head_args }
    }
}

/// `XADD` commands, ready to be written ([`super::Lane::write_adds`]); their replies are read by [`super::Lane::added`].
/// [`super::Lane::add_all_or_none`] does both, in one transaction.
#[derive(Debug, Default)]
pub struct Adds {
    pub(super) bytes: Vec<u8>,
    count: usize,
}

impl Adds {
    /// An empty buffer with room for about this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// Appends an entry.
    pub fn push<N: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, to: &AddsTo, fields: &[(N, V)]) {
        let out = &mut self.bytes;
        push_header(out, to.head_args + 2 * fields.len());
        out.extend_from_slice(&to.head);
        for (name, value) in fields {
            push_arg(out, name.as_ref());
            push_arg(out, value.as_ref());
        }
        self.count += 1;
    }

    /// Appends an entry with an id of its own, which must be greater than that of the last entry of `stream`.
    pub fn push_at<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        stream: &Name,
        id: EntryId,
        fields: &[(N, V)],
    ) {
        let out = &mut self.bytes;
        push_header(out, 3 + 2 * fields.len());
        push_arg(out, b"XADD");
        push_arg(out, stream.as_bytes());
        push_id(out, id);
        for (name, value) in fields {
            push_arg(out, name.as_ref());
            push_arg(out, value.as_ref());
        }
        self.count += 1;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes they take.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}
