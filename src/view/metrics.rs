//! Metrics in the text format of Prometheus (0.0.4).

use std::fmt::Write as _;

use crate::model::Name;

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows; its name ends with `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One metric with all its samples.
#[derive(Debug)]
pub struct Metric<'a> {
    /// Its full name.
    pub name: String,
    /// Its description.
    pub help: &'a str,
    /// Its type.
    pub kind: MetricKind,
    /// Labels by name, and the value.
    pub samples: Vec<(Vec<(&'a str, &'a Name)>, u64)>,
}

/// The text of all of them.
pub fn prometheus(metrics: &[Metric<'_>]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let Metric {
            name,
            help,
            kind,
            samples,
        } = metric;
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
        };
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(label, value)| format!("{label}=\"{}\"", label_value(value)))
                .collect();
            let _ = writeln!(text, "{name}{{{}}} {value}", labels.join(","));
        }
    }
    text
}

/// A name as a label's value: control characters are escaped as elsewhere, and so are characters that would end the
/// value.
fn label_value(name: &Name) -> String {
    name.to_string().replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_their_labels() {
        let group = Name::from("g\"} 1\n\\x");
        let text = prometheus(&[Metric {
            name: "handled_total".to_owned(),
            help: "Entries handled.",
            kind: MetricKind::Counter,
            samples: vec![(vec![("group", &group)], 3)],
        }]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..2],
            [
                "# HELP handled_total Entries handled.",
                "# TYPE handled_total counter"
            ]
        );
        assert!(
            lines[2].starts_with("handled_total{group=\"$'g\\\"} 1"),
            "{text}"
        );
        assert!(lines[2].ends_with("'\"} 3") && lines.len() == 3, "{text}");
    }
}
