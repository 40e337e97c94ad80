//! `init`.

use crate::support::TestServer;

#[test]
fn creates_the_platforms_groups_once() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0).stdout_is(
        "group\tstream\tstate\tstart\tlast_delivered_id\n\
         event-processors\tevents.normalized\tcreated\t0\t\n\
         merge-processors\tprofiles.merge_requests\tcreated\t0\t\n\
         prediction-processors\tpredictions.requests\tcreated\t0\t\n",
    );
    let groups = server.redis(&["XINFO", "GROUPS", "events.normalized"]);
    assert_eq!(groups.items()[0].field("name").text(), "event-processors");
    assert_eq!(groups.items()[0].field("last-delivered-id").text(), "0-0");
    let again = server.ucp(&["init", "-o", "json"]);
    let rows = again.assert_code(0).stderr_is_empty().stdout_json();
    assert_eq!(rows[1]["state"], "exists");
    assert_eq!(rows[1]["last_delivered_id"], "0-0");
}

#[test]
fn a_dry_run_changes_nothing() {
    let server = TestServer::start();
    server
        .ucp(&["init", "--dry-run"])
        .assert_code(0)
        .stdout_has("event-processors\tevents.normalized\tmissing");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_group_that_stands_elsewhere_is_said_and_left() {
    let server = TestServer::start();
    server.redis(&["XADD", "events.normalized", "7-1", "a", "b"]);
    server.redis(&[
        "XGROUP",
        "CREATE",
        "events.normalized",
        "event-processors",
        "$",
    ]);
    server
        .ucp(&["init", "event-processors"])
        .assert_code(0)
        .stdout_has("\tdiffers\t0\t7-1")
        .stderr_has(
            "warning: group `event-processors` of `events.normalized` exists already, at 7-1 instead of 0",
        );
    let groups = server.redis(&["XINFO", "GROUPS", "events.normalized"]);
    assert_eq!(groups.items()[0].field("last-delivered-id").text(), "7-1");
}

#[test]
fn a_start_at_the_end_skips_what_is_there() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "7-1", "a", "b"]);
    server
        .ucp(&["init", "auditors", "--stream", "orders", "--start", "$"])
        .assert_code(0)
        .stdout_has("auditors\torders\tcreated\t$");
    let groups = server.redis(&["XINFO", "GROUPS", "orders"]);
    assert_eq!(groups.items()[0].field("last-delivered-id").text(), "7-1");
}

#[test]
fn the_end_of_an_empty_stream_is_where_it_stands() {
    let server = TestServer::start();
    let args = ["init", "auditors", "--stream", "orders", "--start", "$"];
    server.ucp(&args).assert_code(0).stdout_has("\tcreated\t$");
    server
        .ucp(&args)
        .assert_code(0)
        .stdout_has("auditors\torders\texists\t$\t0-0")
        .stderr_is_empty();
    let create = [
        "groups", "create", "auditors", "--stream", "orders", "--start", "$",
    ];
    server.ucp(&create).assert_code(0).stderr_is_empty();
    // There are entries now that one at the end would not read.
    server.redis(&["XADD", "orders", "7-1", "a", "b"]);
    server
        .ucp(&args)
        .assert_code(0)
        .stdout_has("\tdiffers\t$\t0-0");
}

#[test]
fn a_group_that_has_read_is_where_it_is_to_be_for_both_commands() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "7-1", "a", "b"]);
    server.redis(&["XGROUP", "CREATE", "orders", "auditors", "0"]);
    let read = [
        "XREADGROUP",
        "GROUP",
        "auditors",
        "c",
        "STREAMS",
        "orders",
        ">",
    ];
    server.redis(&read);
    server.redis(&["XACK", "orders", "auditors", "7-1"]);
    // As a worker that ends does.
    server.redis(&["XGROUP", "DELCONSUMER", "orders", "auditors", "c"]);
    for command in [&["init"][..], &["groups", "create"]] {
        let args = [command, &["auditors", "--stream", "orders", "--start", "0"]].concat();
        server
            .ucp(&args)
            .assert_code(0)
            .stdout_has("exists")
            .stderr_is_empty();
    }
}

#[test]
fn what_is_wrong_changes_nothing() {
    let server = TestServer::start();
    server
        .ucp(&["init", "event-procesors"])
        .assert_code(3)
        .stderr_has("did you mean `event-processors`?");
    server
        .ucp(&["init", "--start", "5-1"])
        .assert_code(2)
        .stderr_has("a group starts at 0");
    server.ucp(&["init", "--stream", "s"]).assert_code(2);
    server.redis(&["SET", "profiles.merge_requests", "x"]);
    server
        .ucp(&["init"])
        .assert_code(3)
        .stdout_is("")
        .stderr_has("`profiles.merge_requests` is not a stream: the key holds a string");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 1);
}

#[test]
fn without_permission_the_rule_is_named() {
    let server = TestServer::start();
    server.add_user("bob", "~* +hello +auth +xinfo|groups +eval +evalsha");
    server
        .command_as("bob", &["init"])
        .run()
        .assert_code(5)
        .stderr_has("ACL SETUSER bob +xgroup|create");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_dry_run_says_what_it_would_do() {
    let server = TestServer::start();
    server
        .ucp(&["init", "event-processors", "--dry-run"])
        .assert_code(0)
        .stderr_has("nothing was changed: without --dry-run this would create `event-processors` of `events.normalized`");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
    server.ucp(&["init"]).assert_code(0).stderr_is_empty();
    server
        .ucp(&["init", "--dry-run"])
        .assert_code(0)
        .stderr_has("would create nothing: every group exists");
}
