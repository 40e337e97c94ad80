//! What is true of every script: an error means that nothing was changed, whatever key has the wrong type, whichever
//! command the user may not run, whoever holds the fence.

use ucp_streams::wire::{Connection, ErrorKind, Fence};

use crate::cases::{CASES, Case, arrange, lease};
use crate::fixture::Fixture;

#[test]
fn each_script_changes_something_when_all_is_well() {
    let fixture = Fixture::new();
    for case in &CASES {
        arrange(&fixture);
        let before = fixture.state();
        let outcome = (case.call)(&fixture, fixture.connection(), None);
        let outcome = outcome.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        // A renewal changes idle times only.
        assert_eq!(
            fixture.state() == before,
            case.name == "renew",
            "{}: {outcome}",
            case.name
        );
    }
}

/// The script is refused as `kind` over `connection`, and leaves all as it was; `with` is what was changed beforehand.
#[track_caller]
fn assert_refused(
    fixture: &Fixture,
    (case, connection): (&Case, &Connection),
    kind: ErrorKind,
    with: &str,
) {
    let before = fixture.state();
    let error = (case.call)(fixture, connection, None).expect_err(case.name);
    assert_eq!(error.kind, kind, "{} {with}: {error}", case.name);
    assert_eq!(fixture.state(), before, "{} {with}", case.name);
}

#[test]
fn a_key_of_the_wrong_type_changes_nothing() {
    let fixture = Fixture::new();
    for case in &CASES {
        for key in case.keys {
            arrange(&fixture);
            fixture.server.redis(&["DEL", key]);
            fixture.server.redis(&["SET", key, "text"]);
            let call = (case, fixture.connection());
            assert_refused(&fixture, call, ErrorKind::WrongType, key);
        }
    }
}

#[test]
fn a_user_without_one_of_the_permissions_changes_nothing() {
    let fixture = Fixture::new();
    for case in &CASES {
        for command in case.writes {
            arrange(&fixture);
            let rules = format!("~* +@all -{command}");
            fixture.server.add_user("limited", &rules);
            let limited = fixture.connect("user=limited&pass=pw");
            assert_refused(&fixture, (case, &limited), ErrorKind::NoPerm, &rules);
        }
    }
}

#[test]
fn a_user_without_one_of_the_keys_changes_nothing() {
    let fixture = Fixture::new();
    for case in &CASES {
        for key in case.keys {
            arrange(&fixture);
            let others = case.keys.iter().filter(|other| *other != key);
            let others = others.map(|other| format!("~{other}"));
            let rules: Vec<String> = others.chain([format!("+@all %R~{key}")]).collect();
            let rules = rules.join(" ");
            fixture.server.add_user("limited", &rules);
            let limited = fixture.connect("user=limited&pass=pw");
            assert_refused(&fixture, (case, &limited), ErrorKind::NoPerm, &rules);
        }
    }
}

#[test]
fn a_fence_that_another_holds_stops_every_write_of_the_worker() {
    let fixture = Fixture::new();
    let fence = |token: &str| Fence {
        key: "{s}:lease:g".into(),
        token: token.to_owned(),
    };
    let (ours, theirs) = (fence("us"), fence("them"));
    for case in CASES.iter().filter(|case| case.is_fenced) {
        arrange(&fixture);
        let call = |fence| (case.call)(&fixture, fixture.connection(), Some(fence));
        let unheld = fixture.state();
        let error = call(&ours).expect_err(case.name);
        assert_eq!(
            error.kind,
            ErrorKind::Fenced,
            "{}: nobody has it: {error}",
            case.name
        );
        assert_eq!(fixture.state(), unheld, "{}", case.name);
        lease(&fixture, fixture.connection(), &ours).unwrap();
        let held = fixture.state();
        let error = call(&theirs).expect_err(case.name);
        assert_eq!(error.kind, ErrorKind::Fenced, "{}: {error}", case.name);
        assert_eq!(fixture.state(), held, "{}", case.name);
        call(&ours).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    }
}

#[test]
fn a_fence_of_the_wrong_type_stops_the_worker_too() {
    let fixture = Fixture::new();
    let fence = Fence {
        key: "{s}:lease:g".into(),
        token: "us".into(),
    };
    for case in CASES.iter().filter(|case| case.is_fenced) {
        arrange(&fixture);
        fixture.server.redis(&["LPUSH", "{s}:lease:g", "us"]);
        let before = fixture.state();
        let outcome = (case.call)(&fixture, fixture.connection(), Some(&fence));
        let error = outcome.expect_err(case.name);
        assert_eq!(error.kind, ErrorKind::WrongType, "{}: {error}", case.name);
        assert_eq!(fixture.state(), before, "{}", case.name);
    }
}

#[test]
fn memory_that_is_full_changes_nothing() {
    let fixture = Fixture::new();
    for case in CASES.iter().filter(|case| case.writes.contains(&"xadd")) {
        fixture.server.redis(&["CONFIG", "SET", "maxmemory", "0"]);
        arrange(&fixture);
        fixture.server.redis(&["CONFIG", "SET", "maxmemory", "1"]);
        let call = (case, fixture.connection());
        assert_refused(&fixture, call, ErrorKind::OutOfMemory, "maxmemory 1");
    }
}
