//! Metrics in the text format of Prometheus (0.0.4).

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::model::MetricKind;

/// The `Content-Type` of this format.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// A label's name and its value, which may be any text.
pub type Label = (&'static str, String);
/// The labels of a sample.
pub type Labels = Vec<Label>;

/// One metric with all its samples.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its name; that of a counter gets `_total`.
    pub name: String,
    /// What it means.
    pub help: String,
    /// Its type.
    pub kind: MetricKind,
    /// Its values.
    pub samples: Vec<(Labels, f64)>,
}

impl Family {
    /// A gauge without samples yet.
    pub fn gauge(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            help: help.into(),
            kind: MetricKind::Gauge,
            samples: Vec::new(),
        }
    }

    /// The same metric with one more sample.
    #[must_use]
    pub fn with(mut self, labels: Labels, value: f64) -> Self {
        self.samples.push((labels, value));
        self
    }
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0 {
            let kind = match family.kind {
                MetricKind::Counter => MetricType::Counter,
                MetricKind::Gauge => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(&family.name, &family.help, None, kind)?;
            for (labels, value) in &family.samples {
                let mut sample = metric.encode_family(labels)?;
                match (family.kind, whole(*value)) {
                    (MetricKind::Counter, Some(value)) => {
                        sample.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
                    }
                    (MetricKind::Counter, None) => {
                        sample.encode_counter::<NoLabelSet, _, u64>(value, None)?;
                    }
                    (MetricKind::Gauge, Some(value)) => sample.encode_gauge(&value)?,
                    (MetricKind::Gauge, None) => sample.encode_gauge(value)?,
                }
            }
        }
        Ok(())
    }
}

/// A count, which is written without a decimal point.
fn whole(value: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was found to be within the range"
    )]
    let count = || value as u64;
    (value.fract() == 0.0 && (0.0..9e15).contains(&value)).then(count)
}

/// The text of all of them; what has no sample is left out.
pub fn prometheus(mut families: Vec<Family>) -> String {
    families.retain(|it| !it.samples.is_empty());
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    // Into a string nothing can fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_out_and_counts_have_no_decimal_point() {
        let label = || vec![("group", "g\"} 1\n\\x".to_owned())];
        let handled = Family {
            kind: MetricKind::Counter,
            ..Family::gauge("handled", "Entries handled")
        };
        let text = prometheus(vec![
            handled.with(label(), 3.0),
            Family::gauge("nothing", "Left out"),
            Family::gauge("age_seconds", "Its age").with(Vec::new(), 0.25),
        ]);
        assert_eq!(
            text,
            "# HELP handled_total Entries handled\n# TYPE handled_total counter\n\
             handled_total{group=\"g\\\"} 1\\n\\\\x\"} 3\n\
             # HELP age_seconds Its age\n# TYPE age_seconds gauge\nage_seconds 0.25\n"
        );
    }
}
