//! The thresholds in the topology file.

use serde_json::json;

use super::scene::{GROUP, STREAM, backlog, handle};
use crate::support::{Invocation, TestServer};

fn with(alert: &str, args: &[&str]) -> Invocation {
    let topology = format!("[groups.{GROUP}]\nalert = {{ {alert} }}\n");
    Invocation::new(args).file("ucp-streams.toml", topology)
}

#[test]
fn field_a3_thresholds_are_read_as_one_value_or_as_two() {
    let shown = with(
        "max_lag = [10, 20], max_pending = 5, min_room = [\"2h\", \"5m\"], max_age = false",
        &["topology", "show", "-o", "json"],
    );
    let shown = shown.run().assert_code(0).stdout_json();
    let mut groups = shown["groups"].as_array().unwrap().iter();
    let group = groups.find(|group| group["name"] == GROUP).unwrap();
    assert_eq!(
        group["alert"],
        json!({
            "max_lag": [10, 20], "max_pending": 5, "max_idle_ms": 300_000, "max_age_ms": null,
            "max_lost": 0, "min_room_ms": [7_200_000, 300_000], "min_live": 1,
            "max_dead_letters": [0, 1000]
        })
    );
}

#[test]
fn field_a3_a_threshold_in_the_wrong_order_or_unit_is_refused_by_its_key() {
    for (alert, complaint) in [
        (
            "max_lag = [20, 10]",
            "alert.max_lag: the first value is for the warning, and must not be more than the second",
        ),
        (
            "min_room = [\"10m\", \"1h\"]",
            "alert.min_room: the first value is for the warning, and must not be less than the second",
        ),
        ("min_live = [1, 2]", "alert.min_live: the first value is"),
        ("min_room = 600", "alert.min_room: must be a duration"),
        ("min_room = \"600\"", "alert.min_room: `600` has no unit"),
        ("max_age = [\"1h\", 5]", "alert.max_age: must be a duration"),
        ("max_lag = \"5m\"", "alert.max_lag: must be a whole number"),
        ("max_lag = [1, 2, 3]", "alert.max_lag: must be one value"),
        ("max_lost = [\"1\"]", "alert.max_lost: must be one value"),
        ("max_rom = 5", "unknown key `max_rom`"),
    ] {
        for command in [&["topology", "check", "--offline"][..], &["lag"]] {
            let run = with(alert, command).run();
            run.assert_code(2).stderr_has(complaint);
        }
    }
}

#[test]
fn field_a3_a_warning_is_less_than_critical() {
    let server = TestServer::start();
    backlog(&server, 30);
    handle(&server, STREAM, GROUP, 10);
    for (max_lag, alerts, severity) in [
        ("[20, 40]", json!([]), json!(null)),
        ("[19, 40]", json!(["max_lag"]), json!("warning")),
        ("[10, 19]", json!(["max_lag"]), json!("critical")),
        ("20", json!([]), json!(null)),
        ("19", json!(["max_lag"]), json!("critical")),
    ] {
        let run = with(
            &format!("max_lag = {max_lag}"),
            &["lag", GROUP, "-o", "json"],
        )
        .env("UCP_STREAMS_URL", server.url())
        .run();
        let lag = run.assert_code(0).stdout_json()[0].clone();
        assert_eq!(
            (&lag["alerts"], &lag["severity"]),
            (&alerts, &severity),
            "{max_lag}"
        );
    }
}
