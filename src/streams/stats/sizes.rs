//! A histogram of sizes, which gives percentiles in memory that does not grow with the number of sizes. Pure.

/// Sizes below this have a class each; from this size on, each power of two is divided into half as many classes.
const EXACT: u64 = 64;
/// The number of leading bits of a size that its class keeps.
const KEPT_BITS: u32 = 5;

/// The number of sizes in each class. Percentiles are off by at most 1.6 percent.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    /// The classes that are not empty, in order, with the number of sizes in each.
    classes: Vec<(u16, u32)>,
    all: u64,
}

/// The memory that one more class takes.
pub(super) const CLASS_BYTES: usize = size_of::<(u16, u32)>();

impl Sizes {
    /// Counts a size. Returns whether it is the first of its class.
    pub(super) fn count(&mut self, size: u64) -> bool {
        self.all += 1;
        let class = class_of(size);
        match self.classes.binary_search_by_key(&class, |it| it.0) {
            Ok(place) => {
                let count = &mut self.classes[place].1;
                *count = count.saturating_add(1);
                false
            }
            Err(place) => {
                self.classes.insert(place, (class, 1));
                true
            }
        }
    }

    /// How many classes occur.
    pub(super) const fn classes(&self) -> usize {
        self.classes.len()
    }

    /// The size that this many percent of the sizes do not exceed; `None` when there are none.
    pub(super) fn percentile(&self, percent: u64) -> Option<u64> {
        let wanted = (self.all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = |(_, count): &&(u16, u32)| {
            seen += u64::from(*count);
            seen >= wanted
        };
        let found = self.classes.iter().find(reached).or(self.classes.last())?;
        Some(middle_of(found.0))
    }
}

fn class_of(size: u64) -> u16 {
    let class = if size < EXACT {
        size
    } else {
        let shift = size.ilog2() - KEPT_BITS;
        (u64::from(shift) << KEPT_BITS) + (size >> shift)
    };
    u16::try_from(class).unwrap_or(u16::MAX)
}

/// The size in the middle of a class.
fn middle_of(class: u16) -> u64 {
    let class = u64::from(class);
    if class < EXACT {
        return class;
    }
    let shift = (class >> KEPT_BITS) - 1;
    let least = (class - (shift << KEPT_BITS)) << shift;
    least + ((1 << shift) - 1) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_sizes_are_exact() {
        let mut sizes = Sizes::default();
        assert_eq!(sizes.percentile(50), None);
        for size in 1..=60 {
            sizes.count(size);
        }
        assert_eq!(sizes.percentile(50), Some(30));
        assert_eq!(sizes.percentile(99), Some(60));
        assert_eq!(sizes.percentile(0), Some(1));
    }

    proptest! {
        #[test]
        fn a_class_is_off_by_little(size: u64) {
            let middle = middle_of(class_of(size));
            prop_assert!(u128::from(middle.abs_diff(size)) * 64 <= u128::from(size) + 64);
        }

        #[test]
        fn classes_are_in_the_order_of_their_sizes(one: u64, other: u64) {
            prop_assert_eq!(class_of(one.min(other)) <= class_of(one.max(other)), true);
        }

        #[test]
        fn a_percentile_is_near_the_one_that_is_counted(
            sizes in prop::collection::vec(0_u64..1 << 30, 1..200), percent in 1_u64..=100,
        ) {
            let mut counted = Sizes::default();
            for size in &sizes {
                counted.count(*size);
            }
            let mut sorted = sizes;
            sorted.sort_unstable();
            let rank = (sorted.len() * usize::try_from(percent).unwrap()).div_ceil(100);
            let exact = sorted[rank - 1];
            let told = counted.percentile(percent).unwrap();
            prop_assert!(told.abs_diff(exact) * 64 <= exact + 64, "{told} for {exact}");
        }
    }
}
