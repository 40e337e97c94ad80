//! Counts with their noun.

use std::fmt::Display;

/// `1 group`, `2 groups`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(
    count: N,
    one: &str,
    many: &str,
) -> String {
    let noun = if count == N::from(1) { one } else { many };
    format!("{count} {noun}")
}

/// `1 entry`, `2 entries`.
pub fn entries<N: Copy + Display + PartialEq + From<u8>>(count: N) -> String {
    counted(count, "entry", "entries")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        let words = [0_u64, 1, 2].map(entries);
        assert_eq!(words, ["0 entries", "1 entry", "2 entries"]);
        assert_eq!(
            counted(1_usize, "lease lost", "leases lost"),
            "1 lease lost"
        );
    }
}
