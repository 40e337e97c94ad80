//! Formats figures for the sentences of findings.

use std::time::Duration;

use crate::model::{Lag, entries, format_duration_short, with_commas};
use crate::topology::Measure;

/// A number of entries in words.
pub(super) fn said(count: Lag) -> String {
    match count {
        Lag::Known(count) => entries(count),
        Lag::AtMost(count) => format!("at most {}", entries(count)),
        Lag::AtLeast(count) => format!("at least {}", entries(count)),
        Lag::Unknown => "an unknown number of entries".to_owned(),
    }
}

/// A number of entries as a table shows it.
pub(super) fn figure(count: Lag) -> String {
    match count {
        Lag::Known(count) => count.to_string(),
        Lag::AtMost(count) => format!("<={count}"),
        Lag::AtLeast(count) => format!(">={count}"),
        Lag::Unknown => "?".to_owned(),
    }
}

/// A duration; `?` when it is unknown.
pub(super) fn millis(ms: Option<u64>) -> String {
    ms.map_or_else(
        || "?".to_owned(),
        |ms| format_duration_short(Duration::from_millis(ms)),
    )
}

/// A threshold's value.
pub(super) fn figure_of(measure: Measure, value: u64) -> String {
    if measure.is_time() {
        millis(Some(value))
    } else {
        with_commas(value)
    }
}

/// `, over max_lag 1,000`.
pub(super) fn limit_words(measure: Measure, value: &str) -> String {
    format!(", over {} {value}", measure.word())
}
