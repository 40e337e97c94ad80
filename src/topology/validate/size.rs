//! How large an entry may be.

use super::{Pair, Rule};

/// The most that an entry may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Fields.
    pub fields: usize,
    /// Bytes of all names and values.
    pub bytes: usize,
}

impl Size {
    /// Of an event: more is a mistake, and a server call of unbounded size.
    pub const EVENT: Self = Self {
        fields: 1000,
        bytes: 1024 * 1024,
    };
    /// Of what was an entry of a server before: a server takes no more than 512 MiB for one value, and this tool no longer
    /// reply than 1 GiB.
    pub const ENTRY: Self = Self {
        fields: 1024 * 1024,
        bytes: 512 * 1024 * 1024,
    };

    /// # Errors
    /// What `fields` have too much of.
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
