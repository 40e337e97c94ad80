//! How far a group is behind, and how exactly that is known.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

/// The number of entries that were not delivered to a group yet (or another count that the server does not always
/// know exactly: lost entries, room that is left). It is never a made-up zero.
///
/// In JSON: `{"entries": n or null, "quality": "known" | "at_most" | "at_least" | "unknown"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// Exactly this many.
    Known(u64),
    /// Not more than this many, because entries were trimmed or deleted without the server's count changing.
    AtMost(u64),
    /// This many or more: a count that stopped at its limit.
    AtLeast(u64),
    /// The server cannot say; `lag --exact` counts.
    Unknown,
}

impl Lag {
    /// The number, exact or as a bound; `None` when unknown.
    pub fn entries(self) -> Option<u64> {
        match self {
            Self::Known(entries) | Self::AtMost(entries) | Self::AtLeast(entries) => Some(entries),
            Self::Unknown => None,
        }
    }

    /// The least it can be, where that is known.
    pub const fn at_least(self) -> Option<u64> {
        match self {
            Self::Known(entries) | Self::AtLeast(entries) => Some(entries),
            Self::AtMost(_) | Self::Unknown => None,
        }
    }

    /// The most it can be, where that is known.
    pub const fn at_most(self) -> Option<u64> {
        match self {
            Self::Known(entries) | Self::AtMost(entries) => Some(entries),
            Self::AtLeast(_) | Self::Unknown => None,
        }
    }

    /// Whether it is known exactly.
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Known(_))
    }

    /// The word for how exactly it is known.
    pub fn quality(self) -> &'static str {
        match self {
            Self::Known(_) => "known",
            Self::AtMost(_) => "at_most",
            Self::AtLeast(_) => "at_least",
            Self::Unknown => "unknown",
        }
    }
}

impl Serialize for Lag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Lag", 2)?;
        fields.serialize_field("entries", &self.entries())?;
        fields.serialize_field("quality", self.quality())?;
        fields.end()
    }
}
