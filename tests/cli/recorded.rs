//! A recording, as those read it who look back: by time, within its bounds, and with what is damaged left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ucp_streams::model::Time;
use ucp_streams::recording::{Limits, Recorder, Recording, Sample};

use crate::support::directory;

const KEPT: Limits = Limits {
    age: Duration::from_hours(7 * 24),
    bytes: 50_000_000,
};
const EVERY: Duration = Duration::from_secs(10);
const EVER: Time = Time::from_ms(u64::MAX);

/// So many seconds into a day that is not over for as long as recordings are kept.
fn at(seconds: u64) -> Time {
    Time::from_ms(Time::now().ms / 86_400_000 * 86_400_000 + seconds * 1000)
}

fn recorder(dir: &Path, limits: Limits) -> Recorder {
    Recorder::open(dir, "server/0", EVERY, limits).unwrap()
}

fn append(recorder: &mut Recorder, times: impl IntoIterator<Item = Time>) {
    for time in times {
        let sample = Sample::failed(time, &format!("at {time}"));
        recorder.append(&sample).unwrap();
    }
}

fn times(dir: &Path) -> Vec<Time> {
    let recording = Recording::open(dir).unwrap();
    let samples = recording.between(Time::from_ms(0), EVER).unwrap();
    samples.map(|it| it.unwrap().at).collect()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path());
    let mut segments: Vec<_> = names
        .filter(|it| it.extension().is_some_and(|it| it == "rec"))
        .collect();
    segments.sort();
    segments
}

#[test]
fn samples_are_found_by_time_over_many_segments() {
    let home = directory();
    let dir = home.path().join("recording");
    let mut recorder = recorder(&dir, KEPT);
    // Three hours, with a gap of one.
    let all: Vec<Time> = (0..360).chain(720..1080).map(|it| at(it * 10)).collect();
    append(&mut recorder, all.iter().copied());
    assert_eq!(segments(&dir).len(), 2);
    assert_eq!(times(&dir), all);

    let recording = Recording::open(&dir).unwrap();
    let span = recording.span().unwrap().unwrap();
    assert_eq!((span.first, span.last), (all[0], all[719]));
    assert_eq!((span.every_ms, span.server.as_str()), (10_000, "server/0"));
    let found = |seconds| recording.at(at(seconds)).unwrap().map(|it| it.at);
    assert_eq!(found(0), Some(at(0)));
    assert_eq!(found(15), Some(at(10)));
    assert_eq!(found(3599), Some(at(3590)));
    assert_eq!(found(5000), Some(at(3590)));
    assert_eq!(found(7200), Some(at(7200)));
    assert_eq!(found(1_000_000), Some(at(10_790)));
    let before = Time::from_ms(at(0).ms - 1);
    assert!(recording.at(before).unwrap().is_none());

    let between = recording.between(at(3575), at(7210)).unwrap();
    let between: Vec<Time> = between.map(|it| it.unwrap().at).collect();
    assert_eq!(between, [at(3580), at(3590), at(7200), at(7210)]);
    assert_eq!(recording.times(at(3575), at(7210)).unwrap(), between);
    let back = recording.backwards(at(7205)).unwrap().take(2);
    let back: Vec<Time> = back.map(|it| it.unwrap().at).collect();
    assert_eq!(back, [at(7200), at(3590)]);
}

#[test]
fn a_clock_that_is_put_back_loses_nothing() {
    let home = directory();
    let dir = home.path().join("recording");
    let mut recorder = recorder(&dir, KEPT);
    append(&mut recorder, [100, 110, 120].map(at));
    append(&mut recorder, [60, 70, 80].map(at));
    append(&mut recorder, [130, 140].map(at));
    let recording = Recording::open(&dir).unwrap();
    assert_eq!(times(&dir).len(), 8);
    for (wanted, found) in [(65, 60), (90, 80), (115, 110), (135, 130), (999, 140)] {
        let sample = recording.at(at(wanted)).unwrap().unwrap();
        assert_eq!(sample.at, at(found), "{wanted}");
    }
    let span = recording.span().unwrap().unwrap();
    assert_eq!((span.first, span.last), (at(60), at(140)));
}

#[test]
fn a_recorder_goes_on_where_the_last_one_was_killed() {
    let home = directory();
    let dir = home.path().join("recording");
    append(&mut recorder(&dir, KEPT), [0, 10, 20].map(at));
    let [segment] = &segments(&dir)[..] else {
        panic!("one segment");
    };
    let whole = fs::read(segment).unwrap();
    // Torn at every byte of the last sample; the shortest is half of the header.
    for length in (8..whole.len()).rev().step_by(7) {
        fs::write(segment, &whole[..length]).unwrap();
        let left = times(&dir);
        append(&mut recorder(&dir, KEPT), [at(30)]);
        let again = times(&dir);
        assert_eq!(again, [&left[..], &[at(30)]].concat(), "{length}");
        assert!(left.len() < 3);
        for segment in segments(&dir) {
            fs::remove_file(segment).unwrap();
        }
    }
}

#[test]
fn what_is_damaged_is_left_out_and_counted() {
    let home = directory();
    let dir = home.path().join("recording");
    append(&mut recorder(&dir, KEPT), (0..10).map(|it| at(it * 10)));
    let [segment] = &segments(&dir)[..] else {
        panic!("one segment");
    };
    let whole = fs::read(segment).unwrap();
    let mut bytes = whole.clone();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(segment, &bytes).unwrap();
    let recording = Recording::open(&dir).unwrap();
    let mut samples = recording.between(Time::from_ms(0), EVER).unwrap();
    assert_eq!(samples.by_ref().map(Result::unwrap).count(), 9);
    assert_eq!(samples.damaged(), 1);
    let span = recording.span().unwrap().unwrap();
    assert_eq!(span.damaged, 1);
    assert_eq!(recording.seen_at(EVER).unwrap().damaged, 1);

    // No segment at all any more.
    fs::write(segment, vec![b'x'; whole.len()]).unwrap();
    let mut samples = recording.between(Time::from_ms(0), EVER).unwrap();
    assert!(samples.next().is_none());
    assert_eq!(samples.damaged(), 1);
    assert_eq!(recording.span().unwrap(), None);
}

#[test]
fn the_oldest_samples_make_room() {
    let home = directory();
    let dir = home.path().join("recording");
    let limits = Limits {
        age: Duration::from_hours(3),
        ..KEPT
    };
    let mut recorder = recorder(&dir, limits);
    append(&mut recorder, (0..8 * 360).map(|it| at(it * 10)));
    let left = times(&dir);
    // A segment is removed when all of it is too old.
    assert_eq!(left.first(), Some(&at(4 * 3600)));
    assert_eq!(left.last(), Some(&at(8 * 3600 - 10)));
    drop(recorder);

    let dir = home.path().join("small");
    let limits = Limits {
        bytes: 20_000,
        ..KEPT
    };
    let mut recorder = self::recorder(&dir, limits);
    append(&mut recorder, (0..2000).map(|it| at(it * 10)));
    assert!(recorder.totals().bytes <= 20_000);
    let sizes = segments(&dir).into_iter();
    let size: u64 = sizes.map(|it| fs::metadata(it).unwrap().len()).sum();
    assert_eq!(size, recorder.totals().bytes);
    let left = times(&dir);
    assert_eq!(left.last(), Some(&at(19_990)));
    assert!(left.len() > 100, "{}", left.len());
}

#[test]
fn a_recording_that_is_removed_is_begun_again() {
    let home = directory();
    let dir = home.path().join("recording");
    let mut recorder = recorder(&dir, KEPT);
    append(&mut recorder, [at(0), at(10)]);
    for segment in segments(&dir) {
        fs::remove_file(segment).unwrap();
    }
    append(&mut recorder, [at(20)]);
    assert_eq!(times(&dir), [at(20)]);
}
