//! A real Prometheus reads the metrics and evaluates the packaged rules, where one is installed.

use std::fs;
use std::io::ErrorKind;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::client::{ask_at, serve};
use crate::support::{PATIENCE, Running, TestServer, directory, free_port, until};

const README: &str = include_str!("../../README.md");

/// The configuration on the page, with what it names put in place of each other, asked every second.
fn config(names: &[(&str, &str)]) -> String {
    let (_, rest) = README.split_once("```yaml\n").unwrap();
    let (config, rest) = rest.split_once("```").unwrap();
    assert!(!rest.contains("```yaml"), "one configuration");
    let quick = "global: {scrape_interval: 1s, evaluation_interval: 1s}\n".to_owned();
    names.iter().fold(quick + config, |text, (there, here)| {
        assert_eq!(text.matches(there).count(), 1, "{there}");
        text.replace(there, here)
    })
}

#[test]
fn it_scrapes_the_figures_and_fires_the_alerts() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for n in ["1", "2", "3"] {
        server.redis(&["XADD", "events.normalized", &format!("{n}-0"), "n", n]);
    }
    let site = serve(&server, &[]);
    let home = directory();
    let rules = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/packaging/prometheus/ucp-streams.rules.yml"
    );
    // As packaged, but for how long a state must last: nobody waits for minutes here.
    let rules = fs::read_to_string(rules).unwrap();
    let lines = rules.lines();
    let quick: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("for: "))
        .collect();
    fs::write(home.path().join("rules.yml"), quick.join("\n")).unwrap();
    let config = config(&[
        (
            "/usr/share/doc/ucp-streams/examples/ucp-streams.rules.yml",
            "rules.yml",
        ),
        ("127.0.0.1:7070", &site.address),
    ]);
    fs::write(home.path().join("prometheus.yml"), config).unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let started = Command::new("prometheus")
        .current_dir(home.path())
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child = match started {
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        started => started.unwrap(),
    };
    let _running = Running(child);
    let ask = |path: &str| -> Option<Value> {
        // HTTP/1.0, so that the answer does not come in chunks.
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        let answer = ask_at(&address, &request).ok()?;
        serde_json::from_str(&answer.body).ok()
    };
    until(PATIENCE, "the first scrape", || {
        let found = ask("/api/v1/query?query=redis_stream_length");
        found.is_some_and(|it| {
            it["data"]["result"]
                .as_array()
                .is_some_and(|it| !it.is_empty())
        })
    });
    let found =
        ask("/api/v1/query?query=redis_stream_length%7Bstream=%22events.normalized%22%7D").unwrap();
    assert_eq!(found["data"]["result"][0]["value"][1], "3", "{found}");
    let alerts = || -> Vec<String> {
        let found = ask("/api/v1/alerts").unwrap_or_default();
        let alerts = found["data"]["alerts"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let firing = alerts.iter().filter(|it| it["state"] == "firing");
        firing
            .map(|it| it["labels"]["alertname"].as_str().unwrap().to_owned())
            .collect()
    };
    until(
        PATIENCE,
        "the alert about a group that nobody reads",
        || alerts().iter().any(|it| it == "UcpStreamsNoLiveConsumer"),
    );
    assert!(!alerts().iter().any(|it| it == "UcpStreamsRedisAway"));
    drop(server);
    until(PATIENCE, "the alert about a server that is away", || {
        alerts().iter().any(|it| it == "UcpStreamsRedisAway")
    });
}
