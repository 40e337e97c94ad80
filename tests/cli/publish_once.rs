//! `publish --idempotency-field`.

use crate::support::{End, Invocation, Mode, PATIENCE, Proxy, Reply, TestServer, until};

const ONCE: &str = "--idempotency-field";

fn length(server: &TestServer) -> i64 {
    server.redis(&["XLEN", "orders"]).int()
}

#[test]
fn the_same_entry_is_stored_once_and_keeps_its_id() {
    let server = TestServer::start();
    let publish = |fields: &[&str]| {
        let args = [&["publish", "orders", ONCE, "order", "-o", "json"], fields].concat();
        server.ucp(&args)
    };
    let first = publish(&["order=7", "total=1"]);
    first.assert_code(0).stderr_is_empty();
    let first = first.stdout_json()[0].clone();
    assert_eq!(first["duplicate"], false);
    let again = publish(&["total=1", "order=7"]);
    again
        .assert_code(0)
        .stderr_has("it was already stored; nothing was added");
    let again = again.stdout_json()[0].clone();
    assert_eq!(
        (&again["id"], &again["duplicate"]),
        (&first["id"], &true.into())
    );
    publish(&["order=8", "total=1"]).assert_code(0);
    assert_eq!(length(&server), 2);
    // Another body under the same key.
    publish(&["order=7", "total=2"])
        .assert_code(6)
        .stdout_is("")
        .stderr_has("an entry with the same key but other fields was published before")
        .stderr_has("; nothing was sent")
        .stderr_has(&format!(
            "`ucp-streams get orders {}`",
            first["id"].as_str().unwrap()
        ));
    assert_eq!(length(&server), 2);
    let ttl = server.redis(&["PTTL", "{orders}:once:order:7"]).int();
    assert!((86_000_000..=86_400_000).contains(&ttl), "{ttl}");
}

#[test]
fn what_is_filled_in_makes_no_difference_and_the_key_must_be_given() {
    let server = TestServer::start();
    let id = "018f0000-0000-7000-8000-000000000001";
    let given = [
        "--brand-id",
        "b",
        "--event-type",
        "purchase",
        "--payload",
        "{}",
    ];
    let publish = |more: &[&str]| {
        let args = [&["publish", "raw"], &given[..], &[ONCE, "event_id"], more].concat();
        server.ucp(&args)
    };
    let first = publish(&["--event-id", id]);
    let second = publish(&["--event-id", id]);
    assert_eq!(
        first.assert_code(0).stdout(),
        second.assert_code(0).stdout()
    );
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 1);
    publish(&[])
        .assert_code(2)
        .stderr_has("event_id: is missing");
    publish(&["--event-id", ""])
        .assert_code(2)
        .stderr_has("event_id: must have a value");
    let unknown = ["publish", "orders", "a=1", ONCE, "order"];
    server
        .ucp(&unknown)
        .assert_code(2)
        .stderr_has("order: is missing");
    for ttl in ["0s", "366d"] {
        let args = ["publish", "orders", "order=7", ONCE, "order"];
        let args = [&args[..], &["--idempotency-ttl", ttl]].concat();
        server.ucp(&args).assert_code(2).stderr_has(ttl);
    }
    let alone = ["publish", "orders", "a=1", "--idempotency-ttl", "1h"];
    server
        .ucp(&alone)
        .assert_code(2)
        .stderr_has("--idempotency-field");
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 1);
}

#[test]
fn the_memory_is_small_and_in_the_slot_of_the_stream() {
    let server = TestServer::start();
    let order = format!("order={}", "x".repeat(5000));
    for known in [false, true] {
        let args = ["publish", "{a}.orders", &order, ONCE, "order", "-o", "json"];
        let run = server.ucp(&args);
        assert_eq!(run.assert_code(0).stdout_json()[0]["duplicate"], known);
    }
    let keys = server.redis(&["KEYS", "{a}.orders:once:order:*"]);
    let key = keys.items()[0].text();
    assert!(key.len() < 120, "{key}");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 2);
    let bytes = server.redis(&["MEMORY", "USAGE", key]).int();
    assert!(bytes < 500, "{bytes}");
}

#[test]
fn too_many_fields_are_refused_and_nothing_is_remembered() {
    let server = TestServer::start();
    let fields: Vec<String> = (0..4000).map(|n| format!("f{n}=x")).collect();
    let mut args = vec!["publish", "orders", "order=7", ONCE, "order"];
    args.extend(fields.iter().map(String::as_str));
    server.ucp(&args).assert_code(2).stderr_has("fields");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_key_is_forgotten_after_its_time() {
    let server = TestServer::start();
    let publish = || {
        let args = [
            "publish",
            "orders",
            "order=7",
            ONCE,
            "order",
            "--idempotency-ttl",
            "50ms",
        ];
        server.ucp(&args).assert_code(0).stdout().to_owned()
    };
    let first = publish();
    until(PATIENCE, "it is forgotten", || {
        server.redis(&["EXISTS", "{orders}:once:order:7"]).int() == 0
    });
    assert_ne!(publish(), first);
    assert_eq!(length(&server), 2);
}

#[test]
fn a_key_that_is_something_else_is_left_alone() {
    let server = TestServer::start();
    server.redis(&["RPUSH", "{orders}:once:order:7", "x"]);
    server.redis(&["SET", "{orders}:once:order:8", "x"]);
    for order in ["order=7", "order=8"] {
        let run = server.ucp(&["publish", "orders", order, ONCE, "order"]);
        run.assert_code(6)
            .stderr_has("{orders}:once:order:")
            .stderr_has("does not hold an entry id and a hash");
    }
    assert_eq!(server.redis(&["EXISTS", "orders"]).int(), 0);
}

#[test]
fn a_file_can_be_published_again_from_its_beginning() {
    let server = TestServer::start();
    let file = |count: usize| {
        let lines: Vec<_> = (1..=count)
            .map(|n| format!("{{\"order\":{n},\"total\":1}}"))
            .collect();
        lines.join("\n")
    };
    let publish = |input: String, more: &[&str]| {
        let args = [&["publish", "orders", "-f", "-", ONCE, "order"], more].concat();
        server.command(&args).stdin(input).run()
    };
    let part = publish(file(700), &[]);
    part.assert_code(0).stderr_is_empty();
    let whole = publish(file(1500), &["--stream"]);
    whole
        .assert_code(0)
        .stderr_has("already stored: 700 lines; new: 800");
    assert_eq!(whole.stdout_lines()[..700], part.stdout_lines());
    assert_eq!(length(&server), 1500);
    let mut changed: Vec<String> = file(1500).lines().map(str::to_owned).collect();
    changed[4] = r#"{"order":5,"total":9}"#.to_owned();
    changed.push(r#"{"order":1501,"total":1}"#.to_owned());
    publish(changed.join("\n"), &[])
        .assert_code(7)
        .stderr_has(
            "1 line not sent; line 5: `orders`: an entry with the same key but other fields was published before",
        )
        .stderr_lacks("nothing was sent")
        .stderr_has("1 entry was published, line 1501; 1,499 were already stored");
    assert_eq!(length(&server), 1501);
    publish("{\"order\":5}".to_owned(), &[]).assert_code(6);
    publish("{\"total\":5}".to_owned(), &[])
        .assert_code(2)
        .stderr_has("line 1: order: is missing");
}

#[test]
fn a_file_goes_on_through_lost_connections() {
    let server = TestServer::start();
    let proxy = Proxy::before(server.socket());
    let lines: Vec<_> = (1..=4000).map(|n| format!("{{\"order\":{n}}}")).collect();
    let url = proxy.url();
    let args = ["publish", "orders", "-f", "-", ONCE, "order", "--url", &url];
    let publish = Invocation::new(&args).stdin(lines.join("\n")).spawn();
    for many in [1, 1500, 3000] {
        until(PATIENCE, "some are there", || length(&server) >= many);
        proxy.set_present(Mode::DropReplies);
        proxy.end_all(End::Reset);
    }
    let run = publish.wait();
    run.assert_code(0);
    assert_eq!(length(&server), 4000);
    assert_eq!(run.stdout_lines(), ids(&server));
}

#[test]
fn a_file_keeps_its_order_when_the_server_forgets_the_script() {
    let server = TestServer::start();
    let lines: Vec<_> = (1..=4000).map(|n| format!("{{\"order\":{n}}}")).collect();
    let rate = ["--rate", "10000/s"];
    let args = [&["publish", "orders", "-f", "-", ONCE, "order"], &rate[..]].concat();
    let publish = server.command(&args).stdin(lines.join("\n")).spawn();
    for many in [1, 1000, 2000, 3000] {
        until(PATIENCE, "some are there", || length(&server) >= many);
        server.redis(&["SCRIPT", "FLUSH"]);
    }
    let run = publish.wait();
    run.assert_code(0);
    assert_eq!(length(&server), 4000);
    // What is shown is in the order of the input, and ids are in the order of storing.
    assert_eq!(run.stdout_lines(), ids(&server));
}

#[test]
fn without_answers_all_that_was_asked_about_is_said_to_be_unknown() {
    let server = TestServer::start();
    let proxy = Proxy::before(server.socket());
    let lines: Vec<_> = (1..=4000).map(|n| format!("{{\"order\":{n}}}")).collect();
    let publish = |url: &str, timeout: &str, rate: &str| {
        let args = ["publish", "orders", "-f", "-", ONCE, "order", "--url", url];
        let args = [&args[..], &["--timeout", timeout, "--rate", rate]].concat();
        Invocation::new(&args).stdin(lines.join("\n")).spawn()
    };
    let cut_off = publish(&proxy.url(), "500ms", "5000/s");
    until(PATIENCE, "some are there", || length(&server) >= 1000);
    proxy.set(Mode::DropReplies);
    let cut_off = cut_off.wait();
    cut_off.assert_code(8);
    let (shown, stored) = (cut_off.stdout_lines().len(), length(&server));
    let told = cut_off
        .stderr()
        .split("whether the content of lines ")
        .nth(1);
    let mut told = told.expect("lines").split(' ');
    let mut number = || {
        told.find_map(|word| word.parse::<i64>().ok())
            .expect("a number")
    };
    assert_eq!(number(), i64::try_from(shown).unwrap() + 1, "{cut_off}");
    assert!((stored..4000).contains(&number()), "{stored} of {cut_off}");
    let again = publish(&server.url(), "5s", "1000000/s").wait();
    again.assert_code(0);
    assert_eq!(again.stdout_lines(), ids(&server));
    assert_eq!(length(&server), 4000);
}

fn ids(server: &TestServer) -> Vec<String> {
    let stored = server.redis(&["XRANGE", "orders", "-", "+"]);
    let id = |entry: &Reply| entry.items()[0].text().to_owned();
    stored.items().iter().map(id).collect()
}

#[test]
fn what_a_conflict_suggests_can_be_pasted() {
    let server = TestServer::start();
    let publish = |total: &str| {
        let args = ["publish", "my orders", "order=7", total, ONCE, "order"];
        server.ucp(&args)
    };
    publish("total=1").assert_code(0);
    publish("total=2")
        .assert_code(6)
        .stderr_has("`ucp-streams get 'my orders' ");
}
