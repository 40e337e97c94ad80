//! Entries that are not what one expects: large, binary, of many fields, or made to steer a terminal.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::oneshot::at;
use crate::scene::Scene;
use crate::terminal::Terminal;

const MEBIBYTE: usize = 1 << 20;

#[test]
fn row_61_large_and_binary_values() {
    let scene = Scene::new();
    // Every byte there is, and a length that divides by nothing.
    let bytes: Vec<u8> = (0..10 * MEBIBYTE + 7)
        .map(|at| at.to_le_bytes()[0].wrapping_mul(31) ^ 0xa5)
        .collect();
    let text = "é\0\u{1b}\"\\".repeat(10 * MEBIBYTE / 6);
    assert!(std::str::from_utf8(&bytes).is_err());
    let add: [&[u8]; 7] = [
        b"XADD",
        b"s",
        b"1-1",
        b"\xff\x00",
        &bytes,
        b"text",
        text.as_bytes(),
    ];
    scene.server.redis(&add);
    let name = format!("base64:{}", STANDARD.encode(b"\xff\x00"));
    for command in [&["tail", "s"][..], &["read", "s"], &["get", "s", "1-1"]] {
        let more = ["-o", "ndjson", "--timeout", "30s"];
        let run = scene.server.ucp(&[command, &more].concat());
        run.assert_code(0).stderr_is_empty();
        let entry = &run.stdout_ndjson()[0];
        let found = entry["fields"][&name]["base64"].as_str().unwrap();
        assert!(STANDARD.decode(found).unwrap() == bytes, "{command:?}");
        assert!(entry["fields"]["text"] == text.as_str(), "{command:?}");
        println!(
            "row 61: {}: {} bytes of JSON, the same bytes",
            command[0],
            run.stdout().len()
        );
    }
}

#[test]
fn row_63_too_many_fields_to_move() {
    let scene = Scene::new();
    let fields: Vec<String> = (0..4100)
        .flat_map(|n| [format!("f{n}"), "x".to_owned()])
        .collect();
    let add = |stream: &str, more: &[&str]| {
        let mut command = vec!["XADD", stream, "1-1"];
        command.extend(more);
        command.extend(fields.iter().map(String::as_str));
        scene.server.redis(&command);
    };
    add("s", &[]);
    scene.group();
    // Into the dead-letter stream: refused, said aloud, and still pending.
    let mut worker = scene.worker(&[], "exit 65").spawn();
    let told = worker.await_stderr("fields");
    assert_eq!(scene.server.redis(&["EXISTS", "{s}:dlq"]).int(), 0);
    assert_eq!(scene.pending().len(), 1, "{told}");
    worker.terminate();
    // By command, to the end of its stream and back from the dead-letter stream.
    let letter = [
        "_dlq_stream",
        "s",
        "_dlq_group",
        "g",
        "_dlq_id",
        "1-1",
        "_dlq_body",
        "present",
    ];
    add("{s}:dlq", &letter);
    for command in [
        &["requeue", "g", "--stream", "s", "1-1"][..],
        &["dlq", "redrive", "s", "--all"],
    ] {
        let run = scene.server.ucp(&[command, &["--yes"]].concat());
        run.assert_code(6).stderr_has("too many fields");
        println!(
            "row 63: {}: {}",
            command[0],
            run.stderr().lines().next().unwrap()
        );
    }
    let length = |stream: &str| scene.server.redis(&["XLEN", stream]).int();
    assert_eq!(
        (length("s"), length("{s}:dlq"), scene.pending().len()),
        (1, 1, 1)
    );
}

/// What would clear the screen, set its title, move its cursor or turn its text around.
const STEERING: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\r\u{202e}\u{8}";

/// Fails when anything of it reached the terminal. The terminal itself ends lines with a carriage return, and CSV does.
#[track_caller]
fn assert_harmless(shown: &str, what: &str) {
    let shown = shown.replace("\r\r\n", "\n").replace("\r\n", "\n");
    let harm = |letter: &char| {
        !matches!(letter, '\n' | '\t') && letter.is_control() || *letter == '\u{202e}'
    };
    let found: Vec<char> = shown.chars().filter(harm).collect();
    assert!(found.is_empty(), "{what}: {found:?} in {shown:?}");
}

fn on_terminal(url: &str, args: &[&str]) -> (Option<i32>, String) {
    let env = [
        ("UCP_STREAMS_URL", url),
        ("NO_COLOR", "1"),
        ("HOME", "/nonexistent"),
    ];
    Terminal::run(args, &env).end()
}

#[test]
fn row_64_escape_codes_in_names_and_values() {
    let scene = Scene::new();
    let stream = format!("s{STEERING}");
    let (group, consumer) = (format!("g{STEERING}"), format!("c{STEERING}"));
    let name = format!("f{STEERING}");
    let add = |stream: &str, more: &[&str]| {
        let fields = [
            &name,
            STEERING,
            "json",
            "{\"a\":\"\\u001b[2J\"}",
            "v",
            STEERING,
        ];
        scene
            .server
            .redis(&[&["XADD", stream, "1-1"], &fields[..], more].concat());
    };
    add(&stream, &[]);
    let letter = [
        "_dlq_reason",
        STEERING,
        "_dlq_group",
        &group,
        "_dlq_consumer",
        &consumer,
    ];
    add(&format!("{{{stream}}}:dlq"), &letter);
    scene
        .server
        .redis(&["XGROUP", "CREATE", &stream, &group, "0"]);
    let read = [
        "XREADGROUP",
        "GROUP",
        &group,
        &consumer,
        "STREAMS",
        &stream,
        ">",
    ];
    scene.server.redis(&read);
    let url = scene.server.url();
    let of_group = [group.as_str(), "--stream", &stream];
    let mut count = 0;
    for args in [
        &["tail", &stream][..],
        &["read", &stream],
        &["get", &stream, "1-1"],
        &["info", &stream],
        &["groups", &stream],
        &[&["lag"], &of_group[..]].concat(),
        &["dlq", "list", &stream],
        &["dlq", "show", &stream, "1-1"],
        &[&["pending"], &of_group[..], &["--entries", "--by", "v"]].concat(),
        &[&["consumers"], &of_group[..]].concat(),
        &[
            &["claim"],
            &of_group[..],
            &["--to", &consumer, "--idle", "0s", "--dry-run"],
        ]
        .concat(),
        &["publish", "raw", &format!("event_type={STEERING}")],
        &["publish", &stream, STEERING],
        &["read", STEERING],
        &["pending", STEERING],
    ] {
        for format in ["table", "wide", "plain", "csv", "json", "ndjson"] {
            let (code, shown) = on_terminal(&url, &[args, &["-o", format]].concat());
            let what = format!("{args:?} -o {format}: {code:?}");
            assert!(!shown.is_empty(), "{what}");
            assert_harmless(&shown, &what);
            count += 1;
        }
    }
    for through in [
        ["--template", "{{ fields.v }} {{ fields }} {{ stream }}"],
        ["--jq", ".[].fields.v"],
    ] {
        let (code, shown) = on_terminal(&url, &[&["read", &stream][..], &through].concat());
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("\\x1b[2J"), "{shown}");
        assert_harmless(&shown, through[0]);
    }
    println!("row 64: {count} outputs on a terminal, and nothing of it came through");
}

/// Answers everything with this error, on the loopback.
fn server_that_says(error: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let error = error.clone();
            thread::spawn(move || {
                let mut asked = [0; 4096];
                while let Ok(length @ 1..) = connection.read(&mut asked) {
                    // Every command of several is an array.
                    let count = memchr::memchr_iter(b'*', &asked[..length]).count();
                    if connection
                        .write_all(error.repeat(count).as_bytes())
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    url
}

#[test]
fn row_64_escape_codes_in_what_the_server_says() {
    // A line of the protocol ends at a carriage return.
    let url = server_that_says(format!("-ERR {}\r\n", STEERING.replace('\r', "")));
    for args in [
        &["ping"][..],
        &["info"],
        &["read", "s"],
        &["publish", "s", "a=1"],
    ] {
        let (code, shown) = on_terminal(&url, args);
        assert_ne!(code, Some(0), "{shown}");
        assert!(shown.contains("\\x1b[2J"), "{args:?}: {shown}");
        assert_harmless(&shown, args[0]);
        println!("row 64: {}", shown.lines().next().unwrap());
    }
}

#[test]
fn row_70_too_many_clients() {
    let scene = Scene::new();
    scene.publish(1, 1);
    let mut only = scene.server.client();
    only.send(&["CONFIG", "SET", "maxclients", "1"]);
    let url = scene.server.url();
    for args in [
        &["ping"][..],
        &["info", "s"],
        &["read", "s"],
        &["publish", "s", "n=2"],
        &["pending", "g", "--stream", "s"],
    ] {
        let run = at(&url, args).run();
        run.assert_code(4)
            .stderr_has("max number of clients reached");
        println!(
            "row 70: {}: {}",
            args[0],
            run.stderr().lines().next().unwrap()
        );
    }
    only.send(&["CONFIG", "SET", "maxclients", "100"]);
    assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 1);
}
