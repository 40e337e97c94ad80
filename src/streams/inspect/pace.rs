//! How fast a group reads, and when it will have caught up, from two observations of it. Pure: whoever looks twice
//! (`lag --over`, or a screen that is drawn again) hands over what it saw.

use crate::model::{EntryId, Lag, Time};

/// Observations that are less apart than this allow no forecast.
pub(super) const FORECAST_MIN_MS: u64 = 30_000;

/// What an observation of a group is compared by with an earlier one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// The server's clock.
    pub(super) at: Time,
    /// Entries ever added to the stream.
    pub(super) entries_added: Option<u64>,
    /// The server's read counter of the group.
    pub(super) entries_read: Option<u64>,
    /// Where the group stands.
    pub(super) position: EntryId,
    /// Entries not delivered yet.
    pub(super) lag: Option<Lag>,
    /// Entries lost before delivery.
    pub(super) lost: Option<Lag>,
}

/// What two observations of a group say. `None` means unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// Between the observations, by the server's clock.
    pub(super) window_ms: u64,
    /// Entries delivered to the group.
    delivered: Option<u64>,
    /// As many more were delivered than added.
    gained: Option<i64>,
    /// How long it takes at this pace until nothing is undelivered.
    pub(super) catch_up_ms: Option<u64>,
}

impl Pace {
    /// Of a group that was seen `before` and is seen `now`; `None` where the two are not of one group that has read on.
    pub(super) fn between(before: &Sight, now: &Sight) -> Option<Self> {
        let window_ms = now.at.ms.checked_sub(before.at.ms).filter(|it| *it > 0)?;
        // A position that went back was set, and a counter that did is that of another stream.
        let has_moved = now.position != before.position;
        if now.position < before.position {
            return None;
        }
        let since = |now: Option<u64>, then: Option<u64>| now?.checked_sub(then?);
        let added = since(now.entries_added, before.entries_added);
        if now.entries_added.is_some() && before.entries_added.is_some() && added.is_none() {
            return None;
        }
        if has_lost(before, now) {
            // A lag that shrinks by losses is not drained, and some servers count losses as read.
            return Some(Self {
                window_ms,
                ..Self::default()
            });
        }
        // As many as were delivered at most: the rest was deleted.
        let left = match (before.lag, now.lag, added) {
            (Some(Lag::Known(then)), Some(Lag::Known(now)), Some(added)) => {
                (then + added).checked_sub(now)
            }
            _ => None,
        };
        let counted = since(now.entries_read, before.entries_read);
        let delivered = match (counted, left) {
            _ if !has_moved => Some(0),
            (Some(counted), Some(left)) => Some(counted.min(left)),
            (counted, left) => counted.or(left),
        };
        let gained = delivered
            .zip(added)
            .map(|(delivered, added)| delivered.cast_signed().saturating_sub(added.cast_signed()));
        Some(Self {
            window_ms,
            delivered,
            gained,
            catch_up_ms: catch_up_ms(now.lag, gained, window_ms),
        })
    }

    pub(super) fn delivered_per_minute(self) -> Option<f64> {
        let delivered = self.delivered?.cast_signed();
        Some(per_minute(delivered, self.window_ms))
    }

    pub(super) fn gained_per_minute(self) -> Option<f64> {
        Some(per_minute(self.gained?, self.window_ms))
    }
}

/// Whether more is known to be lost than before, or may be.
fn has_lost(before: &Sight, now: &Sight) -> bool {
    let lost = |sight: &Sight| sight.lost.and_then(Lag::entries).unwrap_or_default();
    lost(now) > lost(before)
}

fn catch_up_ms(lag: Option<Lag>, gained: Option<i64>, window_ms: u64) -> Option<u64> {
    match (lag?, gained) {
        (Lag::Known(0), _) => Some(0),
        (Lag::Known(left), Some(gained @ 1..)) if window_ms >= FORECAST_MIN_MS => {
            let left_ms =
                u128::from(left) * u128::from(window_ms) / u128::from(gained.unsigned_abs());
            Some(u64::try_from(left_ms).unwrap_or(u64::MAX))
        }
        _ => None,
    }
}

/// A rate with one decimal.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(super) fn per_minute(entries: i64, window_ms: u64) -> f64 {
    (entries as f64 * 600_000.0 / window_ms as f64).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At so many seconds: where the group stands, what was added and counted as read, and the lag.
    fn seen(at: u64, position: u64, added: u64, read: Option<u64>, lag: Lag) -> Sight {
        Sight {
            at: Time::from_ms(at * 1000),
            entries_added: Some(added),
            entries_read: read,
            position: EntryId::new(position, 0),
            lag: Some(lag),
            lost: Some(Lag::Known(0)),
        }
    }

    fn pace(before: &Sight, now: &Sight) -> Option<(Option<u64>, Option<i64>, Option<u64>)> {
        let pace = Pace::between(before, now)?;
        Some((pace.delivered, pace.gained, pace.catch_up_ms))
    }

    #[test]
    fn what_is_read_beyond_what_is_added_is_gained() {
        let before = seen(0, 100, 1000, Some(100), Lag::Known(900));
        let now = seen(60, 400, 1100, Some(400), Lag::Known(700));
        assert_eq!(
            pace(&before, &now),
            Some((Some(300), Some(200), Some(210_000)))
        );
        // The same without the server's counter, and without a lag.
        let before = seen(0, 100, 1000, None, Lag::Known(900));
        assert_eq!(
            pace(&before, &now),
            Some((Some(300), Some(200), Some(210_000)))
        );
        let bound = seen(60, 400, 1100, Some(400), Lag::AtLeast(700));
        let before = seen(0, 100, 1000, Some(100), Lag::Unknown);
        assert_eq!(pace(&before, &bound), Some((Some(300), Some(200), None)));
    }

    #[test]
    fn no_forecast_from_less_than_half_a_minute_nor_where_nothing_is_gained() {
        let before = seen(0, 100, 1000, Some(100), Lag::Known(900));
        let soon = seen(29, 400, 1000, Some(400), Lag::Known(600));
        assert_eq!(pace(&before, &soon), Some((Some(300), Some(300), None)));
        let slower = seen(60, 400, 2000, Some(400), Lag::Known(1600));
        assert_eq!(pace(&before, &slower), Some((Some(300), Some(-700), None)));
        let still = seen(60, 100, 1000, Some(100), Lag::Known(900));
        assert_eq!(pace(&before, &still), Some((Some(0), Some(0), None)));
        // Where nothing is left, that needs no forecast.
        let done = seen(1, 1000, 1000, Some(1000), Lag::Known(0));
        assert_eq!(pace(&before, &done), Some((Some(900), Some(900), Some(0))));
    }

    #[test]
    fn what_was_lost_deleted_or_set_back_is_not_read() {
        let before = seen(0, 100, 1000, Some(100), Lag::Known(900));
        let lost = Sight {
            lost: Some(Lag::AtLeast(200)),
            ..seen(60, 400, 1000, Some(400), Lag::Known(600))
        };
        assert_eq!(pace(&before, &lost), Some((None, None, None)));
        // 100 of 400 left the stream in another way.
        let deleted = seen(60, 400, 1000, Some(400), Lag::Known(500));
        assert_eq!(
            pace(&before, &deleted),
            Some((Some(300), Some(300), Some(100_000)))
        );
        // Counted anew, higher than can be.
        let jumped = seen(60, 400, 1000, Some(700), Lag::Known(600));
        assert_eq!(
            pace(&before, &jumped),
            Some((Some(300), Some(300), Some(120_000)))
        );
        let put_back = seen(60, 50, 1000, None, Lag::Known(950));
        assert_eq!(pace(&before, &put_back), None);
        let another = seen(60, 400, 10, Some(5), Lag::Known(5));
        assert_eq!(pace(&before, &another), None);
        assert_eq!(pace(&before, &before), None, "no time went by");
    }

    #[test]
    fn rates_are_per_minute() {
        let before = seen(0, 100, 1000, Some(100), Lag::Known(900));
        let now = seen(30, 400, 2000, Some(400), Lag::Known(1600));
        let pace = Pace::between(&before, &now).unwrap();
        assert_eq!(pace.delivered_per_minute(), Some(600.0));
        assert_eq!(pace.gained_per_minute(), Some(-1400.0));
    }
}
