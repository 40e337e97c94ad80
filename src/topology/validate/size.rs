//! The limits on the size of an entry.

use super::{Pair, Rule};

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The number of fields.
    pub fields: usize,
    /// The number of bytes in all names and values.
    pub bytes: usize,
}

impl Size {
    /// The limits for an event: more would be a mistake, and a server call of unbounded size.
    pub const EVENT: Self = Self {
        fields: 1000,
        bytes: 1024 * 1024,
    };
    /// The limits for an entry that came from a server: a server accepts no more than 512 MiB for one value, and this
    /// tool no reply longer than 1 GiB.
    pub const ENTRY: Self = Self {
        fields: 1024 * 1024,
        bytes: 512 * 1024 * 1024,
    };

    /// # Errors
    /// The limit that `fields` exceed.
    pub(super) fn check(self, fields: &[Pair<'_>]) -> Result<(), Rule> {
        if fields.len() > self.fields {
            return Err(Rule::TooManyFields(self.fields));
        }
        let bytes: usize = fields.iter().map(|(n, v)| n.len() + v.len()).sum();
        if bytes > self.bytes {
            return Err(Rule::TooLarge(self.bytes));
        }
        Ok(())
    }
}
