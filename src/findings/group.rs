//! Rules about groups: what the topology's thresholds alert of, and what needs none.

use super::{Finding, Rule, Scope, Severity};
use crate::model::{
    CommandLine, EntryId, Lag, counted, entries, format_duration_short, with_commas,
};
use crate::streams::inspect::GroupReport;
use crate::streams::target::Target;
use crate::topology::{Alert, AlertName, Measure, Topology};

/// The topology names a group that the server does not have.
pub(super) static MISSING: Rule = Rule {
    id: "missing",
    why: "Nothing reads the stream for it, and entries may be trimmed before it exists.",
    check: |scope| {
        of_alert(scope, AlertName::Missing, |group, alert| {
            let summary = "the group does not exist on the server".to_owned();
            let next = CommandLine::new("init").arg(&group.group);
            Finding::of_group(&MISSING, alert.level, group, summary, &next).with(
                "state",
                "missing",
                "XINFO GROUPS",
            )
        })
    },
};

/// A group stands beyond its stream.
pub(super) static AHEAD: Rule = Rule {
    id: "ahead",
    why: "Entries that are added with lower ids are never delivered to it.",
    check: |scope| {
        of_alert(scope, AlertName::Ahead, |group, alert| {
            let position = group.last_delivered_id.unwrap_or(EntryId::MIN);
            let summary = format!("it is at {position}, ahead of the last id of its stream");
            let next = about("groups set-id", group, scope.topology, Some("end"));
            Finding::of_group(&AHEAD, alert.level, group, summary, &next).with(
                "last_delivered_id",
                position.to_string(),
                "XINFO GROUPS",
            )
        })
    },
};

/// Entries left the stream before they were delivered.
pub(super) static LOST: Rule = Rule {
    id: "lost",
    why: "They were trimmed or deleted before a worker saw them: their work was never done.",
    check: |scope| {
        of_alert(scope, AlertName::Lost, |group, alert| {
            let lost = group.lost_unaccepted.unwrap_or(Lag::Unknown);
            let summary = format!("{} lost before delivery", said(lost));
            let next = about("groups accept-loss", group, scope.topology, None);
            Finding::of_group(&LOST, alert.level, group, summary, &next).with(
                "lost_unaccepted",
                figure(lost),
                "XINFO STREAM, XINFO GROUPS, {stream}:lost:<group>",
            )
        })
    },
};

/// The group has work, and no consumer is alive.
pub(super) static MIN_LIVE: Rule = Rule {
    id: "min_live",
    why: "Nobody reads the stream: what is pending and what comes stays undone.",
    check: |scope| {
        of_alert(scope, AlertName::MinLive, |group, alert| {
            let (live, all) = (group.live.unwrap_or_default(), group.consumers.len());
            let summary = format!(
                "{} of {} consumers are live, and there is work",
                with_commas(live),
                with_commas(all)
            );
            let next = about("consumers", group, scope.topology, None);
            Finding::of_group(&MIN_LIVE, alert.level, group, summary, &next).with(
                "live",
                format!("{live}/{all}"),
                "XINFO CONSUMERS",
            )
        })
    },
};

/// The workers' circuit breaker is open.
pub(super) static BREAKER: Rule = Rule {
    id: "breaker",
    why: "Everything that the workers attempt fails: they pause, and try one entry at a time.",
    check: |scope| {
        let open = scope.observation.groups().filter_map(|group| {
            let breaker = group.circuit_breaker.as_ref()?;
            let summary = format!(
                "the circuit breaker is open since {}: {}",
                breaker.since, breaker.reason
            );
            let next = about("pending", group, scope.topology, None);
            Some(
                Finding::of_group(&BREAKER, Severity::Critical, group, summary, &next).with(
                    "circuit_breaker",
                    breaker.reason.as_str(),
                    "{stream}:breaker:<group>",
                ),
            )
        });
        open.collect()
    },
};

/// The oldest entry that is not acknowledged is too old.
pub(super) static MAX_AGE: Rule = Rule {
    id: "max_age",
    why: "Whoever waits for its outcome has waited as long.",
    check: |scope| {
        of_alert(scope, AlertName::MaxAge, |group, alert| {
            let (undelivered, pending) = (group.undelivered_age_ms, group.oldest_pending_age_ms);
            let age = millis(undelivered.max(pending));
            let (what, verb) = if undelivered > pending {
                ("undelivered", "lag")
            } else {
                ("unacknowledged", "pending")
            };
            let limit = limit(scope.topology, group, Measure::MaxAge, alert);
            let summary = format!("the oldest {what} entry is {age} old{limit}");
            let next = about(verb, group, scope.topology, None);
            Finding::of_group(&MAX_AGE, alert.level, group, summary, &next)
                .with("undelivered_age_ms", millis(undelivered), "XRANGE")
                .with("oldest_pending_age_ms", millis(pending), "XPENDING")
        })
    },
};

/// The group is too far behind.
pub(super) static MAX_LAG: Rule = Rule {
    id: "max_lag",
    why: "Entries come faster than they are read, or nobody reads.",
    check: |scope| {
        of_alert(scope, AlertName::MaxLag, |group, alert| {
            let lag = group.figures.lag.unwrap_or(Lag::Unknown);
            let limit = limit(scope.topology, group, Measure::MaxLag, alert);
            let summary = format!("{} behind{limit}", said(lag));
            let next = about("consumers", group, scope.topology, None);
            Finding::of_group(&MAX_LAG, alert.level, group, summary, &next).with(
                "lag",
                figure(lag),
                "XINFO GROUPS, XRANGE",
            )
        })
    },
};

/// Nobody knows whether the lag is over its threshold.
pub(super) static LAG_UNKNOWN: Rule = Rule {
    id: "lag_unknown",
    why: "The server lost count, and counting ended at its limit: the group may be too far behind.",
    check: |scope| {
        of_alert(scope, AlertName::LagUnknown, |group, _| {
            let lag = group.figures.lag.unwrap_or(Lag::Unknown);
            let summary = format!("the lag is not known: {} behind", said(lag));
            let next = about("lag", group, scope.topology, None).flag("--exact");
            Finding::of_group(&LAG_UNKNOWN, Severity::Unknown, group, summary, &next).with(
                "lag",
                figure(lag),
                "XINFO GROUPS, XRANGE",
            )
        })
    },
};

/// The stream's limit soon takes what the group has not read.
pub(super) static MIN_ROOM: Rule = Rule {
    id: "min_room",
    why: "Then MAXLEN trims entries that the group never saw.",
    check: |scope| {
        of_alert(scope, AlertName::MinRoom, |group, alert| {
            let room = group.headroom.unwrap_or(Lag::Unknown);
            let until = match group.headroom_ms {
                Some(ms) => format!(", which last {} at the present rate", millis(Some(ms))),
                None => String::new(),
            };
            let summary = format!("{} can be added before it loses one{until}", said(room));
            let next = about("lag", group, scope.topology, None);
            Finding::of_group(&MIN_ROOM, alert.level, group, summary, &next)
                .with(
                    "headroom",
                    figure(room),
                    "XINFO STREAM, MAXLEN of the topology",
                )
                .with("headroom_ms", millis(group.headroom_ms), "XREVRANGE")
        })
    },
};

/// Too many entries are pending.
pub(super) static MAX_PENDING: Rule = Rule {
    id: "max_pending",
    why: "They were delivered and nobody has acknowledged them.",
    check: |scope| {
        of_alert(scope, AlertName::MaxPending, |group, alert| {
            let pending = group.pending.unwrap_or_default();
            let limit = limit(scope.topology, group, Measure::MaxPending, alert);
            let summary = format!("{} pending{limit}", entries(pending));
            let next = about("pending", group, scope.topology, None);
            Finding::of_group(&MAX_PENDING, alert.level, group, summary, &next).with(
                "pending",
                pending.to_string(),
                "XINFO GROUPS",
            )
        })
    },
};

/// A pending entry rests for too long.
pub(super) static MAX_IDLE: Rule = Rule {
    id: "max_idle",
    why: "Its consumer is dead or stuck: nobody works on it, and nobody has claimed it.",
    check: |scope| {
        of_alert(scope, AlertName::MaxIdle, |group, alert| {
            let idle = millis(group.figures.idle_ms);
            let limit = limit(scope.topology, group, Measure::MaxIdle, alert);
            let summary = format!("a pending entry has been idle for {idle}{limit}");
            let next = about("pending", group, scope.topology, None);
            Finding::of_group(&MAX_IDLE, alert.level, group, summary, &next).with(
                "oldest_pending_idle_ms",
                idle,
                "XPENDING",
            )
        })
    },
};

/// There are too many dead letters.
pub(super) static MAX_DEAD_LETTERS: Rule = Rule {
    id: "max_dead_letters",
    why: "Handlers gave these entries up: somebody has to redrive or purge them.",
    check: |scope| {
        of_alert(scope, AlertName::MaxDeadLetters, |group, alert| {
            let count = group.figures.dead_letters.unwrap_or_default();
            let limit = limit(scope.topology, group, Measure::MaxDeadLetters, alert);
            let summary = format!(
                "its stream has {}{limit}",
                counted(count, "dead letter", "dead letters")
            );
            let next = CommandLine::new("dlq list").arg(&group.stream);
            Finding::of_group(&MAX_DEAD_LETTERS, alert.level, group, summary, &next).with(
                "dead_letters",
                count.to_string(),
                "XLEN",
            )
        })
    },
};

/// A finding for each group with the alert.
fn of_alert(
    scope: &Scope<'_>,
    name: AlertName,
    finding: impl Fn(&GroupReport, Alert) -> Finding,
) -> Vec<Finding> {
    let found = scope.observation.groups().filter_map(|group| {
        let alert = *group.alerts.iter().find(|it| it.name == name)?;
        Some(finding(group, alert))
    });
    found.collect()
}

/// A command about the group.
fn about(
    command: &'static str,
    group: &GroupReport,
    topology: &Topology,
    position: Option<&str>,
) -> CommandLine {
    let line = Target::from(group).command(command, topology);
    position.into_iter().fold(line, CommandLine::arg)
}

/// `, over max_lag 1,000`.
fn limit(topology: &Topology, group: &GroupReport, measure: Measure, alert: Alert) -> String {
    let threshold = topology.thresholds(&group.stream, &group.group).of(measure);
    let Some(value) = threshold.map(|it| it.at(alert.level)) else {
        return String::new();
    };
    let value = if measure.is_time() {
        millis(Some(value))
    } else {
        with_commas(value)
    };
    format!(", over {} {value}", measure.word())
}

/// A number of entries in words.
fn said(count: Lag) -> String {
    match count {
        Lag::Known(count) => entries(count),
        Lag::AtMost(count) => format!("at most {}", entries(count)),
        Lag::AtLeast(count) => format!("at least {}", entries(count)),
        Lag::Unknown => "an unknown number of entries".to_owned(),
    }
}

/// A number of entries as the table has it.
fn figure(count: Lag) -> String {
    match count {
        Lag::Known(count) => count.to_string(),
        Lag::AtMost(count) => format!("<={count}"),
        Lag::AtLeast(count) => format!(">={count}"),
        Lag::Unknown => "?".to_owned(),
    }
}

fn millis(ms: Option<u64>) -> String {
    ms.map_or_else(
        || "?".to_owned(),
        |ms| format_duration_short(std::time::Duration::from_millis(ms)),
    )
}
