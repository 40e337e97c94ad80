//! Where a rule is held: a healthy server, a fault, exactly the rule's finding, and its command as it is printed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use ucp_streams::server::Options;

#[cfg(target_os = "linux")]
use super::Clock;
use super::{
    Invocation, PATIENCE, Run, TestServer, at_terminal, client_in, directory, free_port, scene,
    until,
};

pub const STREAM: &str = "events.normalized";
pub const GROUP: &str = "event-processors";
/// The one with the least MAXLEN: 1000.
pub const SHORT: &str = "profiles.merge_requests";
pub const SHORT_GROUP: &str = "merge-processors";

/// What keeps a server from being in trouble by itself: its data is written out, and its memory has a limit. What is slow on
/// a machine that has much else to do is no fault of the test's.
const HEALTHY: [&str; 6] = [
    "--appendonly",
    "yes",
    "--maxmemory",
    "256mb",
    "--slowlog-log-slower-than",
    "-1",
];

/// A server on which there is nothing to find, with the groups.
pub fn healthy() -> TestServer {
    let server = TestServer::with_args(&HEALTHY);
    server.ucp(&["init"]).assert_code(0);
    server
}

/// A healthy server, and a directory with a topology of its own.
pub struct Site {
    pub server: TestServer,
    pub home: TempDir,
    #[cfg(target_os = "linux")]
    pub clock: Option<Clock>,
}

impl Site {
    /// With the platform's topology.
    #[track_caller]
    pub fn start() -> Self {
        let site = Self::of(TestServer::with_args(&HEALTHY));
        site.ucp(&["init"]).assert_code(0);
        site
    }

    /// With this topology file, merged over the platform's.
    #[track_caller]
    pub fn with_topology(text: &str) -> Self {
        let site = Self::of(TestServer::with_args(&HEALTHY));
        site.set_topology(text);
        site.ucp(&["init"]).assert_code(0);
        site
    }

    /// On any server.
    pub fn of(server: TestServer) -> Self {
        let home = directory();
        fs::create_dir(home.path().join("bin")).unwrap();
        client_in(&home.path().join("bin"));
        Self {
            server,
            home,
            #[cfg(target_os = "linux")]
            clock: None,
        }
    }

    /// With a port, for replicas.
    #[track_caller]
    pub fn with_port() -> Self {
        let options = Options {
            port: Some(free_port()),
            ..Self::options()
        };
        let site = Self::of(TestServer::with_options(options));
        site.ucp(&["init"]).assert_code(0);
        site
    }

    /// With a clock of its own, by which the server has run for an hour.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub fn with_clock() -> Self {
        let clock = Clock::start();
        let server = TestServer::with_binary(&clock.server(), Self::options());
        clock.advance(std::time::Duration::from_hours(1));
        let mut site = Self::of(server);
        site.clock = Some(clock);
        site.ucp(&["init"]).assert_code(0);
        site
    }

    /// Sets its clock ahead.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub fn advance(&self, by: std::time::Duration) {
        self.clock.as_ref().unwrap().advance(by);
        // A server looks at its clock some times a second.
        let now_us = self.now_ms() * 1000;
        until(PATIENCE, "the server sees its clock", || {
            let info = self.redis("INFO server");
            let mut lines = info.text().lines();
            let said = lines.find_map(|it| it.strip_prefix("server_time_usec:"));
            said.unwrap().parse::<u64>().unwrap() >= now_us
        });
    }

    /// What its clock says.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub fn now_ms(&self) -> u64 {
        self.clock.as_ref().unwrap().now_ms()
    }

    fn options() -> Options {
        Options {
            args: HEALTHY.iter().map(Into::into).collect(),
            ..Options::default()
        }
    }

    #[track_caller]
    pub fn set_topology(&self, text: &str) {
        fs::write(self.topology(), text).unwrap();
    }

    fn topology(&self) -> PathBuf {
        self.home.path().join("topology.toml")
    }

    /// The binary on this server, by this topology and this clock.
    pub fn command(&self, args: &[&str]) -> Invocation {
        self.as_here(self.server.command(args))
    }

    /// Any run, by this topology and this clock.
    pub fn as_here(&self, run: Invocation) -> Invocation {
        let run = run.in_dir(self.home.path());
        let run = if self.topology().exists() {
            run.env("UCP_STREAMS_TOPOLOGY", self.topology())
        } else {
            run
        };
        #[cfg(target_os = "linux")]
        if let Some(clock) = &self.clock {
            return clock.given_to(run);
        }
        run
    }

    #[track_caller]
    pub fn ucp(&self, args: &[&str]) -> Run {
        self.command(args).run()
    }

    #[track_caller]
    pub fn redis(&self, command: &str) -> super::Reply {
        self.server.redis(&command.split(' ').collect::<Vec<_>>())
    }

    /// Adds so many entries to the stream; the id of the last.
    #[track_caller]
    pub fn add(&self, stream: &str, count: usize) -> String {
        let command = ["XADD", stream, "*", "n", "1"];
        let replies = self.server.client().pipeline(&vec![command; count]);
        replies.last().unwrap().text().to_owned()
    }

    /// Adds entries with these ids.
    #[track_caller]
    pub fn add_at(&self, stream: &str, ids: impl Iterator<Item = u64>) {
        let mut client = self.server.client();
        for id in ids {
            client.send(&["XADD", stream, &id.to_string(), "n", "1"]);
        }
    }

    /// Delivers what is there to a consumer of the group; the ids.
    #[track_caller]
    pub fn deliver(&self, stream: &str, group: &str, consumer: &str) -> Vec<String> {
        let read = format!("XREADGROUP GROUP {group} {consumer} COUNT 100000 STREAMS {stream} >");
        let reply = self.redis(&read);
        let Some(of_stream) = reply.items().first() else {
            return Vec::new();
        };
        let entries = of_stream.items()[1].items().iter();
        entries.map(|it| it.items()[0].text().to_owned()).collect()
    }

    /// Acknowledges these.
    #[track_caller]
    pub fn ack(&self, stream: &str, group: &str, ids: &[String]) {
        for ids in ids.chunks(1000) {
            let ids = ids.iter().map(String::as_str);
            let command: Vec<&str> = ["XACK", stream, group].into_iter().chain(ids).collect();
            self.server.redis(&command);
        }
    }

    /// What is found.
    #[track_caller]
    pub fn findings(&self) -> Vec<Found> {
        findings(&self.ucp(&["doctor", "-o", "json"]))
    }

    /// Nothing is found.
    #[track_caller]
    pub fn is_silent(&self) {
        let found = self.findings();
        assert!(found.is_empty(), "{found:#?}");
    }

    /// Only `rules` find anything, once each, in any order.
    #[track_caller]
    pub fn finds(&self, rules: &[&str]) -> Vec<Found> {
        let found = self.findings();
        let mut names: Vec<&str> = found.iter().map(Found::rule).collect();
        names.sort_unstable();
        let mut rules = rules.to_vec();
        rules.sort_unstable();
        assert_eq!(names, rules, "{found:#?}");
        found
    }

    /// Only this rule finds anything, and that once.
    #[track_caller]
    pub fn finds_only(&self, rule: &str) -> Found {
        self.finds(&[rule]).remove(0)
    }

    /// This rule finds something, once, and these do.
    #[track_caller]
    pub fn finds_beside(&self, rule: &str, beside: &[&str]) -> Found {
        let rules: Vec<&str> = beside.iter().copied().chain([rule]).collect();
        let mut found = self.finds(&rules).into_iter();
        found.find(|it| it.rule() == rule).unwrap()
    }

    /// What a person sees who types `line` at a terminal of so many columns, and says yes to what the tool asks. A line that
    /// goes on is interrupted when it has had the `effect`.
    #[track_caller]
    pub fn types(&self, line: &str, columns: u16, effect: Option<&dyn Fn() -> bool>) -> Run {
        let exec = if effect.is_some() { "exec " } else { "" };
        let mut command = self.bash(&format!("{exec}{line}"));
        command.env("TERM", "dumb").env("UCP_STREAMS_PAGER", "cat");
        at_terminal(command, line, columns, effect)
    }

    /// A shell in which the tool, and redis-cli, are on PATH.
    fn bash(&self, script: &str) -> Command {
        let path = format!("PATH={}/bin:$PATH; ", self.home.path().display());
        let mut command = scene::bash(self.home.path(), &format!("{path}{script}"));
        command.env("UCP_STREAMS_URL", self.server.url());
        if self.topology().exists() {
            command.env("UCP_STREAMS_TOPOLOGY", self.topology());
        }
        #[cfg(target_os = "linux")]
        if let Some(clock) = &self.clock {
            command.envs(clock.env());
        }
        command
    }

    /// Runs the command of a finding as it is printed, with --yes where it is ours.
    #[track_caller]
    pub fn follow(&self, found: &Found) -> Run {
        let next = found.next();
        let script = if let Some(command) = next.strip_prefix("ucp-streams ") {
            format!("ucp-streams --yes {command}")
        } else {
            assert!(next.starts_with("redis-cli "), "{next}");
            next.to_owned()
        };
        let mut command = self.bash(&script);
        scene::run(&mut command, next)
    }
}

/// The findings of a run of `doctor -o json`.
#[track_caller]
pub fn findings(run: &Run) -> Vec<Found> {
    let json = run.stdout_json();
    let found: Vec<Found> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| Found(it.clone()))
        .collect();
    run.assert_code(i32::from(!found.is_empty()));
    found
}

/// A finding.
#[derive(Debug)]
pub struct Found(Value);

impl Found {
    #[track_caller]
    pub fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    pub fn rule(&self) -> &str {
        self.text("rule")
    }

    pub fn next(&self) -> &str {
        self.text("next")
    }

    /// It is that bad.
    #[track_caller]
    pub fn is(&self, severity: &str) -> &Self {
        assert_eq!(self.text("severity"), severity, "{self:#?}");
        self
    }

    /// It is about this stream, and this group where there is one.
    #[track_caller]
    pub fn is_about(&self, stream: &str, group: &str) -> &Self {
        let about = (self.text("stream"), self.text("group"));
        assert_eq!(about, (stream, group), "{self:#?}");
        self
    }

    /// What it says has this in it.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.text("summary").contains(text), "{text:?}: {self:#?}");
        self
    }

    /// It rests on these figures and no others; `*` is any value.
    #[track_caller]
    pub fn shows(&self, figures: &[(&str, &str)]) -> &Self {
        let evidence = self.0["evidence"].as_array().unwrap();
        assert_eq!(evidence.len(), figures.len(), "{self:#?}");
        for (figure, value) in figures {
            let found = self.figure(figure);
            assert!(
                *value == "*" || found == *value,
                "{figure} {value}: {self:#?}"
            );
        }
        self
    }

    /// A figure that it rests on.
    #[track_caller]
    pub fn figure(&self, name: &str) -> &str {
        let mut evidence = self.0["evidence"].as_array().unwrap().iter();
        let found = evidence.find(|it| it["figure"] == name);
        let found = found.unwrap_or_else(|| panic!("no {name}: {self:#?}"));
        assert_ne!(found["source"], "", "{self:#?}");
        found["value"].as_str().unwrap()
    }

    /// A figure that it rests on, as a number.
    #[track_caller]
    pub fn number(&self, name: &str) -> i64 {
        self.figure(name).parse().unwrap()
    }

    /// What it says to type next is this.
    #[track_caller]
    pub fn next_is(&self, command: &str) -> &Self {
        assert_eq!(self.next(), command, "{self:#?}");
        self
    }

    /// What it says to type next is this for redis-cli on the server of the site.
    #[track_caller]
    pub fn next_is_redis(&self, site: &Site, command: &str) -> &Self {
        let socket = site.server.socket().display();
        self.next_is(&format!("redis-cli -s {socket} {command}"))
    }
}
