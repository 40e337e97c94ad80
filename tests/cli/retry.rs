//! `retry`: which entries are made due, and what is said of the others.

use crate::seed::{GROUP, STREAM, held_by_two, pending};

const DUE: &str = "{events.normalized}:due:event-processors";

#[test]
fn what_nobody_live_holds_may_be_claimed_at_once_with_its_count() {
    let server = held_by_two(4);
    let before = pending(&server, STREAM, GROUP);
    let retry = ["retry", GROUP, "1-0", "2-0", "9-9"];
    server.ucp(&retry).assert_code(6).stderr_has("--yes");
    let run = server.ucp(&[&retry[..], &["--yes", "-o", "json"]].concat());
    let rows = run.assert_code(7).stdout_json();
    let outcomes: Vec<&str> = { rows.as_array().unwrap().iter() }
        .map(|it| it["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["due", "due", "not_pending"]);
    assert_eq!(
        pending(&server, STREAM, GROUP),
        before,
        "owners and counts stay"
    );
    let idle_ms = |id: &str| {
        let rows = server.redis(&["XPENDING", STREAM, GROUP, id, id, "1"]);
        rows.items()[0].items()[2].int()
    };
    // Since 1970.
    assert!(idle_ms("1-0") > 1_000_000_000_000);
    assert!(idle_ms("3-0") < 1_000_000_000);
    let marks = server.redis(&["HKEYS", DUE]);
    assert_eq!(marks.texts(), ["1-0", "2-0"]);
    let ttl_ms = server.redis(&["PTTL", DUE]).int();
    assert!((1..=60_000).contains(&ttl_ms), "{ttl_ms}");
}

#[test]
fn what_another_program_may_be_handling_is_left_unless_forced() {
    let server = held_by_two(4);
    let claim = ["XCLAIM", STREAM, GROUP, "c1", "0", "1-0", "JUSTID"];
    server.redis(&claim);
    let retry = ["retry", GROUP, "1-0", "--yes", "-o", "json"];
    let run = server.ucp(&retry);
    assert_eq!(run.stdout_json()[0]["outcome"], "fresh");
    assert_eq!(server.redis(&["EXISTS", DUE]).int(), 0);
    let run = server.ucp(&[&retry[..], &["--force"]].concat());
    assert_eq!(run.assert_code(0).stdout_json()[0]["outcome"], "due");
}

#[test]
fn nothing_pending_is_not_found() {
    let server = held_by_two(4);
    server.ucp(&["retry", GROUP, "9-9", "--yes"]).assert_code(3);
    server
        .ucp(&["retry", GROUP, "--consumer", "nobody", "--yes"])
        .assert_code(3);
    server
        .ucp(&["retry", GROUP, "--min-deliveries", "99", "--yes"])
        .assert_code(0);
}
