//! Entries: one line each on a terminal, unless they are asked for at length.

use super::on_terminal;
use crate::support::TestServer;

fn filled() -> TestServer {
    let server = TestServer::start();
    let payload = r#"{"total":12.5,"currency":"EUR","items":["a long name of an article"]}"#;
    for n in 1..=20 {
        let id = format!("{}-0", 1_700_000_000_000_u64 + n);
        let fields = ["event_id", "e-1", "payload", payload, "empty", ""];
        server.redis(&[&["XADD", "orders", &id], &fields[..]].concat());
        server.redis(&["XADD", "events.raw", &id, "kind", "x"]);
    }
    server
}

#[test]
fn field_d4_an_entry_is_one_line_of_the_terminal() {
    let server = filled();
    for args in [&["tail", "orders"][..], &["read", "orders", "-10"]] {
        let run = on_terminal(&server, args);
        let lines = run.assert_code(0).stdout_lines();
        assert_eq!(lines.len(), 10, "{run}");
        for line in lines {
            assert!(line.chars().count() <= 80, "{run}");
            assert!(
                line.contains("  22:13:20  event_id=e-1 payload={\"total\":12.5")
                    && line.ends_with("… empty="),
                "{run}"
            );
        }
    }
    let both = on_terminal(&server, &["tail", "orders", "events.raw", "-n", "2"]);
    let lines = both.assert_code(0).stdout_lines();
    assert_eq!(lines.len(), 4, "{both}");
    both.stdout_has("  orders      event_id=")
        .stdout_has("  events.raw  kind=x\n");
    let few = on_terminal(
        &server,
        &["tail", "orders", "-n", "1", "--fields", "payload"],
    );
    few.stdout_has("22:13:20  payload={")
        .stdout_lacks("event_id");
}

#[test]
fn field_d4_long_shows_all_of_it() {
    let server = filled();
    for args in [
        &["tail", "orders", "-n", "1", "--long"][..],
        &["read", "orders", "-1", "--long"],
    ] {
        let run = on_terminal(&server, args);
        let lines = run.assert_code(0).stdout_lines();
        assert_eq!(lines[0], "1700000000020-0  2023-11-14T22:13:20.020Z");
        run.stdout_has("    \"total\": 12.5,\n").stdout_lacks("…");
        // Also where it is piped, which else has a form of its own.
        let piped = server.ucp(args);
        assert_eq!(piped.stdout_lines()[1], "  event_id  e-1", "{piped}");
        let json = server.ucp(&[args, &["-o", "json"]].concat());
        json.assert_code(2)
            .stderr_has("--long needs the table format");
    }
}

#[test]
fn field_d4_a_script_and_what_takes_entries_away_get_them_as_before() {
    let server = filled();
    let piped = server.ucp(&["tail", "orders", "-n", "1"]);
    assert!(
        piped
            .stdout()
            .starts_with("1700000000020-0\tevent_id=e-1\tpayload={\"total\":12.5"),
        "{piped}"
    );
    let table = server.ucp(&["tail", "orders", "-n", "1", "-o", "table"]);
    assert_eq!(table.stdout_lines()[1], "  event_id  e-1");
    for args in [
        &["get", "orders", "-1"][..],
        &["consume", "billing", "--stream", "orders", "--count", "1"],
    ] {
        server.try_redis(&["XGROUP", "CREATE", "orders", "billing", "0"]);
        let run = on_terminal(&server, args);
        run.assert_code(0).stdout_has("\n  event_id  e-1\n");
    }
}

#[test]
fn field_e9_what_nests_deeply_is_not_longer_for_its_indentation() {
    let server = TestServer::start();
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    server.redis(&["XADD", "orders", "1-0", "payload", &deep]);
    for args in [
        &["tail", "orders", "-n", "1", "--long"][..],
        &["get", "orders", "1-0"],
        &["read", "orders", "--long"],
    ] {
        let run = on_terminal(&server, args);
        let printed = run.assert_code(0).stdout().len();
        assert!(
            (10_000..1_000_000).contains(&printed),
            "{args:?}: {printed}"
        );
    }
}
