//! Whether a look that did not find something could have found it. What could not be seen ends no alarm.

use super::{Finding, Needs, RULES};
use crate::model::{Lag, Name};
use crate::streams::inspect::{GroupReport, StreamReport};
use crate::topology::{Figures, Measure};

/// The rule that names what the user may not read.
const NOT_LOOKED_AT: &str = "not_looked_at";

/// What a finding is: of which rule, about what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
pub struct Sought {
    /// The rule.
    pub rule: String,
    /// The group, if it is about a group.
    pub group: Option<Name>,
    /// The stream.
    pub stream: Option<Name>,
}

impl From<&Finding> for Sought {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.to_string(),
            group: finding.group.clone(),
            stream: finding.stream.clone(),
        }
    }
}

/// Whether it is unknown if what is sought is there, where a look at all `streams` had these `findings`, and no such one.
pub fn is_doubtful(sought: &Sought, streams: &[StreamReport], findings: &[Finding]) -> bool {
    let rule = RULES.iter().find(|it| it.id == sought.rule);
    let needs_details = rule.is_none_or(|it| it.about.needs == Needs::Details);
    let has_unseen = findings.iter().any(|it| it.rule == NOT_LOOKED_AT);
    if needs_details && has_unseen && sought.rule != NOT_LOOKED_AT {
        return true;
    }
    let Some(name) = &sought.stream else {
        return false;
    };
    let Some(stream) = streams.iter().find(|it| it.stream == *name) else {
        // It was denied, or nobody looked.
        return true;
    };
    let is_it = |it: &&GroupReport| Some(&it.group) == sought.group.as_ref();
    let group = stream.groups.iter().find(is_it);
    group.is_some_and(|group| is_unknown(&sought.rule, group))
}

/// Whether the figure that a rule judges is not known to be within its threshold.
fn is_unknown(rule: &str, group: &GroupReport) -> bool {
    let figures = &group.figures;
    if figures.is_missing {
        return false;
    }
    let holds = group.pending != Some(0);
    match rule {
        "max_lag" => !figures.is_ahead && may_be_over(Measure::MaxLag, figures.lag, group),
        "lost" => may_be_over(Measure::MaxLost, figures.lost, group),
        "max_pending" => group.pending.is_none(),
        "max_idle" => holds && group.oldest_pending_id.is_none(),
        "max_age" => {
            let is_behind = group.lag != Some(Lag::Known(0)) && !figures.is_ahead;
            (holds && group.oldest_pending_id.is_none())
                || (is_behind && group.undelivered_id.is_none())
        }
        "min_room" => group.headroom == Some(Lag::Unknown),
        "min_live" => group.live.is_none(),
        "max_dead_letters" => figures.dead_letters.is_none(),
        _ => false,
    }
}

/// Whether the most that a count can be is over its threshold, or unknown.
fn may_be_over(measure: Measure, count: Option<Lag>, group: &GroupReport) -> bool {
    if group.thresholds.of(measure).is_none() {
        return false;
    }
    let Some(most) = count.and_then(Lag::at_most) else {
        return true;
    };
    let most = Some(Lag::Known(most));
    let figures = match measure {
        Measure::MaxLost => Figures {
            lost: most,
            ..Figures::default()
        },
        _ => Figures {
            lag: most,
            ..Figures::default()
        },
    };
    !group.thresholds.alerts(&figures).is_empty()
}
