//! MAXLEN soon trims entries that the group has not read.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "at the present rate, MAXLEN will trim entries that a group has not read before the time `min_room` is over",
    why: "Trimmed entries are never delivered to the group: they are lost to it.",
    remedy: "Start more workers, or raise the stream's MAXLEN in the topology and in its publishers.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::MinRoom, |group, alert| {

        let room = group.headroom.unwrap_or(Lag::Unknown);
        let until = match group.headroom_ms {
            Some(ms) => format!(", which takes {} at the present rate", millis(Some(ms))),
            None => String::new(),
        };
        let summary = format!("{} can be added before the group loses one{until}", said(room));
        let next = another_worker(scope, group);
        Finding::of_group(alert.level, group, summary, &next)
            .with("headroom", figure(room), "XINFO STREAM, MAXLEN of the topology")
            .with("headroom_ms", millis(group.headroom_ms), "XREVRANGE")
    })
}
