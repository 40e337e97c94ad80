//! What a worker publishes on the server while its circuit breaker is open, as long as it keeps renewing it.

use serde::{Deserialize, Serialize};

use super::Time;

/// An open circuit breaker: since when, of which worker, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OpenBreaker {
    /// The worker's consumer.
    pub consumer: String,
    /// Since when, by the worker's clock.
    pub since: Time,
    /// Why the attempt that opened it failed.
    pub reason: String,
}

/// The stored form.
#[derive(Deserialize, Serialize)]
struct Kept {
    consumer: String,
    since_ms: u64,
    reason: String,
}

impl OpenBreaker {
    /// The value to store.
    pub fn to_value(&self) -> Vec<u8> {
        let kept = Kept {
            consumer: self.consumer.clone(),
            since_ms: self.since.ms,
            reason: self.reason.clone(),
        };
        serde_json::to_vec(&kept).unwrap_or_default()
    }

    /// Parses a stored value; `None` for anything else.
    pub fn of_value(value: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(value).ok()?;
        Some(Self {
            consumer: kept.consumer,
            since: Time::from_ms(kept.since_ms),
            reason: kept.reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_nothing_else_is() {
        let open = OpenBreaker {
            consumer: "host-1-a".to_owned(),
            since: Time::from_ms(1000),
            reason: "no \"service\"".to_owned(),
        };
        assert_eq!(OpenBreaker::of_value(&open.to_value()), Some(open));
        assert_eq!(OpenBreaker::of_value(b"over"), None);
    }
}
