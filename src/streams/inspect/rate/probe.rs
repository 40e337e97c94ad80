//! The rate of a stream to which very many entries are added, from a few at several moments of the last minute. This
//! costs the same however many there are, and one round trip.

use futures_util::future::try_join_all;

use super::{FIRST_BYTES, Rate, WINDOWS_MS};
use crate::model::{EntryId, Name, StreamInfo, Time};
use crate::wire::{Connection, Error, Ids, xrange_ids};

/// The least and the greatest number of entries that are read at each.
const ENTRIES: (usize, usize) = (16, 48);
/// The moments are this far into their parts of the window, in thousandths, each at another point, so that nothing that
/// happens at regular times is always met or always missed.
const PLACES: [u64; 8] = [618, 236, 854, 472, 90, 708, 326, 944];
/// Where the rates at two moments differ by more than this factor, a few entries say nothing about the others.
const UNEVEN: u64 = 4;

/// How many entries were found in how much time.
type Density = (u64, u64);

/// The rate over the last minute; `None` when entries are added so unevenly that a sample does not show it, or are so
/// large that a sample would be too small.
///
/// # Errors
/// Errors of the server.
pub(super) async fn probed(
    connection: &Connection,
    stream: &Name,
    info: &StreamInfo,
    now: Time,
) -> Result<Option<Rate>, Error> {
    let fit = FIRST_BYTES / PLACES.len() / info.entry_bytes().max(1);
    if fit < ENTRIES.0 {
        return Ok(None);
    }
    let count_max = fit.min(ENTRIES.1);
    let asked = moments(now.ms).map(async |from_ms| {
        let page = xrange_ids(
            stream,
            EntryId::new(from_ms, 0),
            EntryId::new(now.ms, u64::MAX),
            count_max,
        );
        let Ids { ids, .. } = connection.run(page).await?;
        let until_ms = match ids.last() {
            Some(last) if ids.len() >= count_max => last.ms,
            _ => now.ms,
        };
        // The last entry ends the time in which the others were found.
        let found = ids.len().saturating_sub(1) as u64;
        Ok::<Density, Error>((found, until_ms.saturating_sub(from_ms)))
    });
    Ok(rate_of(&try_join_all(asked).await?))
}

/// When to look, in the last minute before `now_ms`.
fn moments(now_ms: u64) -> impl Iterator<Item = u64> {
    let part_ms = WINDOWS_MS[0] / PLACES.len() as u64;
    let start_ms = now_ms.saturating_sub(WINDOWS_MS[0]);
    (0..)
        .zip(PLACES)
        .map(move |(part, place)| start_ms + part * part_ms + place * part_ms / 1000)
}

/// The rate over the window, in each part of which entries were found this densely.
fn rate_of(found: &[Density]) -> Option<Rate> {
    let window_ms = WINDOWS_MS[0];
    // As if each part had been full of what was found in it.
    let in_part = |(entries, span_ms): &Density| {
        (entries * window_ms)
            .checked_div(*span_ms)
            .unwrap_or(u64::MAX)
    };
    let (least, most) = (
        found.iter().map(in_part).min()?,
        found.iter().map(in_part).max()?,
    );
    if least == 0 || most / UNEVEN > least {
        return None;
    }
    Some(Rate {
        entries: found.iter().map(in_part).sum::<u64>() / found.len() as u64,
        span_ms: window_ms,
        window_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 100_000_000;

    /// What the probes find where entries were added at these moments, in order.
    fn probed(added_ms: &[u64]) -> Option<f64> {
        let most = ENTRIES.1;
        let found = moments(NOW_MS).map(|from_ms| {
            let from = added_ms.partition_point(|ms| *ms < from_ms);
            let ids = &added_ms[from..(from + most).min(added_ms.len())];
            let until_ms = if ids.len() == most {
                ids[most - 1]
            } else {
                NOW_MS
            };
            (ids.len().saturating_sub(1) as u64, until_ms - from_ms)
        });
        let found: Vec<Density> = found.collect();
        rate_of(&found).map(Rate::per_minute)
    }

    #[test]
    fn an_even_stream_is_told_by_a_sample() {
        let every_ms = |step: u64| -> Vec<u64> {
            let begin = NOW_MS - 120_000;
            (0..120_000 / step).map(|n| begin + n * step).collect()
        };
        for (step, expected) in [(10, 6000.0), (1, 60_000.0)] {
            let rate = probed(&every_ms(step)).expect("even");
            assert!(
                (rate / expected - 1.0).abs() < 0.05,
                "{rate} is not {expected}"
            );
        }
        // Twice as fast in the second half.
        let mut added: Vec<u64> = every_ms(10);
        added.retain(|ms| ms % 20 == 0 || *ms > NOW_MS - 30_000);
        let rate = probed(&added).expect("even enough");
        assert!((rate / 4500.0 - 1.0).abs() < 0.1, "{rate}");
    }

    #[test]
    fn an_uneven_stream_is_not() {
        // A thousand at once every second, or every ten; and nothing in the last half minute.
        for step in [1000, 10_000] {
            let bursts = (0..120_000 / step).map(|n| NOW_MS - 120_000 + n * step);
            let added: Vec<u64> = bursts
                .flat_map(|at| (0..1000).map(move |n| at + n / 50))
                .collect();
            assert_eq!(probed(&added), None);
        }
        let ended: Vec<u64> = (0..9000).map(|n| NOW_MS - 120_000 + n * 10).collect();
        assert_eq!(probed(&ended), None);
    }
}
