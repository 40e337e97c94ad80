//! `audit`: what destructive commands record, and how it is listed.

use serde_json::{Value, json};

use crate::seed::{GROUP, STREAM, held_by_two};
use crate::support::{Invocation, Run, TestServer, directory};

const AUDIT: &str = "ucp:audit";

fn command(server: &TestServer, args: &[&str]) -> Invocation {
    server.command(args).env("USER", "ada")
}

fn run(server: &TestServer, args: &[&str]) -> Run {
    command(server, args).run()
}

fn audit(server: &TestServer) -> Value {
    let listed = run(server, &["audit", "-o", "json"]);
    listed.assert_code(0).stdout_json()
}

#[test]
fn who_changed_what_is_listed_with_how_it_ended() {
    let server = held_by_two(4);
    assert_eq!(audit(&server), json!([]));
    let claim = ["claim", GROUP, "--idle", "5m", "--to", "c3", "--yes"];
    run(&server, &claim).assert_code(0);
    let ack = ["ack", GROUP, "1-0", "9-0", "--yes"];
    run(&server, &ack).assert_code(7);
    let rows = audit(&server);
    let [ack, claim] = &rows.as_array().unwrap()[..] else {
        panic!("two rows: {rows}");
    };
    let part = |row: &Value, keys: &[&str]| -> Vec<Value> {
        keys.iter().map(|key| row[key].clone()).collect()
    };
    let keys = [
        "command",
        "user",
        "stream",
        "group",
        "planned",
        "done",
        "ended",
        "exit_code",
    ];
    let wanted = json!(["claim", "ada", STREAM, GROUP, 4, 4, "done", 0]);
    assert_eq!(Value::from(part(claim, &keys)), wanted);
    let wanted = json!(["ack", "ada", STREAM, GROUP, 1, 1, "part", 7]);
    assert_eq!(Value::from(part(ack, &keys)), wanted);
    let host = claim["host"].as_str().unwrap();
    assert!(!host.is_empty() && claim["pid"].is_u64());
    assert!(ack["snapshot"].as_str() > claim["snapshot"].as_str());
    run(&server, &["audit", "--since", "1h", "--names"]).assert_code(0);
    let later = run(
        &server,
        &["audit", "--since", "2100-01-01T00:00:00Z", "-o", "json"],
    );
    assert_eq!(later.assert_code(0).stdout_json(), json!([]));
}

#[test]
fn nothing_is_recorded_without_consent_or_when_it_is_off() {
    let server = held_by_two(4);
    run(&server, &["ack", GROUP, "1-0", "--dry-run"]).assert_code(0);
    run(&server, &["ack", GROUP, "1-0"]).assert_code(6);
    assert_eq!(server.redis(&["EXISTS", AUDIT]).int(), 0);
    let off = |args: &[&str]| {
        command(&server, args)
            .file("ucp-streams.toml", "audit = \"off\"\n")
            .run()
    };
    off(&["ack", GROUP, "1-0", "--yes"]).assert_code(0);
    assert_eq!(server.redis(&["EXISTS", AUDIT]).int(), 0);
    off(&["audit"]).assert_code(3).stderr_has("audit = \"off\"");
    let named = command(&server, &["ack", GROUP, "2-0", "--yes"])
        .file("ucp-streams.toml", "audit = \"repairs\"\n")
        .run();
    named.assert_code(0);
    assert_eq!(server.redis(&["XLEN", "repairs"]).int(), 2);
}

#[test]
fn what_cannot_be_recorded_is_a_warning_and_the_change_is_made() {
    let server = held_by_two(4);
    server.redis(&["SET", AUDIT, "no stream"]);
    run(&server, &["ack", GROUP, "1-0", "--yes"])
        .assert_code(0)
        .stderr_has("this is not recorded in the audit stream `ucp:audit`: ")
        .stderr_has("WRONGTYPE");
    server.redis(&["DEL", AUDIT]);
    server.redis(&[
        "ACL",
        "SETUSER",
        "someone",
        "on",
        ">p",
        "allcommands",
        "allchannels",
        "~events.normalized",
    ]);
    let denied = command(
        &server,
        &["ack", GROUP, "2-0", "--yes", "--user", "someone"],
    )
    .env("UCP_STREAMS_PASSWORD", "p")
    .run();
    denied
        .assert_code(0)
        .stderr_has("this is not recorded in the audit stream `ucp:audit`: ");
    assert_eq!(
        server.redis(&["XPENDING", STREAM, GROUP]).items()[0].int(),
        4
    );
}

#[test]
fn a_command_that_was_cut_off_has_no_outcome_and_others_records_are_only_shown() {
    let server = held_by_two(4);
    let add = |fields: &[&str]| {
        server.redis(&[&["XADD", AUDIT, "*"][..], fields].concat());
    };
    add(&[
        "phase",
        "intent",
        "command",
        "claim",
        "user",
        "eve\u{1b}[31m",
        "planned",
        "7",
    ]);
    add(&["phase", "outcome", "of", "77-0", "exit", "x"]);
    add(&["anything", "else"]);
    let rows = audit(&server);
    assert_eq!(rows[0]["ended"], "open");
    assert_eq!(
        (&rows[0]["done"], &rows[0]["planned"]),
        (&Value::Null, &7.into())
    );
    let shown = run(&server, &["audit", "-o", "table"]);
    shown
        .assert_code(0)
        .stderr_has("2 entries in `ucp:audit` are no records of this tool");
    assert!(!shown.stdout().contains('\u{1b}'), "{}", shown.stdout());
}

#[test]
fn the_newest_change_can_be_undone_where_its_snapshot_is() {
    let server = held_by_two(4);
    let home = directory();
    let at_home = |args: &[&str]| command(&server, args).env("HOME", home.path()).run();
    at_home(&["ack", GROUP, "1-0", "--yes"]).assert_code(0);
    let listed = at_home(&["audit"]);
    let id = audit(&server)[0]["snapshot"].as_str().unwrap().to_owned();
    listed.stderr_has(&format!("to undo the newest: ucp-streams undo {id}"));
    // Elsewhere there is no such file.
    run(&server, &["audit"]).assert_code(0).stderr_lacks("undo");
    at_home(&["undo", &id, "--yes"]).assert_code(0);
    let rows = audit(&server);
    assert_eq!(
        (&rows[0]["command"], &rows[0]["ended"]),
        (&"undo".into(), &"done".into())
    );
}

#[test]
fn doctor_ends_with_the_last_change_and_its_undo_on_a_terminal() {
    let server = held_by_two(4);
    let home = directory();
    let at_home = |args: &[&str]| command(&server, args).env("HOME", home.path());
    at_home(&["ack", GROUP, "1-0", "--yes"])
        .run()
        .assert_code(0);
    let id = audit(&server)[0]["snapshot"].as_str().unwrap().to_owned();
    let shown = at_home(&["doctor"]).on_terminals(160).run();
    shown
        .stderr_has(&format!("last change: `ack` of group `{GROUP}`, "))
        .stderr_has(" ago, by ada on ")
        .stderr_has(&format!(
            ": done (1 of 1); to undo it: ucp-streams undo {id}"
        ));
    at_home(&["doctor"]).run().stderr_lacks("last change");
    let elsewhere = command(&server, &["doctor"]).on_terminals(160).run();
    elsewhere
        .stderr_has("done (1 of 1)")
        .stderr_lacks("to undo it");
}
