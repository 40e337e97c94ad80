//! The claim idle that a worker publishes on the server: how long entries must be idle before it claims them, and so
//! for how long others must not claim those that it holds; and whether it reads the group's retry stream.

use std::time::Duration;

use super::{ConsumerInfo, Name};

/// A consumer's claim idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimIdle {
    /// The consumer.
    pub consumer: Name,
    /// How long an entry must be idle before it is claimed.
    pub claim_idle: Duration,
    /// Whether the consumer also reads the group's retry stream. Unknown of the longest that a worker is told of.
    pub reads_retries: bool,
}

impl ClaimIdle {
    /// Parses a stored value, `60000 1732800000000 retry`: the claim idle, when it was refreshed by the server's clock,
    /// and perhaps that its consumer reads the retry stream; `None` for anything else.
    pub fn of_value(consumer: &Name, value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let mut words = text.split(' ');
        let idle_ms = words.next()?.parse().ok()?;
        words.next()?.parse::<u64>().ok()?;
        let reads_retries = match words.next() {
            None => false,
            Some("retry") => true,
            Some(_) => return None,
        };
        words.next().is_none().then(|| Self {
            consumer: consumer.clone(),
            claim_idle: Duration::from_millis(idle_ms),
            reads_retries,
        })
    }

    /// Whether its consumer is live: it exists on the server, and was active within its own claim idle. `consumers`
    /// are those on the server.
    pub fn is_live(&self, consumers: &[ConsumerInfo]) -> bool {
        let found = consumers.iter().find(|it| it.name == self.consumer);
        found.is_some_and(|it| Duration::from_millis(it.idle_ms) < self.claim_idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_seen_within_its_own_claim_idle_lives() {
        let seen = |name: &str, idle_ms| ConsumerInfo {
            name: Name::from(name),
            pending: 0,
            idle_ms,
            inactive_ms: None,
        };
        let consumers = [seen("a", 59_999), seen("b", 60_000)];
        let is_live = |name: &str, value: &[u8]| {
            ClaimIdle::of_value(&name.into(), value).map(|it| it.is_live(&consumers))
        };
        assert_eq!(is_live("a", b"60000 1"), Some(true));
        assert_eq!(is_live("b", b"60000 1"), Some(false));
        assert_eq!(is_live("gone", b"60000 1"), Some(false));
        let reads =
            |value: &[u8]| ClaimIdle::of_value(&"a".into(), value).map(|it| it.reads_retries);
        assert_eq!(reads(b"60000 1"), Some(false));
        assert_eq!(reads(b"60000 1 retry"), Some(true));
        for value in [
            &b"60000"[..],
            b"60000 x",
            b"",
            b"\xff 1",
            b"1 1 x",
            b"1 1 retry ",
        ] {
            assert_eq!(is_live("a", value), None, "{value:?}");
        }
    }
}
