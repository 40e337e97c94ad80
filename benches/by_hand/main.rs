//! What is written by hand for its speed, each beside the crate that would do the same: same input, same outcome, one run.
//! A part that brings less than 1.3 times its crate is not worth its code. `make bench` runs it; on a machine that does other
//! things as well only the ratios count.

mod json;
mod resp;
mod time;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    by_hand,
    json::event,
    json::escaped_event,
    json::place,
    resp::entries,
    time::read,
    time::write
);
criterion_main!(by_hand);
