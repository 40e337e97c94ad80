//! Numbers in JSON notation, compared exactly.

/// The value of a JSON number: its significant digits, and the distance of the last one from the decimal point.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// `None` for text that is not a JSON number.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix(b"-") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let split = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, power) = match split {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let power = match power {
            Some(power) => std::str::from_utf8(power).ok()?.parse().ok()?,
            None => 0_i64,
        };
        let point = mantissa.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &b""[..]),
        };
        let is_written_so = (whole == b"0" || !whole.starts_with(b"0"))
            && !whole.is_empty()
            && (point.is_none() || !fraction.is_empty());
        let mut digits = [whole, fraction].concat();
        if !is_written_so || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut exponent = power.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent = exponent.checked_add(1)?;
        }
        let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
        digits.drain(..zeros);
        if digits.is_empty() {
            exponent = 0;
        }
        Some(Self {
            is_negative: is_negative && !digits.is_empty(),
            digits,
            exponent,
        })
    }
}
