//! Publishing takes no more memory the longer its input is.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use crate::support::{PATIENCE, Spawned, TestServer, until};

/// Entries written at a time.
const CHUNK: usize = 10_000;
/// How much more it may have taken at ten times the input.
const GROWTH_MAX: f64 = 1.2;

fn lines(from: usize) -> String {
    let mut text = String::new();
    for number in from..from + CHUNK {
        let filler = "x".repeat(100);
        writeln!(text, "{{\"number\":{number},\"filler\":\"{filler}\"}}").unwrap();
    }
    text
}

/// The most memory that a process has had so far, in KiB.
fn peak_kib(publisher: &Spawned) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", publisher.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim_end_matches("kB").trim();
    kib.parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn ten_times_the_input_takes_no_more_memory() {
    let server = TestServer::start();
    let mut publisher = server
        .command(&[
            "-q", "publish", "orders", "--file", "-", "--stream", "--maxlen", "1000",
        ])
        .timeout(Duration::from_mins(2))
        .open_stdin()
        .spawn();
    let added = |entries: usize| {
        let info = server.redis(&["XINFO", "STREAM", "orders"]);
        let place = info
            .items()
            .iter()
            .step_by(2)
            .position(|it| it.text() == "entries-added");
        let count = info.items()[place.unwrap() * 2 + 1].int();
        usize::try_from(count).unwrap() >= entries
    };
    let mut peaks = Vec::new();
    for chunk in 0..20 {
        publisher.write(lines(chunk * CHUNK));
        if chunk == 1 || chunk == 19 {
            // What is still being read is not sent yet.
            let least = (chunk + 1) * CHUNK - 2000;
            until(PATIENCE, "nearly all are stored", || {
                server.redis(&["EXISTS", "orders"]).int() == 1 && added(least)
            });
            peaks.push(peak_kib(&publisher));
        }
    }
    publisher.close_stdin();
    publisher.wait().assert_code(0);
    assert!(added(20 * CHUNK));
    println!(
        "{} KiB after 20,000 entries, {} KiB after 200,000",
        peaks[0], peaks[1]
    );
    #[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
    let growth = peaks[1] as f64 / peaks[0] as f64;
    assert!(growth < GROWTH_MAX, "{peaks:?}");
}
