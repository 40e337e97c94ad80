//! How far a group is behind, and how well that is known.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

/// Entries of a stream that a group has not been delivered yet (or another count of entries that the server cannot always
/// know: lost ones, room that is left). Never a made-up zero.
///
/// In JSON: `{"entries": n or null, "quality": "known" | "at_most" | "at_least" | "unknown"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// Exactly this many.
    Known(u64),
    /// Not more than this many: entries were trimmed or deleted behind the server's count.
    AtMost(u64),
    /// This many, and perhaps more: a count that stopped at its limit.
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

    /// The word for how well it is known.
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
