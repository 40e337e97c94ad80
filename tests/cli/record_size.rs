//! How much room a recording of the platform's pipeline takes, with figures that change as in a busy pipeline.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ucp_streams::model::{EntryId, Lag, Time};
use ucp_streams::recording::{Limits, Look, Recorder, Sample};

use crate::record::{record, samples};
use crate::support::{TestServer, directory};

const HOUR: u64 = 360;
const WEEK: u64 = 7 * 24 * HOUR;
const BYTES_MAX: u64 = 50_000_000;

/// A sample of a pipeline with three workers in each group, pending entries and a dead letter.
fn busy(home: &Path) -> Sample {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for (stream, group) in [
        ("events.normalized", "event-processors"),
        ("profiles.merge_requests", "merge-processors"),
        ("predictions.requests", "prediction-processors"),
    ] {
        for _ in 0..9 {
            server.redis(&["XADD", stream, "*", "n", "1"]);
        }
        for worker in ["web-1-4711-a1b2", "web-2-4712-c3d4", "web-3-4713-e5f6"] {
            server.deliver((stream, group), worker, 2);
        }
    }
    server.redis(&["XADD", "{events.normalized}:dlq", "*", "n", "1"]);
    server.redis(&["XADD", "events.raw", "*", "n", "1"]);
    let dir = home.join("seed");
    record(&server, &dir, &["--for", "1s"])
        .wait()
        .assert_code(0);
    samples(&dir).pop().unwrap()
}

/// `SplitMix64`.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn rate(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / 97.0
}

/// The sample that comes next: every figure that moves in a pipeline that works has another value.
fn next(sample: &mut Sample, at: Time, state: &mut u64) {
    sample.at = at;
    let Look::Seen(seen) = &mut sample.look else {
        panic!("it was seen");
    };
    let mut below = |most: u64| random(state) % most;
    for stream in &mut seen.streams {
        let id = EntryId::new(at.ms - below(9000), below(4));
        stream.length = Some(9500 + below(600));
        stream.first_id = Some(EntryId::new(at.ms - 3_000_000 - below(9000), below(4)));
        stream.first_time = stream.first_id.and_then(EntryId::time);
        stream.first_age_ms = Some(3_000_000 + below(9000));
        (stream.last_id, stream.last_time) = (Some(id), id.time());
        stream.last_age_ms = Some(below(9000));
        stream.entries_added = stream.entries_added.map(|it| it + below(60));
        stream.rate_per_minute = Some(rate(below(30_000)));
        stream.added_per_minute = Some(rate(below(30_000)));
        stream.bytes = Some(4_000_000 + below(90_000));
        for group in &mut stream.groups {
            let lag = below(90);
            group.lag = Some(Lag::Known(lag));
            group.figures.lag = group.lag;
            group.undelivered_age_ms = Some(below(9000));
            group.last_delivered_id = Some(EntryId::new(at.ms - below(9000), below(4)));
            group.pending = Some(below(64));
            group.figures.pending = group.pending;
            let oldest = EntryId::new(at.ms - below(30_000), below(4));
            group.oldest_pending_id = Some(oldest);
            group.oldest_pending_age_ms = Some(below(30_000));
            group.oldest_pending_idle_ms = Some(below(30_000));
            group.figures.idle_ms = group.oldest_pending_idle_ms;
            group.figures.age_ms = group.oldest_pending_age_ms;
            group.headroom = Some(Lag::Known(9000 + below(1000)));
            group.figures.room = group.headroom;
            group.headroom_ms = Some(2_000_000 + below(900_000));
            group.figures.room_ms = group.headroom_ms;
            group.delivered_per_minute = Some(rate(below(30_000)));
            group.gained_per_minute = Some(rate(below(900)));
            group.catch_up_ms = Some(below(60_000));
            for consumer in &mut group.consumers {
                consumer.pending = below(20);
                consumer.idle_ms = below(5000);
                consumer.inactive_ms = Some(below(9000));
            }
        }
    }
}

/// The bytes that so many samples take, ten seconds from each other.
fn taken(count: u64) -> u64 {
    let home = directory();
    let mut sample = busy(home.path());
    let dir = home.path().join("recording");
    let limits = Limits {
        age: Duration::from_hours(8 * 24),
        bytes: 10 * BYTES_MAX,
    };
    let every = Duration::from_secs(10);
    let mut recorder = Recorder::open(&dir, "server/0", every, limits).unwrap();
    let begin = Time::now().ms - count * 10_000;
    let mut state = 15;
    for number in 0..count {
        next(
            &mut sample,
            Time::from_ms(begin + number * 10_000),
            &mut state,
        );
        recorder.append(&sample).unwrap();
    }
    let files = fs::read_dir(&dir).unwrap().map(|it| it.unwrap());
    files.map(|it| it.metadata().unwrap().len()).sum()
}

#[expect(clippy::print_stdout, reason = "the figure is wanted")]
#[track_caller]
fn is_small(week: u64) {
    println!("a week takes {week} bytes");
    assert!(week < BYTES_MAX, "{week}");
}

#[test]
fn a_week_takes_less_than_fifty_megabytes_by_an_hour_of_it() {
    let week = taken(HOUR) * WEEK / HOUR;
    is_small(week);
}

#[test]
#[ignore = "a soak: `make soak`"]
fn soak_a_week_takes_less_than_fifty_megabytes() {
    is_small(taken(WEEK));
}
