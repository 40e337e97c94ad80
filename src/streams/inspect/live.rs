//! Which consumers of a group are live, and whether it is a problem that none is.

use std::time::Duration;

use crate::model::ConsumerInfo;
use crate::streams::policy::Published;

/// A consumer that was active within this time is live, however short its claim idle is, because a worker with a
/// short one may pause briefly.
pub(in crate::streams) const LIVE_MIN: Duration = Duration::from_mins(1);

/// The number of live consumers of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Living {
    /// Consumers that were active lately.
    pub(super) live: u64,
    /// The time that counts as lately.
    within: Duration,
}

impl Living {
    /// Counts the live ones among the group's `consumers`, whose workers have `published` this claim idle; the topology
    /// says `claim_idle`.
    pub(super) fn of(
        consumers: &[ConsumerInfo],
        published: &Published,
        claim_idle: Duration,
    ) -> Self {
        let within = published.greatest().unwrap_or(claim_idle).max(LIVE_MIN);
        let is_live = |it: &&ConsumerInfo| Duration::from_millis(it.idle_ms) < within;
        Self {
            live: consumers.iter().filter(is_live).count() as u64,
            within,
        }
    }

    /// The number of live consumers, if it is meaningful: the oldest work, added `age_ms` ago, must have been due for
    /// so long that a live consumer would have been active by now.
    pub(super) fn where_due(self, age_ms: Option<u64>) -> Option<u64> {
        let is_due = age_ms.is_some_and(|age_ms| Duration::from_millis(age_ms) >= self.within);
        is_due.then_some(self.live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClaimIdle, Name};

    #[test]
    fn whoever_was_seen_within_the_claim_idle_or_a_minute_lives() {
        let consumers = [0, 59_999, 60_000, 299_999, 300_000].map(|idle_ms| ConsumerInfo {
            name: Name::from("c"),
            pending: 0,
            idle_ms,
            inactive_ms: None,
        });
        let published = |seconds: Option<u64>| {
            let said = seconds.map(|seconds| ClaimIdle {
                reads_retries: false,
                consumer: Name::from("c"),
                claim_idle: Duration::from_secs(seconds),
            });
            Published::new(said.into_iter().collect())
        };
        let live = |published: &Published, topology| {
            Living::of(&consumers, published, Duration::from_secs(topology)).live
        };
        assert_eq!(live(&published(None), 3), 2, "a minute at least");
        assert_eq!(live(&published(None), 300), 4, "the topology's");
        assert_eq!(live(&published(Some(300)), 3), 4, "what the workers say");
        assert_eq!(live(&published(Some(3)), 300), 2, "not what they do not");
    }

    #[test]
    fn that_none_lives_says_something_where_work_is_due() {
        let none = Living::of(&[], &Published::default(), Duration::from_mins(1));
        assert_eq!(none.where_due(Some(60_000)), Some(0));
        assert_eq!(none.where_due(Some(59_999)), None);
        assert_eq!(none.where_due(None), None);
    }
}
