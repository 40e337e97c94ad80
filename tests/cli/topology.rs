//! `topology`.

use crate::support::{Invocation, TestServer, ucp};

const OWN: &str = r#"
[streams.orders]
maxlen = 500
[streams.orders.fields]
number = "integer"
[groups.billing]
stream = "orders"
"#;

#[test]
fn what_is_shown_gives_the_same_topology_again() {
    let shown = ucp(&["topology", "show"]);
    shown
        .assert_code(0)
        .stderr_is_empty()
        .stdout_has("[streams.\"events.raw\"]\nmaxlen = 10000");
    let own = Invocation::new(&["topology", "show"])
        .file("ucp-streams.toml", OWN)
        .run();
    own.assert_code(0)
        .stdout_has("[groups.billing]")
        .stdout_has("maxlen = 500");
    let again = Invocation::new(&["topology", "show"])
        .file("elsewhere.toml", own.stdout())
        .env("UCP_STREAMS_TOPOLOGY", "elsewhere.toml")
        .run();
    again.assert_code(0).stdout_is(own.stdout());
}

#[test]
fn as_json_it_has_everything_too() {
    let run = Invocation::new(&["topology", "show", "-o", "json"])
        .file("ucp-streams.toml", OWN)
        .run();
    let topology = run.assert_code(0).stdout_json();
    let streams = topology["streams"].as_array().unwrap();
    let orders = streams.iter().find(|it| it["name"] == "orders").unwrap();
    assert_eq!(orders["maxlen"], 500);
    assert_eq!(orders["fields"]["number"], "integer");
    ucp(&["topology", "show", "--jq", ".groups[].name"])
        .assert_code(0)
        .stdout_is("event-processors\nmerge-processors\nprediction-processors\n");
}

#[test]
fn the_example_changes_nothing() {
    let example = ucp(&["topology", "example"]);
    example.assert_code(0).stdout_has("# ucp-streams.toml:");
    let built_in = ucp(&["topology", "show"]);
    Invocation::new(&["topology", "show"])
        .file("ucp-streams.toml", example.stdout())
        .run()
        .assert_code(0)
        .stdout_is(built_in.stdout());
}

#[test]
fn a_wrong_file_is_refused_with_all_that_is_wrong() {
    let text =
        "[streams.\"events.raw\"]\nmaxlenn = 5\n[groups.event-processors]\nworkers = \"few\"\n";
    Invocation::new(&["topology", "check", "--offline"])
        .file("ucp-streams.toml", text)
        .run()
        .assert_code(2)
        .stdout_is("")
        .stderr_has("ucp-streams.toml:2:")
        .stderr_has("did you mean `maxlen`?")
        .stderr_has("ucp-streams.toml:4:")
        .stderr_has("topology example");
    ucp(&["topology", "check", "--offline"])
        .assert_code(0)
        .stderr_has("the built-in topology: 4 streams and 3 groups, no errors");
}

#[test]
fn a_file_that_a_flag_names_must_be_there_whatever_the_command_needs() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-1", "n", "1"]);
    for words in [
        &["topology", "show"][..],
        &["ping"],
        &["read", "s"],
        &["tail", "s"],
        &["publish", "s", "n=2"],
    ] {
        let words = [&["--topology", "/nowhere.toml"], words].concat();
        server
            .ucp(&words)
            .assert_code(2)
            .stdout_is("")
            .stderr_has("cannot read the topology file /nowhere.toml")
            .stderr_has("name another with --topology");
    }
    assert_eq!(server.redis(&["XLEN", "s"]).int(), 1);
}

#[test]
fn entries_are_printed_whatever_the_working_directory_has_for_a_topology() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-1", "n", "1"]);
    let broken = |words: &[&str]| {
        server
            .command(words)
            .file("ucp-streams.toml", "[nonsense\n")
            .run()
    };
    for words in [&["read", "s"][..], &["tail", "s"], &["get", "s", "1-1"]] {
        broken(words).assert_code(0).stdout_has("1-1");
        // What is not there is still named, with what is.
        let words = [words, &["--pairs", "-o", "json"]].concat();
        let words: Vec<&str> = words
            .iter()
            .map(|it| if *it == "s" { "t" } else { it })
            .collect();
        broken(&words).assert_code(3).stderr_has("`t`");
    }
    broken(&["lag"])
        .assert_code(2)
        .stderr_has("ucp-streams.toml:1:");
}

#[test]
fn drift_is_exit_1_until_init_has_run() {
    let server = TestServer::start();
    server.redis(&[
        "XGROUP",
        "CREATE",
        "events.normalized",
        "auditors",
        "$",
        "MKSTREAM",
    ]);
    let run = server.ucp(&["topology", "check"]);
    run.assert_code(1)
        .stderr_has("`event-processors` on `events.normalized`")
        .stderr_has("`ucp-streams init`");
    assert_eq!(
        run.stdout(),
        "group\tstream\tstate\tlast_delivered_id\n\
         event-processors\tevents.normalized\tmissing\t\n\
         merge-processors\tprofiles.merge_requests\tmissing\t\n\
         prediction-processors\tpredictions.requests\tmissing\t\n\
         auditors\tevents.normalized\textra\t0-0\n"
    );
    assert_eq!(
        server.redis(&["DBSIZE"]).int(),
        1,
        "a check changes nothing"
    );
    server.ucp(&["init"]).assert_code(0);
    let agreed = server.ucp(&["topology", "check", "-o", "json"]);
    let rows = agreed.assert_code(0).stderr_is_empty().stdout_json();
    let states: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["state"])
        .collect();
    assert_eq!(states, ["ok", "ok", "ok", "extra"]);
}

#[test]
fn offline_the_groups_have_the_same_shape_and_are_unchecked() {
    let run = Invocation::new(&["topology", "check", "--offline", "-o", "json"]).run();
    let rows = run
        .assert_code(0)
        .stderr_has("4 streams and 3 groups, no errors")
        .stdout_json();
    assert_eq!(
        rows[0],
        serde_json::json!({
            "group": "event-processors",
            "stream": "events.normalized",
            "state": "unchecked",
            "last_delivered_id": null
        })
    );
    assert_eq!(rows.as_array().unwrap().len(), 3);
}

#[test]
fn a_group_that_stands_elsewhere_is_warned_of_until_it_is_used() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    server.redis(&["XADD", "events.normalized", "7-1", "a", "b"]);
    server.redis(&[
        "XGROUP",
        "SETID",
        "events.normalized",
        "event-processors",
        "$",
    ]);
    server
        .ucp(&["topology", "check"])
        .assert_code(0)
        .stdout_has("event-processors\tevents.normalized\tdiffers\t7-1")
        .stderr_has("not at the start that the topology gives: `event-processors`");
    server.redis(&["XADD", "events.normalized", "8-1", "a", "b"]);
    let read = [
        "XREADGROUP",
        "GROUP",
        "event-processors",
        "c",
        "NOACK",
        "STREAMS",
    ];
    server.redis(&[&read[..], &["events.normalized", ">"]].concat());
    let gone = [
        "XGROUP",
        "DELCONSUMER",
        "events.normalized",
        "event-processors",
        "c",
    ];
    server.redis(&gone);
    server
        .ucp(&["topology", "check"])
        .assert_code(0)
        .stderr_is_empty();
    Invocation::new(&["-u", "unix:///nowhere/redis.sock", "topology", "check"])
        .run()
        .assert_code(4);
}

#[test]
fn names_that_look_mistyped_are_warned_of() {
    let text = "[streams.\"events.rw\"]\nmaxlen = 5\n[streams.orders]\n";
    let doubt = "warning: stream `events.rw` is not a built-in stream; did you mean `events.raw`?";
    for args in [
        &["topology", "show"][..],
        &["topology", "check", "--offline"],
    ] {
        let command = Invocation::new(args).file("ucp-streams.toml", text);
        let run = command.run();
        run.assert_code(0).stderr_has(doubt).stderr_lacks("orders");
    }
    Invocation::new(&["topology", "check", "--offline"])
        .file(
            "ucp-streams.toml",
            "[groups.event-procesors]\nmax_deliveries = 3\n",
        )
        .run()
        .assert_code(2)
        .stderr_has(
            "stream is missing: name the stream that it reads; did you mean the group `event-processors`?",
        );
}
