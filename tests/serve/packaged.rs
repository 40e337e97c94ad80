//! The packaged alert rules and dashboard: what they ask for is there.

use std::collections::BTreeSet;
use std::process::Command;

use regex::Regex;

use crate::client::serve;
use crate::support::TestServer;

const RULES: &str = include_str!("../../packaging/prometheus/ucp-streams.rules.yml");
const DASHBOARD: &str = include_str!("../../packaging/grafana/ucp-streams.json");

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\b(?:ucp_streams|redis_stream)_[a-z_]+\b").unwrap();
    name.find_iter(text)
        .map(|it| it.as_str().to_owned())
        .collect()
}

/// The metrics that a server with entries, a pending one and a full stream has.
fn served() -> BTreeSet<String> {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let stream = "events.normalized";
    // Entries over half a minute, so that there is a rate, and with it a time until the stream is full.
    let (seconds, rest) = {
        let time = server.redis(&["TIME"]);
        let seconds: u64 = time.items()[0].text().parse().unwrap();
        (seconds, "-0")
    };
    for ago in (0..50).rev() {
        let id = format!("{}{rest}", (seconds - ago) * 1000);
        server.redis(&["XADD", stream, &id, "n", "1"]);
    }
    server.deliver((stream, "event-processors"), "c", 1);
    let site = serve(&server, &[]);
    let metrics = site.get("/metrics").body;
    let names = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    names
        .map(|it| it.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_metric_that_is_asked_for_exists() {
    let served = served();
    for (text, what) in [(RULES, "the alert rules"), (DASHBOARD, "the dashboard")] {
        let asked = named(text);
        assert!(asked.len() > 5, "{what}");
        let missing: Vec<_> = asked.difference(&served).collect();
        assert!(missing.is_empty(), "{what}: {missing:?} of {served:?}");
    }
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{}", panel["title"]);
        for target in targets {
            assert!(
                !named(target["expr"].as_str().unwrap()).is_empty(),
                "{}",
                panel["title"]
            );
        }
    }
}

#[test]
fn every_alert_says_what_to_type() {
    let alerts = RULES.matches("- alert: ").count();
    assert!(alerts > 8);
    for key in ["expr: ", "severity: ", "summary: ", "next: \""] {
        assert!(RULES.matches(key).count() >= alerts, "{key}");
    }
    // Where Prometheus is installed, it reads them.
    let checked = Command::new("promtool")
        .args([
            "check",
            "rules",
            "packaging/prometheus/ucp-streams.rules.yml",
        ])
        .output();
    match checked {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        output => {
            let output = output.unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}
