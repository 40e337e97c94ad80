//! What a worker records about an entry that has been in flight for long, in its stored form: `1732800000000 2 6
//! host-1` and the reason.

use super::{Name, Time};

/// An entry that has been in flight for long: since when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// When a handler was first started with it, by the server's clock.
    pub since: Time,
    /// How often it had been delivered when this was recorded.
    pub attempt: u64,
    /// The consumer that recorded it.
    pub consumer: Name,
    /// Why the last attempt failed; empty when none did.
    pub reason: String,
}

impl InFlight {
    /// Parses a stored value; `None` for anything else.
    pub fn of_value(value: &[u8]) -> Option<Self> {
        let mut parts = value.splitn(4, |byte| *byte == b' ');
        let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<u64>().ok();
        let (since_ms, attempt, length) = (number()?, number()?, number()?);
        let rest = parts.next()?;
        let length = usize::try_from(length).ok()?;
        let (consumer, reason) = rest.split_at_checked(length)?;
        Some(Self {
            since: Time::from_ms(since_ms),
            attempt,
            consumer: Name::from(consumer),
            reason: String::from_utf8_lossy(reason).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_nothing_else_is() {
        let said = InFlight::of_value(b"1000 2 6 a b\xff cdown: 5 \xff").expect("a note");
        assert_eq!((said.since, said.attempt), (Time::from_ms(1000), 2));
        assert_eq!(said.consumer, Name::from(&b"a b\xff c"[..]));
        assert_eq!(said.reason, "down: 5 \u{fffd}");
        for odd in [&b""[..], b"1000", b"1000 2 60 a", b"x 2 1 a", b"1000 2 1"] {
            assert_eq!(InFlight::of_value(odd), None, "{odd:?}");
        }
    }
}
