//! How many workers a group needs now, for an autoscaler: a number with its arithmetic, or the reason why nobody knows.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{Lag, Name};
use crate::streams::inspect::{GroupReport, GroupState};

/// How many workers a group needs, and why.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Scale {
    /// The group.
    group: Name,
    /// Its stream.
    stream: Name,
    /// How many workers are needed: `ceil((added_per_minute + lag / target) / read_per_worker_per_minute)`.
    workers: u64,
    /// How many live now.
    live: u64,
    /// Entries not delivered yet, with those of its retry stream.
    lag: u64,
    /// Entries delivered and not acknowledged, with those of its retry stream.
    pending: u64,
    /// In how long the group should have caught up.
    target_ms: u64,
    /// Entries added to the stream per minute; null when that does not matter.
    added_per_minute: Option<f64>,
    /// Entries that one of the live workers reads per minute; null when that does not matter.
    read_per_worker_per_minute: Option<f64>,
    /// The arithmetic, in a sentence.
    why: String,
}

impl Scale {
    /// Of an observed group.
    ///
    /// # Errors
    /// The reason why nobody knows how many workers it needs.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of workers and rates are far from where a float is inexact, and not negative"
    )]
    pub(super) fn of(group: &GroupReport, target_ms: u64) -> Result<Self, String> {
        if group.state != GroupState::Ready {
            return Err("the group does not exist on the server".to_owned());
        }
        let Some(Lag::Known(lag)) = group.lag else {
            return Err("the lag is not known exactly".to_owned());
        };
        let live = group
            .live
            .ok_or("the user may not ask which consumers live")?;
        let pending = group
            .pending
            .ok_or("nobody knows how many entries are pending")?;
        let lag = lag + group.retry_lag.unwrap_or_default();
        let pending = pending + group.retry_pending.unwrap_or_default();
        let mut scale = Self {
            group: group.group.clone(),
            stream: group.stream.clone(),
            workers: 0,
            live,
            lag,
            pending,
            target_ms,
            added_per_minute: None,
            read_per_worker_per_minute: None,
            why: String::new(),
        };
        if live == 0 {
            let has_work = lag > 0 || pending > 0;
            scale.workers = u64::from(has_work);
            let why = if has_work {
                "there is work and no worker lives: one to begin with, and then as its pace says"
            } else {
                "nothing is undelivered or pending, and no worker lives"
            };
            scale.why.push_str(why);
            return Ok(scale);
        }
        let (Some(delivered), Some(gained)) = (group.delivered_per_minute, group.gained_per_minute)
        else {
            return Err(
                "the group was not watched for 30 seconds yet, or its pace is not known".to_owned(),
            );
        };
        let added = (delivered - gained).max(0.0);
        scale.added_per_minute = Some(added);
        if lag == 0 && added == 0.0 {
            scale.workers = u64::from(pending > 0);
            scale.why =
                format!("nothing is added or undelivered, and {pending} entries are pending");
            return Ok(scale);
        }
        if delivered <= 0.0 {
            scale.workers = live;
            let why = "the live workers read nothing, so more of them would not help";
            scale.why.push_str(why);
            return Ok(scale);
        }
        let each = delivered / live as f64;
        let catch_up = lag as f64 * 60_000.0 / target_ms as f64;
        let needed = ((added + catch_up) / each).ceil() as u64;
        scale.read_per_worker_per_minute = Some(each);
        scale.workers = needed.max(1);
        scale.why = format!(
            "{added:.1} are added per minute, and {lag} undelivered entries within {} s are {catch_up:.1} per minute; \
             each of {live} workers reads {each:.1} per minute",
            target_ms / 1000
        );
        // Workers that have caught up read as much as is added, however much they could read.
        if lag == 0 && scale.workers > live {
            scale.workers = live;
        }
        Ok(scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(lag: Lag, pending: u64, live: u64, pace: Option<(f64, f64)>) -> GroupReport {
        GroupReport {
            state: GroupState::Ready,
            lag: Some(lag),
            pending: Some(pending),
            live: Some(live),
            delivered_per_minute: pace.map(|it| it.0),
            gained_per_minute: pace.map(|it| it.1),
            ..GroupReport::default()
        }
    }

    #[test]
    fn it_is_a_number_where_that_is_known_and_a_reason_where_not() {
        let needed = |group: &GroupReport| Scale::of(group, 60_000).map(|it| it.workers).ok();
        for (lag, pending, live, pace, expected) in [
            // 100 per minute each of two; 300 are added, and 600 wait for a minute: 900 per minute.
            (Lag::Known(600), 0, 2, Some((200.0, -100.0)), Some(9)),
            (Lag::Known(0), 5, 2, Some((200.0, 0.0)), Some(2)),
            (Lag::Known(1), 0, 0, None, Some(1)),
            (Lag::Known(0), 1, 0, None, Some(1)),
            (Lag::Known(0), 0, 0, None, Some(0)),
            (Lag::Known(0), 0, 3, Some((0.0, 0.0)), Some(0)),
            (Lag::Known(0), 2, 3, Some((0.0, 0.0)), Some(1)),
            (Lag::Known(9), 2, 3, Some((0.0, -9.0)), Some(3)),
            (Lag::Known(9), 0, 3, None, None),
            (Lag::Unknown, 0, 0, None, None),
            (Lag::AtLeast(10_000), 0, 1, Some((1.0, 0.0)), None),
            (Lag::AtMost(3), 0, 1, Some((1.0, 0.0)), None),
        ] {
            let group = group(lag, pending, live, pace);
            assert_eq!(
                needed(&group),
                expected,
                "{lag:?} {pending} {live} {pace:?}"
            );
        }
        assert_eq!(needed(&GroupReport::default()), None);
    }
}
