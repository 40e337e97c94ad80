//! The metric that a report's field is, and what its value is as a number.

use crate::model::{EntryId, Lag};

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A metric: its name without what its kind adds to it, its type, its help, and what a value is multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name; that of a counter is shown with `_total` after it.
    pub name: &'static str,
    help: &'static str,
    /// Its type.
    pub kind: MetricKind,
    scale: f64,
}

impl Metric {
    /// A figure that goes up and down.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            kind: MetricKind::Gauge,
            scale: 1.0,
        }
    }

    /// A duration in milliseconds, which is shown in seconds.
    pub const fn seconds(name: &'static str, help: &'static str) -> Self {
        Self {
            scale: 0.001,
            ..Self::gauge(name, help)
        }
    }

    /// A figure that only grows.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self {
            kind: MetricKind::Counter,
            ..Self::gauge(name, help)
        }
    }

    /// The same with a meaning of its own.
    #[must_use]
    pub const fn meaning(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// What it means. When the field is `None` is left out, because there is no sample then.
    pub fn help(&self) -> &'static str {
        let (meaning, _) = self.help.split_once("; `None`").unwrap_or((self.help, ""));
        meaning.trim().trim_end_matches('.')
    }

    /// A value in the metric's unit.
    pub const fn scaled(self, value: f64) -> f64 {
        value * self.scale
    }
}

/// What can be the value of a metric; `None` where there is nothing to say, or nobody knows.
pub trait Figure {
    /// The value.
    fn figure(&self) -> Option<f64>;
}

impl Figure for u64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a metric's value is a float, exact up to 2^53"
    )]
    fn figure(&self) -> Option<f64> {
        Some(*self as f64)
    }
}

impl Figure for usize {
    fn figure(&self) -> Option<f64> {
        u64::try_from(*self).ok()?.figure()
    }
}

impl Figure for bool {
    fn figure(&self) -> Option<f64> {
        u64::from(*self).figure()
    }
}

/// The time of an id in milliseconds, as other exporters show ids.
impl Figure for EntryId {
    fn figure(&self) -> Option<f64> {
        self.ms.figure()
    }
}

/// Only what is known exactly: a bound is a metric of its own.
impl Figure for Lag {
    fn figure(&self) -> Option<f64> {
        match self {
            Self::Known(entries) => entries.figure(),
            _ => None,
        }
    }
}

impl<T: Figure> Figure for Option<T> {
    fn figure(&self) -> Option<f64> {
        self.as_ref().and_then(Figure::figure)
    }
}
