//! Counts as a person reads them, with their noun.

use std::fmt::Display;

/// A count with a comma between thousands: `12,345`.
pub fn with_commas(count: impl Display) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 group`, `2,000 groups`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(
    count: N,
    one: &str,
    many: &str,
) -> String {
    let noun = if count == N::from(1) { one } else { many };
    format!("{} {noun}", with_commas(count))
}

/// `1 entry`, `2,000 entries`.
pub fn entries<N: Copy + Display + PartialEq + From<u8>>(count: N) -> String {
    counted(count, "entry", "entries")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        let words = [0_u64, 1, 1_234_567].map(entries);
        assert_eq!(words, ["0 entries", "1 entry", "1,234,567 entries"]);
        assert_eq!(
            counted(1_usize, "lease lost", "leases lost"),
            "1 lease lost"
        );
    }
}
