//! What was observed, and what is wrong with it, as metrics.

use super::metrics::{Family, Label, Labels, prometheus};
use crate::findings::{Finding, RULES, Severity};
use crate::model::{Figure as _, Metric, MetricKind, Name, Row, is_fatal};
use crate::streams::changes::open;
use crate::streams::inspect::{OLDEST_MAX, Observation};

/// Adds labels to those that every sample has.
type LabelsOf<'a> = dyn Fn(&[Label]) -> Labels + 'a;

/// What metrics are made of.
#[derive(Clone, Copy, Debug)]
pub struct Exposed<'a> {
    /// What was observed; `None` when the server could not be asked.
    pub observation: Option<&'a Observation>,
    /// What is wrong with it.
    pub findings: &'a [Finding],
    /// The number of the database, a label of every sample.
    pub database: u32,
    /// How long the observation took, in seconds.
    pub seconds: f64,
    /// How many observations failed since the start.
    pub errors: u64,
    /// Whether what was observed could be recorded; `None` when it is not to be.
    pub is_recorded: Option<bool>,
}

/// The text of the metrics.
pub fn exposition(exposed: &Exposed<'_>) -> String {
    let database = ("db", format!("db{}", exposed.database));
    let labels = |more: &[Label]| [std::slice::from_ref(&database), more].concat();
    let up = exposed.observation.is_some();
    let mut families = vec![
        Family::gauge("ucp_streams_up", "1 when the server could be asked")
            .with(labels(&[]), f64::from(up)),
        Family::gauge(
            "ucp_streams_scrape_seconds",
            "How long asking the server took",
        )
        .with(labels(&[]), exposed.seconds),
        errors(labels(&[]), exposed.errors),
    ];
    if let Some(is_recorded) = exposed.is_recorded {
        let help = "1 when the last sample could be recorded";
        let family = Family::gauge("ucp_streams_recorded", help);
        families.push(family.with(labels(&[]), f64::from(is_recorded)));
    }
    let Some(observation) = exposed.observation else {
        return prometheus(families);
    };
    let stream = |it: &Name| labels(&[("stream", it.to_string())]);
    let streams = observation.streams.iter();
    families.extend(of_rows(streams.map(|it| (stream(&it.stream), it))));
    let groups = observation.groups();
    families.extend(of_rows(
        groups.map(|it| (labels(&of_group(&it.stream, &it.group)), it)),
    ));
    if observation.details.is_some() {
        families.push(of_details(observation, &labels));
        families.extend(of_changes(observation, &labels));
    }
    let help = "1 for a stream that the user may not look at";
    families.push(Family {
        samples: observation
            .denied
            .iter()
            .map(|it| (stream(&it.stream), 1.0))
            .collect(),
        ..Family::gauge("ucp_streams_stream_denied", help)
    });
    families.extend(of_findings(exposed, &labels));
    prometheus(families)
}

/// A metric for each that the rows' fields are declared to be.
fn of_rows<'a, R: Row + 'a>(rows: impl Iterator<Item = (Labels, &'a R)>) -> Vec<Family> {
    let metrics = || R::METRICS.iter().flat_map(|it| it.iter());
    let family = |it: &Metric| Family {
        kind: it.kind,
        ..Family::gauge(it.name, it.help())
    };
    let mut families: Vec<Family> = metrics().map(family).collect();
    for (labels, row) in rows {
        for ((family, metric), figure) in families.iter_mut().zip(metrics()).zip(row.figures()) {
            let value = figure.map(|it| (labels.clone(), metric.scaled(it)));
            family.samples.extend(value);
        }
    }
    families
}

fn errors(labels: Labels, errors: u64) -> Family {
    Family {
        kind: MetricKind::Counter,
        samples: Some(labels).into_iter().zip(errors.figure()).collect(),
        ..Family::gauge(
            "ucp_streams_scrape_errors",
            "How often the server could not be asked",
        )
    }
}

/// What only a closer look shows of groups.
fn of_details(observation: &Observation, labels: &LabelsOf<'_>) -> Family {
    let help = format!("The most deliveries of one of its {OLDEST_MAX} oldest pending entries");
    let groups = observation.details.iter().flat_map(|it| &it.groups);
    let samples = groups.filter_map(|it| {
        let deliveries = it.oldest.iter().map(|it| it.deliveries);
        let most = deliveries
            .filter(|it| !is_fatal(*it))
            .max()
            .unwrap_or_default();
        Some((
            labels(&of_group(&it.target.stream, &it.target.group)),
            most.figure()?,
        ))
    });
    Family {
        samples: samples.collect(),
        ..Family::gauge("ucp_streams_group_deliveries_max", help)
    }
}

/// The last destructive commands, without any name of their records. Where no record was read, nothing is known of them.
fn of_changes(observation: &Observation, labels: &LabelsOf<'_>) -> [Family; 2] {
    let details = observation.details.as_ref();
    let rows = details.map_or(&[][..], |it| &it.audit);
    let last = rows.first();
    let began = last
        .and_then(|it| it.time.ms.figure())
        .map(|it| it / 1000.0);
    let open = last.and_then(|_| open(rows).count().figure());
    let family = |name, help, value: Option<f64>| Family {
        samples: value.map(|it| (labels(&[]), it)).into_iter().collect(),
        ..Family::gauge(name, help)
    };
    [
        family(
            "ucp_streams_last_change_timestamp_seconds",
            "When the last destructive command began, by its audit record",
            began,
        ),
        family(
            "ucp_streams_open_changes",
            "Commands of the newest audit records without an outcome: cut off, or still running",
            open,
        ),
    ]
}

fn of_group(stream: &Name, group: &Name) -> [Label; 2] {
    [("stream", stream.to_string()), ("group", group.to_string())]
}

/// The findings: one by one, and counted by rule and by severity. A rule that found nothing counts 0.
fn of_findings(exposed: &Exposed<'_>, labels: &LabelsOf<'_>) -> [Family; 4] {
    let mut each = Family::gauge("ucp_streams_finding", "1 for each finding of a rule");
    let mut by_rule = Family::gauge("ucp_streams_findings", "Findings by rule");
    let mut by_severity = Family::gauge("ucp_streams_findings_by_severity", "Findings by severity");
    for finding in exposed.findings {
        let name = |it: &Option<Name>| it.as_ref().map(ToString::to_string).unwrap_or_default();
        let of_finding = [
            ("rule", finding.rule.to_string()),
            ("severity", finding.severity.word().to_owned()),
            ("stream", name(&finding.stream)),
            ("group", name(&finding.group)),
        ];
        let labels = labels(&of_finding);
        // A rule may find the same of one group twice, and a sample may be there once.
        if !each.samples.iter().any(|it| it.0 == labels) {
            each.samples.push((labels, 1.0));
        }
    }
    let count = |is_it: &dyn Fn(&Finding) -> bool| {
        exposed
            .findings
            .iter()
            .filter(|it| is_it(it))
            .count()
            .figure()
    };
    for rule in RULES {
        let found = count(&|it| it.rule == rule.id);
        let labels = labels(&[("rule", rule.id.to_owned())]);
        by_rule.samples.extend(Some(labels).zip(found));
    }
    for severity in [Severity::Unknown, Severity::Warning, Severity::Critical] {
        let found = count(&|it| it.severity == severity);
        let labels = labels(&[("severity", severity.word().to_owned())]);
        by_severity.samples.extend(Some(labels).zip(found));
    }
    let worst = exposed.findings.iter().map(|it| it.severity).max();
    let mut verdict = Family::gauge("ucp_streams_verdict", "1 for the worst severity of all");
    for severity in [
        Severity::Ok,
        Severity::Unknown,
        Severity::Warning,
        Severity::Critical,
    ] {
        let labels = labels(&[("severity", severity.word().to_owned())]);
        let is_it = worst.unwrap_or(Severity::Ok) == severity;
        verdict.samples.push((labels, f64::from(is_it)));
    }
    [verdict, by_rule, by_severity, each]
}
