//! `pause` and `resume`: what is kept on the server, what the plan says, and where a pause is shown.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Run, TestServer, directory};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";
const KEY: &str = "{events.normalized}:paused:event-processors";

/// A server with the stream and the group, and a topology of one stream.
struct Site {
    server: TestServer,
    home: TempDir,
}

impl Site {
    fn new(topology: &str) -> Self {
        let (server, home) = (TestServer::start(), directory());
        let head = "[streams.\"events.normalized\"]\n";
        let topology = format!("{head}{topology}");
        std::fs::write(home.path().join("t.toml"), topology).unwrap();
        server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
        Self { server, home }
    }

    fn run(&self, args: &[&str]) -> Run {
        let topology = self.home.path().join("t.toml");
        let command = self.server.command(args).env("USER", "ann");
        command.env("UCP_STREAMS_TOPOLOGY", topology).run()
    }

    fn now_ms(&self) -> u64 {
        let time = self.server.redis(&["TIME"]);
        time.items()[0].text().parse::<u64>().unwrap() * 1000
    }

    fn is_paused(&self) -> bool {
        self.server.redis(&["EXISTS", KEY]).int() == 1
    }

    /// Adds an entry a second, the last one now.
    fn add_over_seconds(&self, count: u64) {
        let now_ms = self.now_ms();
        for ago in (0..count).rev() {
            let id = format!("{}-0", now_ms - ago * 1000);
            self.server.redis(&["XADD", STREAM, &id, "n", "1"]);
        }
    }
}

fn group_in(info: &Value) -> &Value {
    &info[0]["groups"][0]
}

#[test]
fn a_pause_is_kept_with_its_deadline_shown_everywhere_and_resumed() {
    let site = Site::new("maxlen = 1000\n");
    let reason = ["--reason", "database upgrade"];
    let pause = [&["pause", GROUP, "--for", "30m"][..], &reason, &["--yes"]].concat();
    let before_ms = site.now_ms();
    let run = site.run(&[&pause[..], &["-o", "json"]].concat());
    let row = run
        .assert_code(0)
        .stderr_has("to undo it: ucp-streams resume event-processors")
        .stdout_json();
    assert_eq!(
        (&row["is_done"], &row["state"]),
        (&true.into(), &"paused".into())
    );
    let kept: Value = serde_json::from_str(site.server.redis(&["GET", KEY]).text()).unwrap();
    let number = |name: &str| kept[name].as_u64().unwrap();
    assert_eq!(number("until_ms") - number("since_ms"), 1_800_000);
    assert!(number("since_ms") >= before_ms);
    assert!(kept["by"].as_str().unwrap().starts_with("ann@"), "{kept}");
    // A key that expires could be evicted.
    assert_eq!(site.server.redis(&["TTL", KEY]).int(), -1);
    site.run(&["audit", "-o", "json"])
        .assert_code(0)
        .stdout_has("\"command\":\"pause\"")
        .stdout_lacks("database");

    let told = "is paused since ";
    let info = site.run(&["info", STREAM, "-o", "json"]);
    let info = info.assert_code(0).stderr_has(told).stdout_json();
    assert_eq!(group_in(&info)["paused"]["reason"], "database upgrade");
    assert_eq!(group_in(&info)["paused"]["until"], row["until"]);
    site.run(&["groups", STREAM, "-o", "table"])
        .assert_code(0)
        .stderr_has(": database upgrade");
    site.run(&["info", STREAM, "-o", "table"])
        .assert_code(0)
        .stdout_has("PAUSED");
    let check = site.run(&["check", GROUP]);
    check.assert_code(1).stdout_has("it is paused since ");
    site.run(&["doctor"])
        .assert_code(1)
        .stdout_has("ucp-streams resume event-processors");
    let gauge = || {
        let metrics = site.run(&["metrics"]);
        let mut lines = metrics.assert_code(0).stdout().lines();
        let line = lines.find(|it| it.starts_with("ucp_streams_group_paused{"));
        line.unwrap().chars().last().unwrap()
    };
    assert_eq!(gauge(), '1');

    let dry = site.run(&["resume", GROUP, "--dry-run"]);
    dry.assert_code(0).stderr_has("would resume group");
    assert!(site.is_paused());
    site.run(&["resume", GROUP])
        .assert_code(0)
        .stderr_has("resumed group");
    assert!(!site.is_paused());
    site.run(&["resume", GROUP])
        .assert_code(0)
        .stderr_has("is not paused");
    assert_eq!(gauge(), '0');
    site.run(&["check", GROUP]).assert_code(0);
}

#[test]
fn nothing_is_paused_without_consent_or_a_group() {
    let site = Site::new("");
    site.run(&["pause", GROUP])
        .assert_code(6)
        .stderr_has("--yes")
        .stderr_has("stop reading, claiming and retrying within 5s");
    site.run(&["pause", GROUP, "--dry-run"])
        .assert_code(0)
        .stderr_has("until it is resumed");
    site.run(&["pause", "nobody", "--stream", STREAM, "--yes"])
        .assert_code(3);
    let reason = "x".repeat(1001);
    site.run(&["pause", GROUP, "--reason", &reason, "--yes"])
        .assert_code(2)
        .stderr_has("the reason has 1001 bytes");
    assert!(!site.is_paused());
}

#[test]
fn a_pause_takes_the_place_of_another_and_a_deadline_ends_it() {
    let site = Site::new("");
    let first = ["pause", GROUP, "--reason", "first", "--yes"];
    site.run(&first).assert_code(0);
    let second = ["pause", GROUP, "--for", "1h", "--dry-run"];
    site.run(&second)
        .assert_code(0)
        .stderr_has("in place of the pause since ")
        .stderr_has(": first");
    let over = r#"{"since_ms":1,"until_ms":2,"by":"ann"}"#;
    site.server.redis(&["SET", KEY, over]);
    let info = site.run(&["info", STREAM, "-o", "json"]);
    let info = info.assert_code(0).stderr_lacks("paused").stdout_json();
    assert_eq!(group_in(&info)["paused"], Value::Null);
    // What was over is swept away, and is no pause that was ended.
    site.run(&["resume", GROUP])
        .assert_code(0)
        .stderr_has("is not paused");
    assert!(!site.is_paused());
}

#[test]
fn nobody_is_missed_while_a_group_is_paused() {
    let site = Site::new("");
    site.server.redis(&["XADD", STREAM, "1-0", "n", "1"]);
    let check = ["check", GROUP, "--min-live", "1", "-o", "json"];
    let rules = || {
        let report = site.run(&check).stdout_json();
        let findings = report["findings"].as_array().unwrap().iter();
        let rule = |it: &Value| it["rule"].as_str().unwrap().to_owned();
        findings.map(rule).collect::<Vec<_>>()
    };
    assert!(rules().contains(&"min_live".to_owned()));
    site.run(&["pause", GROUP, "--yes"]).assert_code(0);
    let paused = rules();
    assert!(!paused.contains(&"min_live".to_owned()), "{paused:?}");
    assert!(paused.contains(&"paused".to_owned()), "{paused:?}");
}

#[test]
fn the_plan_says_how_long_the_room_lasts() {
    let site = Site::new("maxlen = 200\n");
    site.add_over_seconds(120);
    let plan = |length: &str| {
        let run = site.run(&["pause", GROUP, "--for", length, "--dry-run", "-o", "json"]);
        run.assert_code(0).stdout_json()
    };
    let long = plan("1h");
    assert_eq!(long["rows"][0]["loses_entries"], true);
    let told = long["summary"].as_str().unwrap();
    let room = "room: 80 entries can be added before MAXLEN trims one that the group has not read";
    assert!(told.contains(room), "{told}");
    assert!(
        told.ends_with(": entries would be lost before the pause ends"),
        "{told}"
    );
    let lasts_ms = long["rows"][0]["headroom_ms"].as_u64().unwrap();
    // At 60 a minute, 80 s.
    assert!((60_000..=110_000).contains(&lasts_ms), "{lasts_ms}");
    let short = plan("5s");
    assert_eq!(short["rows"][0]["loses_entries"], false);
    let told = short["summary"].as_str().unwrap();
    assert!(told.ends_with(": longer than the pause"), "{told}");
    let endless = site.run(&["pause", GROUP, "--dry-run"]);
    endless.stderr_has(": resume it before, or entries are lost");
}

#[test]
fn what_the_server_may_do_with_the_key_is_said() {
    let site = Site::new("");
    let set = |name: &str, value: &str| site.server.redis(&["CONFIG", "SET", name, value]);
    set("maxmemory", "1gb");
    for (policy, told) in [
        ("volatile-lru", "the pause has no expiry and is not deleted"),
        (
            "allkeys-lru",
            "the server may delete the pause as any other key",
        ),
    ] {
        set("maxmemory-policy", policy);
        site.run(&["pause", GROUP, "--dry-run"])
            .assert_code(0)
            .stderr_has(&format!("maxmemory-policy is {policy}: "))
            .stderr_has(told);
    }
    set("maxmemory-policy", "noeviction");
    site.run(&["pause", GROUP, "--dry-run"])
        .stderr_lacks("maxmemory");
    site.server.redis(&["HSET", KEY, "a", "b"]);
    for command in [&["pause", GROUP, "--yes"][..], &["resume", GROUP]] {
        site.run(command)
            .assert_code(6)
            .stderr_has("holds something else");
    }
    site.server.redis(&["DEL", KEY]);
    let user = ["ACL", "SETUSER", "op", "on", ">secret", "+@all"];
    let keys = [
        "%RW~events.normalized",
        "~{events.normalized}:dlq",
        "~ucp:audit",
    ];
    site.server.redis(&[&user[..], &keys].concat());
    let topology = site.home.path().join("t.toml");
    let pause = ["pause", GROUP, "--yes", "--user", "op"];
    let command = site.server.command(&pause);
    command
        .env("UCP_STREAMS_TOPOLOGY", topology)
        .env("UCP_STREAMS_PASSWORD", "secret")
        .run()
        .assert_code(5)
        .stderr_has(KEY);
    assert!(!site.is_paused());
}
