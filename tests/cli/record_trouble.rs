//! A day of trouble in little time: what is looked up afterwards, in every way there is, is what was seen live.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ucp_streams::model::Time;

use crate::record::{samples, without_time};

use crate::support::{Invocation, PATIENCE, Terminal, TestServer, directory, until};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";
const TOPOLOGY: &str = "[groups.event-processors]
stream = \"events.normalized\"
alert = { max_lag = 3, max_idle = \"1s\" }
";
/// Figures that each way of looking back has.
const FIGURES: [&str; 6] = [
    "lag",
    "pending",
    "live",
    "lost",
    "headroom",
    "last_delivered_id",
];

/// What was seen at a time.
struct Live {
    at: Time,
    info: Value,
    rules: Vec<String>,
}

impl Live {
    fn group(&self) -> &Value {
        let group = &self.info[1]["groups"][0];
        assert_eq!(group["group"], GROUP);
        group
    }
}

/// The place of a test, and what is in it.
struct Place {
    server: TestServer,
    topology: PathBuf,
    recording: PathBuf,
}

impl Place {
    fn command(&self, words: &[&str]) -> Invocation {
        self.server
            .command(words)
            .env("UCP_STREAMS_TOPOLOGY", &self.topology)
    }

    fn json(&self, words: &[&str]) -> Value {
        self.command(&[words, &["-o", "json"]].concat())
            .run()
            .stdout_json()
    }

    fn publish(&self, count: usize) {
        for _ in 0..count {
            self.server.redis(&["XADD", STREAM, "*", "n", "1"]);
        }
    }

    /// What is so once a sample was taken after it was.
    fn live(&self) -> Live {
        self.recorded_now();
        let info = self.json(&["info"]);
        let doctor = self.json(&["doctor"]);
        let rules = doctor["findings"].as_array().unwrap().iter();
        let of_group = rules.filter(|it| it["group"] == GROUP);
        Live {
            at: Time::now(),
            rules: of_group
                .map(|it| it["rule"].as_str().unwrap().to_owned())
                .collect(),
            info,
        }
    }

    fn recorded_now(&self) {
        let now = Time::now();
        until(PATIENCE, "a sample of now", || {
            samples(&self.recording)
                .last()
                .is_some_and(|it| it.at > now)
        });
    }
}

/// Lets the pipeline get into trouble and out of it, and returns what was seen of each part.
fn trouble(place: &mut Place) -> Vec<Live> {
    let mut seen = vec![place.live()];
    // Nobody reads: the lag grows.
    place.publish(6);
    seen.push(place.live());
    // A worker takes some, and dies.
    place.server.deliver((STREAM, GROUP), "dead", 2);
    until(PATIENCE, "that they are idle", || {
        place.live().rules.iter().any(|it| it == "max_idle")
    });
    seen.push(place.live());
    place.server.kill();
    until(PATIENCE, "a gap", || {
        samples(&place.recording)
            .last()
            .is_some_and(|it| it.as_seen().is_none())
    });
    place.server.restart();
    until(PATIENCE, "the end of the gap", || {
        samples(&place.recording)
            .last()
            .is_some_and(|it| it.as_seen().is_some())
    });
    seen.push(place.live());
    // Another one does all of it.
    place.server.deliver((STREAM, GROUP), "other", 4);
    let pending = place.json(&["pending", GROUP, "--count", "10"]);
    let entries = pending["entries"].as_array().unwrap().iter();
    for id in entries.map(|it| it["id"].as_str().unwrap()) {
        place.server.redis(&["XACK", STREAM, GROUP, id]);
    }
    seen.push(place.live());
    seen
}

#[test]
fn what_is_looked_up_afterwards_is_what_was_seen_live() {
    let home = directory();
    let topology = home.path().join("alerts.toml");
    std::fs::write(&topology, TOPOLOGY).unwrap();
    let mut place = Place {
        server: TestServer::durable(),
        topology,
        recording: home.path().join("recording"),
    };
    place.command(&["init"]).run().assert_code(0);
    let dir = place.recording.to_str().unwrap().to_owned();
    let recorder = place.command(&["record", &dir, "--every", "200ms"]).spawn();
    until(PATIENCE, "the first sample", || {
        !samples(&place.recording).is_empty()
    });
    let seen = trouble(&mut place);
    recorder.terminate().assert_code(0);
    let lags: Vec<&Value> = seen
        .iter()
        .map(|it| &it.group()["lag"]["entries"])
        .collect();
    assert_eq!(lags, [0, 6, 4, 4, 0], "the trouble was there");

    let server = place.server.url();
    for live in &seen {
        by_info_and_history(&place, live);
    }
    by_episodes(&place, &seen);
    by_serve(&place, &seen);
    by_top(&server, &place.recording, &seen);
}

fn by_info_and_history(place: &Place, live: &Live) {
    let (at, dir) = (live.at.to_string(), place.recording.to_str().unwrap());
    let mut then = place.json(&["info", "--at", &at, "--record", dir]);
    let mut info = live.info.clone();
    without_time(&mut then);
    without_time(&mut info);
    assert_eq!(then, info);
    let rows = place.json(&["history", GROUP, "--at", &at, "--record", dir]);
    for figure in FIGURES {
        assert_eq!(rows[0][figure], live.group()[figure], "{figure} at {at}");
    }
}

/// What was found wrong, from when to when, against what was found live.
fn by_episodes(place: &Place, seen: &[Live]) {
    let dir = place.recording.to_str().unwrap();
    let found = place.json(&["history", GROUP, "--findings", "--record", dir]);
    let found = found.as_array().unwrap();
    for rule in ["max_lag", "max_idle"] {
        let mut of_rule = found.iter().filter(|it| it["rule"] == rule);
        let (one, more) = (of_rule.next().unwrap(), of_rule.next());
        assert!(more.is_none(), "the outage ended nothing: {found:#?}");
        let (began, ended) = (one["began_at"].as_str().unwrap(), one["ended_at"].as_str());
        for live in seen {
            let at = live.at.to_string();
            let is_within = began <= &at[..] && ended.is_none_or(|it| &at[..] < it);
            let was_found = live.rules.iter().any(|it| it == rule);
            assert_eq!(is_within, was_found, "{rule} at {at}: {one}");
        }
    }
}

/// What a server answers that reads the recording.
fn by_serve(place: &Place, seen: &[Live]) {
    let dir = place.recording.to_str().unwrap();
    let mut site = place
        .command(&["serve", "--listen", "127.0.0.1:0", "--history", dir])
        .spawn();
    let line = site.await_stderr(" at http://127.0.0.1:");
    let address = line
        .rsplit_once("http://")
        .unwrap()
        .1
        .trim_end_matches(['/', '\n']);
    let get = |path: &str| -> Value {
        let mut connection = TcpStream::connect(address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    for live in seen {
        let path = format!("/api/history?group={GROUP}&until={}&points=1000", live.at);
        let answer = get(&path);
        let last = answer["rows"].as_array().unwrap().last().unwrap();
        for figure in FIGURES {
            assert_eq!(
                last[figure],
                live.group()[figure],
                "{figure} at {}",
                live.at
            );
        }
    }
    let answer = get(&format!("/api/history?group={GROUP}&points=1000"));
    let gaps = answer["gaps"].as_array().unwrap();
    let (from, to) = (
        gaps[0]["from"].as_str().unwrap(),
        gaps[0]["to"].as_str().unwrap(),
    );
    assert!(
        gaps.len() == 1 && from > &seen[2].at.to_string()[..] && to < &seen[3].at.to_string()[..]
    );
}

/// What the screen shows of each time.
fn by_top(server: &str, recording: &Path, seen: &[Live]) {
    let terminal = Terminal::start(directory(), server, "/bin/sh");
    for live in seen {
        let top = format!(
            "clear; ucp-streams top --record {} --at {}",
            recording.display(),
            live.at
        );
        terminal.enters(&top, &["Enter"]);
        terminal.shows("RECORDED, held");
        let figures = ["lag", "pending"].map(|name| &live.group()[name]);
        let lag = figures[0]["entries"].to_string();
        let pending = figures[1].to_string();
        terminal.awaits(&format!("{lag} and {pending} at {}", live.at), |screen| {
            let of_group = |line: &&str| line.trim_start_matches(['>', ' ']).starts_with(GROUP);
            let row = screen.lines().find(of_group);
            row.is_some_and(|row| {
                let words: Vec<&str> = row
                    .split_whitespace()
                    .map(|it| it.trim_end_matches('!'))
                    .collect();
                let at = words.iter().position(|it| *it == lag);
                at.is_some_and(|at| words[at..].contains(&&pending[..]))
            })
        });
        terminal.presses("q");
        terminal.awaits("the shell", |screen| !screen.contains("RECORDED"));
    }
}
