//! Moments: a timestamp that is to be kept as it is written, and the time of an entry as it is shown.

use std::hint::black_box;

use criterion::Criterion;
use ucp_streams::model::Time;
use ucp_streams::topology::validate::{ReadTimestamp, read_timestamp};

const WRITTEN: &str = "2026-07-01T10:00:00.000Z";
const MS: u64 = 1_782_900_000_000;

/// Whether a timestamp is one. That is all that the crate is asked: it does not say whether it was written as it is kept.
pub(crate) fn read(c: &mut Criterion) {
    let by_hand = |text: &str| read_timestamp(text.as_bytes()) == Some(ReadTimestamp::AsWritten);
    let by_jiff = |text: &str| text.parse::<jiff::Timestamp>().is_ok();
    assert!(by_hand(WRITTEN) && by_jiff(WRITTEN));
    let mut group = c.benchmark_group("timestamp read");
    group.bench_function("by hand", |b| b.iter(|| by_hand(black_box(WRITTEN))));
    group.bench_function("jiff", |b| b.iter(|| by_jiff(black_box(WRITTEN))));
    group.finish();
}

fn written_by_jiff(ms: u64, text: &mut Vec<u8>) {
    const PRINTER: jiff::fmt::temporal::DateTimePrinter =
        jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3));
    let ms = i64::try_from(ms).expect("in range");
    let moment = jiff::Timestamp::from_millisecond(ms).expect("in range");
    let written = PRINTER.print_timestamp(&moment, text);
    written.expect("memory has no end");
}

/// The time in an entry's id.
pub(crate) fn write(c: &mut Criterion) {
    let mut text = Vec::new();
    written_by_jiff(MS, &mut text);
    assert_eq!(text, Time::from_ms(MS).rfc3339());
    let mut group = c.benchmark_group("timestamp written");
    group.bench_function("by hand", |b| {
        let mut text = Vec::new();
        b.iter(|| {
            text.clear();
            text.extend_from_slice(&Time::from_ms(black_box(MS)).rfc3339());
            text.len()
        });
    });
    group.bench_function("jiff", |b| {
        let mut text = Vec::new();
        b.iter(|| {
            text.clear();
            written_by_jiff(black_box(MS), &mut text);
            text.len()
        });
    });
    group.finish();
}
