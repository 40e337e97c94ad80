//! `metrics`, and that its figures are those of `info`.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::seed::{GROUP, STREAM, deliver, stream_with_group};
use crate::support::{TestServer, directory};

/// The samples of a text, by their name with its labels. The test fails on a line that is not one of the format.
fn samples(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut described = "";
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<&str> = comment.splitn(3, ' ').collect();
            assert!(matches!(words[0], "HELP" | "TYPE"), "{line}");
            described = words[1];
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap();
        assert_eq!(name, described, "each sample is under its metric");
        assert!(labels.ends_with('}'), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let twice = found.insert(series.to_owned(), value.to_owned());
        assert!(twice.is_none(), "{line}");
    }
    found
}

fn of_group(metric: &str) -> String {
    format!("{metric}{{db=\"db0\",stream=\"{STREAM}\",group=\"{GROUP}\"}}")
}

fn of_stream(metric: &str) -> String {
    format!("{metric}{{db=\"db0\",stream=\"{STREAM}\"}}")
}

#[test]
fn they_say_what_info_says() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c", 6);
    server.redis(&["XACK", STREAM, GROUP, "1-0"]);
    let run = server.ucp(&["metrics"]);
    let found = samples(run.assert_code(0).stdout());
    let info = server.ucp(&["info", STREAM, "-o", "json"]).stdout_json();
    let (stream, group) = (&info[0], &info[0]["groups"][0]);
    for (series, expected) in [
        (of_stream("redis_stream_length"), &stream["length"]),
        (of_stream("ucp_streams_stream_maxlen"), &stream["maxlen"]),
        (
            of_stream("ucp_streams_stream_entries_added_total"),
            &stream["entries_added"],
        ),
        (
            of_stream("ucp_streams_stream_dead_letters"),
            &stream["dead_letters"],
        ),
        (of_group("redis_stream_group_lag"), &group["lag"]["entries"]),
        (
            of_group("redis_stream_group_messages_pending"),
            &group["pending"],
        ),
        (
            of_group("ucp_streams_group_oldest_pending_deliveries"),
            &group["oldest_pending_deliveries"],
        ),
        (of_group("ucp_streams_group_live_consumers"), &group["live"]),
        (
            of_group("ucp_streams_group_room"),
            &group["headroom"]["entries"],
        ),
    ] {
        assert!(expected.is_u64(), "{series}: {expected}");
        assert_eq!(found[&series], expected.to_string(), "{series}");
    }
    assert_eq!(found[&of_group("redis_stream_group_lag")], "4");
    assert_eq!(found[&of_group("ucp_streams_group_deliveries_max")], "1");
    assert_eq!(found[&of_stream("redis_stream_groups")], "1");
    assert_eq!(found["ucp_streams_up{db=\"db0\"}"], "1");
    let age = &found[&of_group("ucp_streams_group_oldest_pending_age_seconds")];
    let age: f64 = age.parse().unwrap();
    let age_ms = group["oldest_pending_age_ms"].as_f64().unwrap();
    assert!((age_ms / 1000.0 - age).abs() < 60.0, "{age} {age_ms}");
    let missing = "ucp_streams_findings{db=\"db0\",rule=\"missing\"}";
    assert_eq!(found[missing], "2");
    assert_eq!(
        found["ucp_streams_verdict{db=\"db0\",severity=\"CRITICAL\"}"],
        "1"
    );
    assert_eq!(
        found["ucp_streams_verdict{db=\"db0\",severity=\"OK\"}"],
        "0"
    );
    // A group that is not there has no figures, only that it is not there.
    let merge = "{db=\"db0\",stream=\"profiles.merge_requests\",group=\"merge-processors\"}";
    let of_missing = found.iter().filter(|(series, _)| series.ends_with(merge));
    let of_missing: Vec<_> = of_missing
        .map(|(series, value)| (series.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        of_missing,
        [(format!("ucp_streams_group_exists{merge}").as_str(), "0")]
    );
}

#[test]
fn a_lag_that_is_not_known_has_no_sample_and_a_bound_is_one_of_its_own() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 12_000);
    deliver(&server, STREAM, GROUP, "c", 1);
    // Now the server no longer knows the lag, and more than is counted is undelivered.
    server.redis(&["XDEL", STREAM, "5000-0"]);
    let file = server.command(&["metrics"]).file(
        "topology.toml",
        format!("[[streams]]\nname = \"{STREAM}\"\nmax_lag = \"off\"\n"),
    );
    let run = file.run();
    let found = samples(run.assert_code(0).stdout());
    assert_eq!(found.get(&of_group("redis_stream_group_lag")), None);
    assert_eq!(found[&of_group("ucp_streams_group_lag_known")], "0");
    let bound = |metric: &str| {
        let value = found.get(&of_group(metric));
        value.map(|it| it.parse::<u64>().unwrap())
    };
    let least = bound("ucp_streams_group_lag_at_least");
    let most = bound("ucp_streams_group_lag_at_most");
    assert!(least.is_some() || most.is_some());
    assert!(
        least.is_none_or(|it| it > 1000 && it <= 11_998),
        "{least:?}"
    );
    assert!(most.is_none_or(|it| it >= 11_998), "{most:?}");
}

#[test]
fn the_last_change_and_those_without_an_outcome_are_told_without_a_name() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 2);
    let found = || samples(server.ucp(&["metrics"]).assert_code(0).stdout());
    let last = "ucp_streams_last_change_timestamp_seconds{db=\"db0\"}";
    let open = "ucp_streams_open_changes{db=\"db0\"}";
    assert!(!found().contains_key(last) && !found().contains_key(open));
    let add = |id: &str, fields: &[&str]| {
        server.redis(&[&["XADD", "ucp:audit", id][..], fields].concat());
    };
    let intent = ["phase", "intent", "command", "claim", "group", GROUP];
    add("1500-0", &intent);
    let told = found();
    assert_eq!((&*told[last], &*told[open]), ("1.5", "1"));
    add("2000-0", &["phase", "outcome", "of", "1500-0", "exit", "0"]);
    let told = found();
    assert_eq!((&*told[last], &*told[open]), ("1.5", "0"));
}

#[test]
fn a_file_is_replaced_in_one_step_and_says_when_the_server_is_away() {
    let mut server = TestServer::start();
    let home = directory();
    let file = home.path().join("ucp.prom");
    let path = file.to_str().unwrap();
    fs::write(&file, "old").unwrap();
    let before = fs::File::open(&file).unwrap();
    server.ucp(&["init"]).assert_code(0);
    server
        .ucp(&["metrics", "--textfile", path])
        .assert_code(0)
        .stdout_is("");
    // Whoever had it open reads it as it was: it was not written over.
    let mut kept = String::new();
    std::io::Read::read_to_string(&mut { before }, &mut kept).unwrap();
    assert_eq!(kept, "old");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(samples(&text)[&of_group("redis_stream_group_lag")], "0");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);

    server.kill();
    server
        .ucp(&["metrics", "--textfile", path])
        .assert_code(4)
        .stderr_has("cannot connect");
    let found = samples(&fs::read_to_string(&file).unwrap());
    assert_eq!(found["ucp_streams_up{db=\"db0\"}"], "0");
    assert_eq!(found["ucp_streams_scrape_errors_total{db=\"db0\"}"], "1");
    assert_eq!(found.len(), 3);
    server.ucp(&["metrics"]).assert_code(4).stdout_is("");
}

#[test]
fn a_place_where_it_may_not_write_is_named() {
    let server = TestServer::start();
    server
        .ucp(&["metrics", "--textfile", "nowhere/ucp.prom"])
        .assert_code(74)
        .stderr_has("cannot write the metrics to nowhere/ucp.prom");
}

#[test]
fn a_hostile_name_stays_within_its_label() {
    let server = TestServer::start();
    let group = "g\"} 1\nredis_stream_length{x=\"";
    server.redis(&["XGROUP", "CREATE", STREAM, group, "0", "MKSTREAM"]);
    let run = server.ucp(&["metrics"]);
    let found = samples(run.assert_code(0).stdout());
    assert!(
        found
            .keys()
            .any(|it| it.starts_with("redis_stream_group_lag") && it.contains("g\\\"}"))
    );
}
