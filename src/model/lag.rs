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

/// The least and the greatest of several counts, known no more exactly than the counts are.
#[derive(Clone, Copy, Debug, Default)]
pub struct LagExtent(Option<Extremes>);

#[derive(Clone, Copy, Debug)]
struct Extremes {
    /// The least can be as little as this, and is not more than that, where a count has a bound above.
    least: (u64, Option<u64>),
    /// The greatest is as much as this, where a count has a bound below, and not more than that, where all have one above.
    greatest: (Option<u64>, Option<u64>),
}

impl LagExtent {
    /// Takes in one more count; nothing where there is none.
    pub fn add(&mut self, count: Option<Lag>) {
        let Some(count) = count else { return };
        let (low, high) = (count.at_least(), count.at_most());
        self.0 = Some(match self.0 {
            None => Extremes {
                least: (low.unwrap_or(0), high),
                greatest: (low, high),
            },
            Some(Extremes { least, greatest }) => Extremes {
                least: (
                    least.0.min(low.unwrap_or(0)),
                    [least.1, high].into_iter().flatten().min(),
                ),
                greatest: (
                    greatest.0.max(low),
                    greatest.1.zip(high).map(|(one, other)| one.max(other)),
                ),
            },
        });
    }

    /// The least of the counts; `None` where there was none.
    pub fn least(self) -> Option<Lag> {
        let Extremes { least, .. } = self.0?;
        Some(match least {
            (low, Some(high)) if low == high => Lag::Known(low),
            (_, Some(high)) => Lag::AtMost(high),
            (0, None) => Lag::Unknown,
            (low, None) => Lag::AtLeast(low),
        })
    }

    /// The greatest of the counts; `None` where there was none.
    pub fn greatest(self) -> Option<Lag> {
        let Extremes { greatest, .. } = self.0?;
        Some(match greatest {
            (Some(low), Some(high)) if low == high => Lag::Known(low),
            (None | Some(0), Some(high)) => Lag::AtMost(high),
            (None | Some(0), None) => Lag::Unknown,
            (Some(low), _) => Lag::AtLeast(low),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_and_the_greatest_are_known_as_the_counts_are() {
        use Lag::{AtLeast, AtMost, Known, Unknown};
        for (counts, least, greatest) in [
            (&[Known(3), Known(9), Known(5)][..], Known(3), Known(9)),
            (&[Known(3), AtLeast(9)], Known(3), AtLeast(9)),
            (&[AtLeast(3), Known(9)], AtMost(9), AtLeast(9)),
            (&[Known(3), AtMost(9)], AtMost(3), AtLeast(3)),
            (&[Known(9), AtMost(3)], AtMost(3), Known(9)),
            (&[Known(3), Unknown], AtMost(3), AtLeast(3)),
            (&[AtLeast(3), AtLeast(9)], AtLeast(3), AtLeast(9)),
            (&[AtMost(3), AtMost(9)], AtMost(3), AtMost(9)),
            (&[Known(0), AtMost(9)], Known(0), AtMost(9)),
            (&[Unknown, Unknown], Unknown, Unknown),
        ] {
            let mut extent = LagExtent::default();
            assert_eq!(extent.least(), None);
            for count in counts {
                extent.add(Some(*count));
            }
            extent.add(None);
            let found = (extent.least(), extent.greatest());
            assert_eq!(found, (Some(least), Some(greatest)), "{counts:?}");
        }
    }
}
