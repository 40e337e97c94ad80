//! The manual's page on moving: its commands, as they stand there, carry the demo's day from Redis to Kafka and back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};
use ucp_streams::model::Time;
use ucp_streams::platform::generate::{Generated, platform_day};

use crate::place;
use crate::support::scene::Scene;
use crate::support::{Broker, PATIENCE, Planted, Run, Spawned, until};

const PAGE: &str = include_str!("../../src/commands/man/moving.md");
const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";
const BRIDGE: &str = "kafka-bridge";
/// Writes down what it is given: the stream and the event.
const HANDLER: &str = r#"#!/bin/sh
while IFS= read -r entry; do
  stream=${entry#*'"stream":"'}; id=${entry#*'"id":"'}; event=${entry#*'"event_id":"'}
  echo "${stream%%'"'*} ${event%%'"'*}" >> handled.log
  printf '{"id":"%s","ok":true}\n' "${id%%'"'*}"
done
"#;

/// A pipeline that moves, and what was handled in it.
struct House {
    scene: Scene,
    broker: Broker,
    day: Box<dyn Iterator<Item = Generated>>,
    written: BTreeSet<String>,
    /// What goes on, by the first words of its line.
    running: BTreeMap<String, Spawned>,
    /// How far the consumers of Kafka have read, of each partition.
    read: BTreeMap<u32, i64>,
    /// What they have handled.
    handled: Vec<String>,
}

impl House {
    fn start() -> Self {
        let (scene, broker) = (Scene::start(), Broker::start());
        scene.file("handle-events", HANDLER);
        broker.topic(STREAM, 3);
        scene.ucp(&["init"]);
        let day = platform_day(7, Time::now(), 6000);
        let mut house = Self {
            scene,
            broker,
            day: Box::new(day.filter(|it| it.stream == "events.raw")),
            written: BTreeSet::new(),
            running: BTreeMap::new(),
            read: BTreeMap::new(),
            handled: Vec::new(),
        };
        house.work_on(STREAM);
        house.write();
        house
    }

    /// Starts the workers, which the page takes to be there.
    fn work_on(&mut self, stream: &str) {
        let line =
            format!("ucp-streams worker run {GROUP} --stream {stream} --pipe -- ./handle-events &");
        self.go_on(&line);
    }

    /// The next events of the day.
    fn next_events(&mut self) -> Vec<BTreeMap<&'static str, String>> {
        let events: Vec<_> = self.day.by_ref().take(500).collect();
        assert_eq!(events.len(), 500, "the day is too short");
        let events = events.into_iter().map(|it| it.fields.into_iter().collect());
        let events: Vec<BTreeMap<&str, String>> = events.collect();
        let ids = events.iter().map(|it| it["event_id"].clone());
        self.written.extend(ids);
        events
    }

    /// Writers: they ingest events in Redis.
    #[track_caller]
    fn write(&mut self) {
        let lines = self.next_events().into_iter();
        let lines = lines.map(|it| json!(it).to_string() + "\n");
        self.scene.file("day.ndjson", &lines.collect::<String>());
        self.bash("ucp-streams ingest --file day.ndjson --limit 1")
            .assert_code(0);
    }

    /// Writers that have moved: they write to the topic.
    fn write_to_kafka(&mut self) {
        let events = self.next_events();
        let values: Vec<_> = events.iter().map(|it| json!(it).to_string()).collect();
        let records = events.iter().zip(&values).map(|(event, value)| Planted {
            partition: ucp_streams::kafka::partition_of(event["brand_id"].as_bytes(), 3),
            key: Some(event["brand_id"].as_bytes()),
            value: Some(value.as_bytes()),
            timestamp_ms: i64::try_from(Time::now().ms).unwrap(),
            ..Planted::default()
        });
        self.broker.write(STREAM, &records.collect::<Vec<_>>());
    }

    #[track_caller]
    fn bash(&self, line: &str) -> Run {
        let set = format!("export UCP_STREAMS_KAFKA={}", self.broker.brokers());
        self.scene.bash(&format!("{set}\n{line}"))
    }

    /// Starts what goes on.
    fn go_on(&mut self, line: &str) {
        let words = line.strip_suffix(" &").unwrap().split(' ').skip(1);
        let words: Vec<&str> = words.collect();
        let begun = self
            .scene
            .server
            .command(&words)
            .env("UCP_STREAMS_KAFKA", self.broker.brokers())
            .in_dir(self.scene.home())
            .spawn();
        let name = words[..4].join(" ");
        let before = self.running.insert(name, begun);
        assert!(before.is_none(), "{line} runs already");
    }

    /// Does what stands below a heading of the page; what the last command and the one that shows the position printed.
    #[track_caller]
    fn follow(&mut self, heading: &str, position: &str) -> (Run, Option<String>) {
        let mut last = None;
        let mut shown = None;
        for line in lines(heading) {
            let line = line.replace("POSITION", shown.as_deref().unwrap_or(position));
            if line.ends_with(" &") {
                self.go_on(&line);
                continue;
            }
            let run = self.bash(&line);
            run.assert_code(0);
            if line.contains("last_delivered_id") {
                let group = if heading.starts_with("Back") {
                    BRIDGE
                } else {
                    GROUP
                };
                shown = Some(position_of(&run, group));
            }
            last = Some(run);
        }
        (last.expect("a command"), shown)
    }

    /// Consumers of Kafka that begin at the offsets of the page's file.
    fn begin_at_offsets(&mut self) {
        let text = fs::read_to_string(self.scene.home().join("offsets.csv")).unwrap();
        self.read = { text.lines() }
            .map(|line| {
                let [topic, partition, offset] =
                    line.split(',').collect::<Vec<_>>().try_into().unwrap();
                assert_eq!(topic, STREAM);
                (partition.parse().unwrap(), offset.parse().unwrap())
            })
            .collect();
        assert_eq!(self.read.len(), 3, "{text}");
    }

    /// They read up to the end of the topic. Returns how many records that were.
    fn consume(&mut self) -> usize {
        let mut count = 0;
        for record in self.broker.records(STREAM) {
            let from = self.read.get_mut(&record.partition).unwrap();
            if record.offset < *from {
                continue;
            }
            *from = record.offset + 1;
            let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
            self.handled
                .push(value["event_id"].as_str().unwrap().to_owned());
            count += 1;
        }
        count
    }

    #[track_caller]
    fn stop(&mut self, name: &str) {
        let running = self
            .running
            .remove(name)
            .unwrap_or_else(|| panic!("{name}"));
        running.terminate().assert_code(0);
    }

    /// Events that workers handled, with the stream that they were in.
    fn worked(&self) -> Vec<(String, String)> {
        let log = fs::read_to_string(self.scene.home().join("handled.log")).unwrap_or_default();
        let pair = |line: &str| {
            let (stream, event) = line.split_once(' ').unwrap();
            (stream.to_owned(), event.to_owned())
        };
        log.lines().map(pair).collect()
    }

    /// Awaits that everything was handled, and makes sure that it was once.
    #[track_caller]
    fn assert_once(&self) {
        let all = || self.worked().len() + self.handled.len();
        until(PATIENCE, "everything is handled", || {
            all() >= self.written.len()
        });
        let worked = self.worked().into_iter().map(|(_, event)| event);
        let mut handled: Vec<_> = worked.chain(self.handled.iter().cloned()).collect();
        handled.sort();
        let written: Vec<_> = self.written.iter().cloned().collect();
        assert!(handled == written, "{} of {}", handled.len(), written.len());
    }
}

/// The commands below a heading.
fn lines(heading: &str) -> Vec<&'static str> {
    let (_, section) = PAGE.split_once(&format!("## {heading}\n")).expect(heading);
    let (section, _) = section.split_once("\n## ").unwrap_or((section, ""));
    let lines: Vec<_> = { section.lines() }
        .filter_map(|line| line.strip_prefix("$ "))
        .collect();
    assert!(!lines.is_empty(), "{heading}");
    lines
}

/// The position of a group in what `groups` printed.
fn position_of(run: &Run, group: &str) -> String {
    let rows = run.stdout_lines();
    let cells = |row: &&&str| row.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let row = rows.iter().map(|it| cells(&it)).find(|it| it[0] == group);
    let [_, position, pending] = row.unwrap().try_into().unwrap();
    assert!(
        place(&position) > (0, 0) && pending == "0",
        "{}",
        run.stdout()
    );
    position
}

/// The proof says that all that the stream has is in the topic.
#[track_caller]
fn assert_proven(run: &Run, entries: &str, records: &str, others: &str) {
    let rows = run.stdout_lines();
    let cells = |row: &str| row.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let named: BTreeMap<_, _> = cells(rows[0]).into_iter().zip(cells(rows[1])).collect();
    for (name, value) in [
        ("ENTRIES", entries),
        ("RECORDS", records),
        ("AGREES", "yes"),
        ("OTHERS", others),
    ] {
        assert!(
            named.get(name).is_none_or(|it| it == value),
            "{name}\n{}",
            run.stdout()
        );
    }
}

#[test]
fn consumers_move_back_out_move_again_and_the_writers_follow_and_return() {
    let mut house = House::start();
    house.follow("Run both", "");
    house.write();
    house.follow("Move the consumers", "");
    house.begin_at_offsets();
    house.write();
    until(PATIENCE, "the bridge sends", || {
        house.broker.records(STREAM).len() == 1500
    });
    assert_eq!(house.consume(), 500, "what came after the pause");

    house.write();
    house.write();
    house.follow("Back out before the writers have moved", "");
    house.consume();
    house.write();
    house.assert_once();

    house.follow("Move the consumers", "");
    house.begin_at_offsets();
    house.write();
    let (proof, _) = house.follow("Move the writers", "");
    assert_proven(&proof, "3500", "3500", "0");
    house.stop("bridge to-kafka events.normalized --topic");
    house.stop("worker run event-processors --stream");
    house.write_to_kafka();
    assert_eq!(house.consume(), 1000, "of the bridge and of the writers");
    house.assert_once();

    let (proof, _) = house.follow("Back out after the writers have moved", "");
    assert_proven(&proof, "3500", "3500", "500");
    house
        .scene
        .redis(&["XADD", "events.back", "*", "event_id", "back"]);
    house.written.insert("back".to_owned());
    house.work_on("events.back");
    house.assert_once();
}

#[test]
fn workers_stay_workers_behind_kafka() {
    let mut house = House::start();
    house.follow("Run both", "");
    house.write();
    let (_, position) = house.follow("Move the consumers", "");
    house.write();
    let lines = lines("Move workers that stay workers");
    assert_eq!(lines.len(), 4);
    house.stop("worker run event-processors --stream");
    house.write();
    let position = position.unwrap();
    for line in lines {
        let line = line.replace("POSITION", &position);
        if line.ends_with(" &") {
            house.go_on(&line);
        } else {
            house.bash(&line).assert_code(0);
        }
    }
    house.write();
    house.assert_once();
    let moved = house.worked();
    let moved = moved.iter().filter(|(stream, _)| stream == "events.moved");
    assert_eq!(moved.count(), 1500, "what came after the pause");
}
