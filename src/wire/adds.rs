//! `XADD`s on their way: written into a buffer of their own, away from the connection, so that another thread may do it.

use super::encode::{push_arg, push_header, push_number};
use crate::model::Name;

/// `XADD`s with generated ids, ready to be written ([`super::Lane::write_adds`]); their replies are read by
/// [`super::Lane::added`].
#[derive(Debug, Default)]
pub struct Adds {
    pub(super) bytes: Vec<u8>,
    count: usize,
}

impl Adds {
    /// Room for about so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// Appends an entry for `stream`, which is cut to about `maxlen` entries when given.
    pub fn push<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        stream: &Name,
        maxlen: Option<u64>,
        fields: &[(N, V)],
    ) {
        let out = &mut self.bytes;
        let head = if maxlen.is_some() { 6 } else { 3 };
        push_header(out, head + 2 * fields.len());
        push_arg(out, b"XADD");
        push_arg(out, stream.as_bytes());
        if let Some(maxlen) = maxlen {
            push_arg(out, b"MAXLEN");
            push_arg(out, b"~");
            push_number(out, maxlen);
        }
        push_arg(out, b"*");
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
