//! `check`: for people, and as the line of a monitoring plugin.

use std::fmt::Write as _;

use crate::findings::{CheckReport, DoctorReport, Evidence, Finding, Severity};
use crate::model::{Cell, Change, Column, Lag, Problem, Row as _, Tone};
use crate::streams::inspect::GroupReport;
use crate::topology::{Level, Measure, Threshold};
use crate::view::cell::Shown as _;
use crate::view::{Report, Section, to_the_second};

/// The indent of the text below the word for the severity.
const MARGIN: &str = "          ";

impl Report for CheckReport {
    const TABLES: &'static [&'static [Column]] = &[Finding::COLUMNS];

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        if !section.for_people() {
            return section.list(&self.findings);
        }
        head(section, self.verdict, &self.summary);
        paragraphs(section, &self.findings);
        let well: Vec<&GroupReport> = self.groups.iter().filter(|it| !self.has(it)).collect();
        let shown = section.shown_of(well.len());
        let figures: Vec<String> = well.iter().map(|it| figures(section, it)).collect();
        for (group, figures) in well.iter().zip(figures).take(shown) {
            let word = Severity::Ok.word();
            let (group, stream) = (&group.group, &group.stream);
            let line = format!("{word:<9} {group} on {stream}: {figures}");
            section.line_under(Tone::Plain, &line, MARGIN.len());
        }
        section.cut_after(shown, well.len());
        Ok(())
    }
}

impl Report for DoctorReport {
    const TABLES: &'static [&'static [Column]] = &[Finding::COLUMNS];

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        if !section.for_people() {
            return section.list(&self.findings);
        }
        head(section, self.verdict, &self.summary);
        paragraphs(section, &self.findings);
        Ok(())
    }
}

/// The verdict in a line.
fn head(section: &mut Section<'_>, verdict: Severity, summary: &str) {
    let head = format!("{}: {summary}", verdict.word());
    section.line(tone(verdict), &head);
}

/// Each finding with the reason why it matters and the command to type next.
fn paragraphs(section: &mut Section<'_>, findings: &[Finding]) {
    let shown = section.shown_of(findings.len());
    // What is not shown is compared, too: it may be shown the next time.
    let marked: Vec<_> = findings.iter().map(|it| (it, marks(section, it))).collect();
    for (finding, (new, mark)) in marked.into_iter().take(shown) {
        let word = finding.severity.word();
        let (subject, summary) = (finding.subject(), &finding.summary);
        let line = format!("{word:<9} {new}{subject}: {summary}{mark}");
        section.line_under(tone(finding.severity), &line, MARGIN.len());
        if let Some(since) = since(finding) {
            section.line(Tone::Plain, &format!("{MARGIN}{since}"));
        }
        section.line(Tone::Dim, &format!("{MARGIN}{}", finding.why));
        section.line(Tone::Plain, &format!("{MARGIN}next: {}", finding.next));
    }
    section.cut_after(shown, findings.len());
}

/// Since when a finding is there, and which way its figure goes, where a recording says so.
fn since(finding: &Finding) -> Option<String> {
    let began = finding.began.map(|began| {
        let least = if finding.is_older { "at least " } else { "" };
        format!("{least}since {}", to_the_second(began))
    });
    let trend = finding.trend.map(|it| it.word().to_owned());
    let parts: Vec<String> = began.into_iter().chain(trend).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What stands before and after a finding that is new, or whose figures have changed since it was last shown.
fn marks(section: &Section<'_>, finding: &Finding) -> (&'static str, String) {
    let name = format!("{} of {}", finding.rule, finding.subject());
    // How long something takes changes all the time.
    let count = |it: &Evidence| it.value.replace(',', "").parse().map(Cell::Count).ok();
    let mut cells = vec![finding.severity.into()];
    cells.extend(finding.evidence.iter().filter_map(count));
    let cells = section.compared("finding", &name, cells);
    let changed = cells.iter().map(Cell::change);
    let changed = { changed }.find(|change| *change != Change::None);
    match changed {
        None => ("", String::new()),
        Some(Change::New) => (Change::NEW, String::new()),
        Some(change) => ("", format!(" {}", change.mark())),
    }
}

impl CheckReport {
    fn has(&self, group: &GroupReport) -> bool {
        self.findings.iter().any(|it| it.is_about(group))
    }
}

const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Ok => Tone::Ok,
        Severity::Unknown | Severity::Warning => Tone::Warn,
        Severity::Critical => Tone::Bad,
    }
}

fn figures(section: &Section<'_>, group: &GroupReport) -> String {
    let lag = group.figures.lag.map_or(Cell::Unknown, Cell::from);
    let pending = group.pending.map_or(Cell::Unknown, Cell::from);
    let name = format!("{} on {}", group.group, group.stream);
    let cells = section.compared("well", &name, vec![lag, pending]);
    let figures: Vec<String> = cells
        .iter()
        .map(|cell| {
            let mark = cell.change().mark().trim_end();
            format!("{}{mark}", cell.itself().human())
        })
        .collect();
    format!("lag {} pending", figures.join(", "))
}

/// `CRITICAL - what is wrong | 'group lag'=3999;;1000`: one line in the format of monitoring plugins.
pub fn plugin_line(report: &CheckReport) -> String {
    let mut line = format!("{} - ", report.verdict.word());
    if report.findings.is_empty() {
        line.push_str(&report.summary);
    }
    for (place, finding) in report.findings.iter().enumerate() {
        let between = if place == 0 { "" } else { "; " };
        let _ = write!(line, "{between}{}: {}", finding.subject(), finding.summary);
    }
    // What is behind it would be taken for performance data.
    let mut line = line.replace('|', "\\x7c").replace('\n', "\\n");
    line.push_str(" |");
    for group in &report.groups {
        for (figure, value, threshold) in performance(group) {
            let name = group.group.to_string().replace(['\'', '=', '|', '\n'], "_");
            let [warning, critical] = threshold.map_or_else(Default::default, stages);
            let _ = write!(line, " '{name} {figure}'={value};{warning};{critical}");
        }
    }
    line.push('\n');
    line
}

/// The known figures of a group, each with its threshold.
fn performance(group: &GroupReport) -> Vec<(&'static str, String, Option<Threshold>)> {
    let figures = &group.figures;
    let lag = figures.lag.and_then(Lag::entries);
    let lost = figures.lost.and_then(Lag::entries);
    let seconds = |ms: u64| format!("{}.{:03}s", ms / 1000, ms % 1000);
    let count = |count: u64| count.to_string();
    let of = |measure| group.thresholds.of(measure);
    [
        ("lag", lag.map(count), of(Measure::MaxLag)),
        (
            "pending",
            figures.pending.map(count),
            of(Measure::MaxPending),
        ),
        (
            "age",
            figures.age_ms.map(seconds),
            of(Measure::MaxAge).map(in_seconds),
        ),
        ("lost", lost.map(count), of(Measure::MaxLost)),
        ("live", group.live.map(count), None),
        (
            "dead_letters",
            figures.dead_letters.map(count),
            of(Measure::MaxDeadLetters),
        ),
    ]
    .into_iter()
    .filter_map(|(figure, value, threshold)| Some((figure, value?, threshold)))
    .collect()
}

fn in_seconds(threshold: Threshold) -> Threshold {
    Threshold {
        warning: threshold.warning.map(|ms| ms / 1000),
        critical: threshold.critical / 1000,
    }
}

fn stages(threshold: Threshold) -> [String; 2] {
    let warning = threshold
        .warning
        .map(|_| threshold.at(Level::Warning).to_string());
    [warning.unwrap_or_default(), threshold.critical.to_string()]
}
