//! What a recording says of what is found now: since when it is there, which way its figure goes, and how far groups were.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::sample::found_in;
use super::{Look, Recording, Seen};
use crate::findings::{Finding, Sought, Trend, is_doubtful};
use crate::model::{Lag, Problem, Time};
use crate::streams::inspect::{GroupReport, Remembered, StreamReport};
use crate::streams::target::Target;

/// How long looking back may take.
pub const PAST_WITHIN: Duration = Duration::from_secs(2);
/// How far back a trend begins, and how long it is at least.
const TREND_MS: u64 = 10 * 60_000;
const TREND_MIN_MS: u64 = 60_000;
/// How old the last sample may be, so that what it does not have began with the present look.
const RECENT_MS: u64 = 3 * 60_000;
/// How far back the positions of groups are remembered.
const POSITIONS_MS: u64 = 24 * 3_600_000;
/// The part of a figure by which it changes where it is not steady.
const STEADY_PERCENT: u64 = 5;

/// Adds to what was `found` at `now` in `streams` since when it was found without a break, and the trend of its figure.
/// What cannot be read until the `deadline` is not said.
///
/// # Errors
/// As [`Recording::span`].
pub fn look_back(
    recording: &Recording,
    found: &mut [Finding],
    streams: &[StreamReport],
    now: Time,
    deadline: Instant,
) -> Result<(), Problem> {
    add_begins(recording, found, now, deadline)?;
    add_trends(recording, found, streams, now)
}

/// A finding whose beginning is looked for.
struct Open<'f> {
    sought: Sought,
    finding: &'f mut Finding,
}

fn add_begins(
    recording: &Recording,
    found: &mut [Finding],
    now: Time,
    deadline: Instant,
) -> Result<(), Problem> {
    let mut open: Vec<Open<'_>> = found
        .iter_mut()
        .map(|finding| Open {
            sought: Sought::from(&*finding),
            finding,
        })
        .collect();
    for it in &mut open {
        it.finding.began = Some(now);
        it.finding.is_older = true;
    }
    let mut samples = recording.backwards(now)?;
    let mut last = None;
    while let Some(stored) = samples.next_stored() {
        let stored = stored?;
        last.get_or_insert(stored.at);
        // A failed look, or one that cannot be read, says nothing.
        let Ok(Some(was)) = found_in(&stored.bytes) else {
            continue;
        };
        let mut whole = None;
        open.retain_mut(|it| {
            if was.contains(&it.sought) {
                it.finding.began = Some(stored.at);
                return true;
            }
            let seen = whole.get_or_insert_with(|| whole_of(&stored.bytes));
            let is_open = seen
                .as_ref()
                .is_none_or(|seen| is_doubtful(&it.sought, &seen.streams, &seen.doctor.findings));
            it.finding.is_older = is_open;
            is_open
        });
        if open.is_empty() || deadline < Instant::now() {
            break;
        }
    }
    // What no sample has may have begun at any time since the last one.
    let is_recent = last.is_some_and(|last| now.ms.saturating_sub(last.ms) < RECENT_MS);
    for finding in found.iter_mut().filter(|it| it.began == Some(now)) {
        if finding.is_older || !is_recent {
            (finding.began, finding.is_older) = (None, false);
        }
    }
    Ok(())
}

fn whole_of(bytes: &[u8]) -> Option<Box<Seen>> {
    match Look::of_bytes(bytes) {
        Ok(Look::Seen(seen)) => Some(seen),
        _ => None,
    }
}

fn add_trends(
    recording: &Recording,
    found: &mut [Finding],
    streams: &[StreamReport],
    now: Time,
) -> Result<(), Problem> {
    let before = |ms: u64| Time::from_ms(now.ms.saturating_sub(ms));
    let samples = recording.between(before(TREND_MS), before(TREND_MIN_MS))?;
    for sample in samples {
        let Look::Seen(then) = sample?.look else {
            continue;
        };
        for finding in found.iter_mut() {
            let of = |streams: &[StreamReport]| figure(finding, streams);
            finding.trend = of(&then.streams)
                .zip(of(streams))
                .and_then(|(then, now)| trend(then, now));
        }
        break;
    }
    Ok(())
}

/// The first figure of a finding, in these streams.
fn figure(finding: &Finding, streams: &[StreamReport]) -> Option<Lag> {
    let name = finding.evidence.first()?.figure.as_ref();
    let stream = streams
        .iter()
        .find(|it| Some(&it.stream) == finding.stream.as_ref())?;
    let group = stream.groups.iter().find(|it| finding.is_about(it));
    let of_group = group.and_then(|group| {
        let group = GroupReport {
            consumers: Vec::new(),
            ..group.clone()
        };
        count(serde_json::to_value(&group).ok()?.get(name)?)
    });
    of_group.or_else(|| match name {
        "dead_letters" => stream.dead_letters.map(Lag::Known),
        "length" => stream.length.map(Lag::Known),
        "bytes" => stream.bytes.map(Lag::Known),
        _ => None,
    })
}

fn count(value: &Value) -> Option<Lag> {
    if let Some(count) = value.as_u64() {
        return Some(Lag::Known(count));
    }
    let entries = value.get("entries")?.as_u64()?;
    Some(match value.get("quality")?.as_str()? {
        "known" => Lag::Known(entries),
        "at_most" => Lag::AtMost(entries),
        "at_least" => Lag::AtLeast(entries),
        _ => return None,
    })
}

/// Which way a figure went; `None` where its bounds do not say it.
fn trend(then: Lag, now: Lag) -> Option<Trend> {
    let ends = [then.entries()?, now.entries()?];
    let least = (ends[0].max(ends[1]) * STEADY_PERCENT / 100).max(1);
    let is_over = |one: Option<u64>, other: Option<u64>| {
        one.zip(other)
            .is_some_and(|(one, other)| one >= other.saturating_add(least))
    };
    if is_over(now.at_least(), then.at_most()) {
        Some(Trend::Growing)
    } else if is_over(then.at_least(), now.at_most()) {
        Some(Trend::Shrinking)
    } else {
        (then.is_known() && now.is_known()).then_some(Trend::Steady)
    }
}

/// How far the groups were in the last day, at the end of each segment.
///
/// # Errors
/// As [`Recording::span`].
pub fn remembered(recording: &Recording, now: Time) -> Result<Vec<Remembered>, Problem> {
    let since = Time::from_ms(now.ms.saturating_sub(POSITIONS_MS));
    let mut greatest = BTreeMap::new();
    for sample in recording.ends(since, now)? {
        let Look::Seen(seen) = sample.look else {
            continue;
        };
        for group in seen.groups() {
            if let Some(id) = group.last_delivered_id {
                let key = (group.stream.clone(), group.group.clone());
                let known = greatest.entry(key).or_insert(id);
                *known = id.max(*known);
            }
        }
    }
    let all = greatest
        .into_iter()
        .map(|((stream, group), id)| Remembered {
            target: Target { stream, group },
            last_delivered_id: id,
        });
    Ok(all.collect())
}

/// Since when findings are there, from look to look.
#[derive(Debug, Default)]
pub struct Begins(BTreeMap<Sought, (Time, bool)>);

impl Begins {
    /// Goes on from what was `found` at a time and looked back from. What no recording knows of is at least since then.
    pub fn after(at: Time, found: &mut [Finding]) -> Self {
        let begun = found.iter_mut().map(|it| {
            it.is_older |= it.began.is_none();
            let began = *it.began.get_or_insert(at);
            (Sought::from(&*it), (began, it.is_older))
        });
        Self(begun.collect())
    }

    /// Adds to what was `found` at a time in `streams` since when it is there.
    pub fn follow(&mut self, at: Time, found: &mut [Finding], streams: &[StreamReport]) {
        let mut now = BTreeMap::new();
        for finding in found.iter_mut() {
            let sought = Sought::from(&*finding);
            let (began, is_older) = self.0.remove(&sought).unwrap_or((at, false));
            (finding.began, finding.is_older) = (Some(began), is_older);
            now.insert(sought, (began, is_older));
        }
        // What could not be seen is not over.
        let before = std::mem::take(&mut self.0).into_iter();
        now.extend(before.filter(|it| is_doubtful(&it.0, streams, found)));
        self.0 = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_told_as_far_as_bounds_tell_it() {
        use Lag::{AtLeast, AtMost, Known, Unknown};
        for (then, now, expected) in [
            (Known(100), Known(106), Some(Trend::Growing)),
            (Known(100), Known(104), Some(Trend::Steady)),
            (Known(0), Known(1), Some(Trend::Growing)),
            (Known(100), Known(90), Some(Trend::Shrinking)),
            (Known(100), AtLeast(200), Some(Trend::Growing)),
            (Known(100), AtLeast(50), None),
            (AtLeast(100), AtLeast(200), None),
            (Known(100), AtMost(50), Some(Trend::Shrinking)),
            (Known(100), Unknown, None),
        ] {
            assert_eq!(trend(then, now), expected, "{then:?} {now:?}");
        }
    }
}
