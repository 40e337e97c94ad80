//! What a look at a pipeline brings: a healthy one, and one in trouble.

use ucp_streams::findings::{DoctorReport, Finding, Severity};
use ucp_streams::model::{Body, CommandLine, ConsumerInfo, Entry, EntryId, Lag, Name, Time};
use ucp_streams::streams::about::{About, Memory};
use ucp_streams::streams::audit::{AuditRow, Ended};
use ucp_streams::streams::consumers::Member;
use ucp_streams::streams::dead_letters::DeadLetter;
use ucp_streams::streams::inspect::{GroupReport, GroupState, StreamReport, StreamState};
use ucp_streams::streams::pending::{PendingReport, PendingRow};
use ucp_streams::streams::target::Target;
use ucp_streams::top::{Answer, LastChange, Look};
use ucp_streams::topology::{Figures, Topology};

/// When the first look is made: 2026-03-01T18:06:10Z.
pub(crate) const BEGIN_MS: u64 = 1_772_388_370_000;

/// A look so many seconds after the first.
pub(crate) fn look(seconds: u64, streams: Vec<StreamReport>, findings: Vec<Finding>) -> Look {
    let at = Time::from_ms(BEGIN_MS + seconds * 1000);
    let verdict = findings.iter().map(|it| it.severity).max();
    Look {
        at,
        about: About {
            server: Some("redis 7.0.15".to_owned()),
            role: Some("master".to_owned()),
            now: Some(at),
            alarm: None,
        },
        memory: Some(Memory {
            used: 12_000_000,
            max: Some(100_000_000),
        }),
        streams,
        denied: Vec::new(),
        last_change: Some(LastChange {
            row: change(),
            undo: Some(CommandLine::new("undo").arg("1772388250000-0")),
        }),
        doctor: DoctorReport {
            verdict: verdict.unwrap_or(Severity::Ok),
            summary: "no finding in the server, 3 streams and 4 groups".to_owned(),
            findings,
        },
    }
}

/// Two minutes before the first look.
fn change() -> AuditRow {
    let id = EntryId::new(BEGIN_MS - 120_000, 0);
    AuditRow {
        id,
        time: Time::from_ms(id.ms),
        user: Some("ana".into()),
        host: Some("ops-1".into()),
        pid: Some(17),
        command: "claim".into(),
        stream: Some("events.normalized".into()),
        group: Some("event-processors".into()),
        planned: Some(412),
        done: Some(400),
        ended: Ended::Part,
        exit_code: Some(7),
        snapshot: Some(id),
    }
}

fn stream(name: &str, groups: Vec<GroupReport>) -> StreamReport {
    let first = EntryId::new(BEGIN_MS - 3_600_000, 0);
    let last = EntryId::new(BEGIN_MS - 500, 0);
    StreamReport {
        stream: name.into(),
        state: StreamState::Ready,
        length: Some(9_871),
        maxlen: Some(10_000),
        first_id: Some(first),
        first_time: first.time(),
        first_age_ms: Some(3_600_000),
        last_id: Some(last),
        last_time: last.time(),
        last_age_ms: Some(500),
        entries_added: Some(123_456),
        rate_per_minute: Some(12_078.0),
        rate_window_ms: Some(60_000),
        added_per_minute: None,
        dead_letter_stream: Name::from("events.raw:dlq"),
        seen_at: None,
        bytes: Some(3_480_000),
        dead_letters: Some(0),
        slowest_group: groups.first().map(|it| it.group.clone()),
        headroom: groups.first().and_then(|it| it.headroom),
        headroom_ms: groups.first().and_then(|it| it.headroom_ms),
        groups,
    }
}

fn consumers(count: usize) -> Vec<ConsumerInfo> {
    let consumer = |number| ConsumerInfo {
        name: Name::from(format!("host-{number}-a1b2").as_str()),
        pending: 2,
        idle_ms: 120,
        inactive_ms: Some(900),
    };
    (1..=count).map(consumer).collect()
}

fn group(stream: &str, name: &str, live: u64) -> GroupReport {
    GroupReport {
        group: name.into(),
        stream: stream.into(),
        state: GroupState::Ready,
        lag: Some(Lag::Known(0)),
        last_delivered_id: Some(EntryId::new(BEGIN_MS - 500, 0)),
        pending: Some(0),
        live: Some(live),
        consumers: consumers(usize::try_from(live).unwrap()),
        lost: Some(Lag::Known(0)),
        lost_unaccepted: Some(Lag::Known(0)),
        headroom: Some(Lag::Known(9_000)),
        headroom_ms: Some(18_000_000),
        delivered_per_minute: Some(12_060.0),
        gained_per_minute: Some(0.0),
        catch_up_ms: Some(0),
        pace_window_ms: Some(60_000),
        ..GroupReport::default()
    }
}

/// The same group with its alerts, as its figures have them.
fn judged(mut group: GroupReport, figures: Figures) -> GroupReport {
    group.figures = Figures {
        lag: group.lag,
        ..figures
    };
    group.judge(&Topology::default());
    group
}

/// A pipeline that is well.
pub(crate) fn healthy(seconds: u64) -> Look {
    let busy = GroupReport {
        lag: Some(Lag::Known(120)),
        undelivered_age_ms: Some(600),
        pending: Some(8),
        oldest_pending_id: Some(EntryId::new(BEGIN_MS - 100, 0)),
        oldest_pending_age_ms: Some(100),
        oldest_pending_idle_ms: Some(100),
        catch_up_ms: Some(1_000),
        ..group("events.normalized", "event-processors", 4)
    };
    let streams = vec![
        stream("events.raw", Vec::new()),
        stream("events.normalized", vec![busy]),
        stream(
            "profiles.merge_requests",
            vec![group("profiles.merge_requests", "merge-processors", 2)],
        ),
        stream(
            "predictions.requests",
            vec![group("predictions.requests", "prediction-processors", 3)],
        ),
    ];
    look(seconds, streams, Vec::new())
}

/// A pipeline in trouble: a group without a live worker whose lag grows, one that is missing, one of which nobody knows
/// the lag, dead letters, and a group whose name somebody meant badly.
pub(crate) fn troubled(seconds: u64) -> Look {
    let abandoned = GroupReport {
        lag: Some(Lag::Known(57_060 + seconds * 200)),
        undelivered_age_ms: Some(284_000 + seconds * 1000),
        delivered_per_minute: Some(0.0),
        gained_per_minute: Some(-12_078.0),
        catch_up_ms: None,
        headroom: Some(Lag::Known(2_400)),
        headroom_ms: Some(12_000),
        consumers: consumers(1),
        ..group("events.normalized", "event-processors", 0)
    };
    let abandoned = judged(
        abandoned,
        Figures {
            age_ms: Some(284_000 + seconds * 1000),
            room_ms: Some(12_000),
            room: Some(Lag::Known(2_400)),
            live: Some(0),
            ..Figures::default()
        },
    );
    let unknown = judged(
        GroupReport {
            lag: Some(Lag::Unknown),
            catch_up_ms: None,
            ..group("events.normalized", "audit", 4)
        },
        Figures::default(),
    );
    let strange = GroupReport {
        is_extra: true,
        ..group("profiles.merge_requests", "a\u{1b}[2J\u{202e}b", 0)
    };
    let missing = GroupReport {
        group: "prediction-processors".into(),
        stream: "predictions.requests".into(),
        ..GroupReport::default()
    };
    let merging = GroupReport {
        lag: Some(Lag::Known(3)),
        undelivered_age_ms: Some(2_000),
        pending: Some(41),
        oldest_pending_age_ms: Some(7_530_000),
        oldest_pending_idle_ms: Some(7_530_000),
        retry_lag: Some(2),
        retry_pending: Some(1),
        is_retry_read: Some(false),
        ..group("profiles.merge_requests", "merge-processors", 1)
    };
    let normalized = StreamReport {
        dead_letters: Some(251),
        ..stream("events.normalized", vec![abandoned, unknown])
    };
    let streams = vec![
        stream("events.raw", Vec::new()),
        normalized,
        stream("profiles.merge_requests", vec![merging, strange]),
        stream("predictions.requests", vec![missing]),
    ];
    let findings = vec![
        finding(
            Severity::Critical,
            "min_live",
            Some(("event-processors", "events.normalized")),
            "no live consumer, and work is due for 4m 44s",
            "ucp-streams worker run event-processors",
        ),
        finding(
            Severity::Critical,
            "missing",
            Some(("prediction-processors", "predictions.requests")),
            "the group does not exist on the server",
            "ucp-streams init prediction-processors",
        ),
        finding(
            Severity::Warning,
            "persistence",
            None,
            "the append-only file is off, so a restart loses entries",
            "redis-cli CONFIG SET appendonly yes",
        ),
    ];
    look(seconds, streams, findings)
}

fn finding(
    severity: Severity,
    rule: &'static str,
    group: Option<(&str, &str)>,
    summary: &str,
    next: &str,
) -> Finding {
    Finding {
        severity,
        rule: rule.into(),
        group: group.map(|(group, _)| group.into()),
        stream: group.map(|(_, stream)| stream.into()),
        summary: summary.to_owned(),
        why: "Entries wait until somebody reads them.".into(),
        evidence: Vec::new(),
        next: next.to_owned(),
        began: None,
        is_older: false,
        trend: None,
    }
}

/// The group that is looked at closely.
pub(crate) fn target() -> Target {
    Target {
        stream: "events.normalized".into(),
        group: "event-processors".into(),
    }
}

/// Its consumers: two that live, and one that has gone.
pub(crate) fn members() -> Answer {
    let Target { stream, group } = target();
    let member = |(name, pending, idle_ms, inactive_ms): (&str, u64, u64, Option<u64>)| {
        let info = ConsumerInfo {
            name: name.into(),
            pending,
            idle_ms,
            inactive_ms,
        };
        Member::new(&stream, &group, &info)
    };
    let members = [
        ("host-1-a1b2", 2, 120, Some(900)),
        ("host-2-c3d4", 6, 80, Some(400)),
        ("host-9-\u{1b}[31mgone", 41, 7_530_000, None),
    ];
    Answer::Consumers(members.into_iter().map(member).collect())
}

/// Entries that one of them holds.
pub(crate) fn pending() -> Answer {
    let Target { stream, group } = target();
    let row = |number: u64| PendingRow {
        id: EntryId::new(BEGIN_MS - 7_600_000 + number * 1_000, 0),
        time: Time::from_ms(BEGIN_MS - 7_600_000 + number * 1_000),
        consumer: Some("host-9-gone".into()),
        idle_ms: Some(7_530_000 - number * 1_000),
        deliveries: Some(1 + number % 3),
        is_fatal: false,
        age_ms: Some(7_600_000 - number * 1_000),
        in_flight_since: None,
        in_flight_ms: None,
        last_reason: (number % 3 == 2).then(|| "KeyError: 'total'".to_owned()),
        is_trimmed: None,
        fields: None,
    };
    Answer::Pending(Box::new(PendingReport {
        stream,
        group,
        pending: 5_000,
        first_id: None,
        last_id: None,
        consumers: Vec::new(),
        matching: 41,
        listed: 41,
        is_limited: true,
        has_more: true,
        total: Some(5_000),
        idle_histogram: None,
        deliveries_histogram: None,
        clusters: None,
        entries: (0..41).map(row).collect(),
    }))
}

/// One entry, whose payload is JSON and has what no terminal may get.
pub(crate) fn entry() -> Answer {
    let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let payload = r#"{"total": 12.5, "items": [{"sku": "a-1", "count": 2}], "note": "x\u001b[2J"}"#;
    Answer::Entry(Entry {
        id: EntryId::new(BEGIN_MS - 7_600_000, 0),
        fields: vec![
            field("event_id", "0190d1f6-8a58-7bbb-8000-000000000001"),
            field("brand_id", "aurora"),
            field("event_type", "purchase"),
            field("normalized_payload", payload),
            field("comment", "a\u{1b}]0;evil\u{7}b"),
            field("long", &"0123456789".repeat(30)),
        ],
    })
}

/// Dead letters of the stream.
pub(crate) fn letters() -> Answer {
    let letter = |number: u64| DeadLetter {
        id: EntryId::new(BEGIN_MS - 500_000 + number, 0),
        dead_letter: "{events.normalized}:dlq".into(),
        age_ms: Some(500_000 - number),
        stream: Some("events.normalized".into()),
        group: Some("event-processors".into()),
        origin_id: Some(EntryId::new(BEGIN_MS - 900_000, 0)),
        consumer: Some("host-9-gone".into()),
        deliveries: Some(5),
        is_fatal: false,
        time: Time::from_ms(BEGIN_MS - 500_000),
        is_tombstone: false,
        lost: None,
        reason: Some(format!("Traceback:\n  …\nValueError: no total in {number}")),
        fields: Body::from(vec![(b"brand_id".to_vec(), b"aurora".to_vec())]),
    };
    Answer::Letters((0..3).map(letter).collect(), false)
}

/// The newest entries of a stream.
pub(crate) fn newest() -> Answer {
    let entry = |number: u64| {
        let id = EntryId::new(BEGIN_MS - number * 500, 0);
        (
            id,
            format!("event_id={number} brand_id=aurora event_type=purchase"),
        )
    };
    Answer::Newest((0..5).map(entry).collect())
}
