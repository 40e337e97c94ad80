//! Nothing is wider than the screen, and nothing is broken within a word.

use std::path::Path;
use std::process::Command;

use unicode_width::UnicodeWidthStr;

use super::{GROUP, STREAM, pending_600};
use crate::support::{Invocation, Run, TestServer};

const COLUMNS: u16 = 80;
/// A name of 70 columns.
const LONG: &str = "consumers-of-the-eastern-region-that-send-whatsapp-messages-to-clients";

/// What it shows on a screen of so many columns.
fn at(columns: u16, invocation: Invocation) -> Run {
    invocation
        .env("TERM", "dumb")
        .env("PAGER", "cat")
        .on_terminals(columns)
        .run()
}

/// No line of either output is wider than the screen, but where one word is.
#[track_caller]
fn assert_fits(run: &Run, columns: u16) {
    let columns = usize::from(columns);
    for line in run.stdout().lines().chain(run.stderr().lines()) {
        let longest = line.split(' ').map(UnicodeWidthStr::width).max();
        assert!(
            line.width() <= columns || longest.unwrap() > columns - 20,
            "{} columns: {line}\n{run}",
            line.width()
        );
    }
}

/// The words of what was said, without what a shell reads over.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|it| *it != "\\").collect()
}

/// What is said on a narrow screen is what is said on a wide one; it returns the narrow one.
#[track_caller]
fn assert_says_the_same(server: &TestServer, args: &[&str]) -> Run {
    let narrow = at(COLUMNS, server.command(args));
    assert_fits(&narrow, COLUMNS);
    let wide = at(1000, server.command(args));
    assert_eq!(words(narrow.stderr()), words(wide.stderr()), "{narrow}");
    narrow
}

#[test]
fn field_d3_errors_hints_and_notes_are_broken_between_words_under_their_text() {
    let server = pending_600();
    let run = assert_says_the_same(&server, &["pending", LONG]);
    let lines: Vec<&str> = run.stderr().lines().collect();
    assert!(lines[0].starts_with("error: "), "{run}");
    assert!(
        lines.iter().skip(1).all(|it| it.starts_with("       ")
            || it.starts_with("      ")
            || it.starts_with("hint: ")),
        "{run}"
    );
    let claim = [
        "claim",
        GROUP,
        "--to",
        LONG,
        "--idle",
        "0s",
        "--force",
        "--dry-run",
    ];
    let run = assert_says_the_same(&server, &claim);
    assert!(run.stderr().lines().count() > 1, "{run}");
    let unreachable = ["--url", "redis://127.0.0.1:1", "--timeout", "2s", "info"];
    assert_says_the_same(&server, &unreachable);
    assert_says_the_same(&server, &["ack", GROUP, "1700000000001-0", "--limit", "x"]);
    assert_says_the_same(&server, &["pending", GROUP, "--columns", "nosuch"]);
    // What is piped is one line an error, and one a hint.
    let piped = server.ucp(&["pending", LONG]);
    assert_eq!(piped.stderr().lines().count(), 2, "{piped}");
    let json = at(COLUMNS, server.command(&["pending", LONG, "-o", "json"]));
    assert_eq!(json.stderr().lines().count(), 1, "{json}");
}

#[test]
fn field_d3_warnings_are_broken_between_words_under_their_text() {
    let server = pending_600();
    let run = at(COLUMNS, server.command(&["info"]));
    assert_fits(&run, COLUMNS);
    let lines: Vec<&str> = run.stderr().lines().collect();
    assert!(lines[0].starts_with("warning: "), "{run}");
    assert!(lines.len() > 2, "{run}");
    for line in &lines[1..] {
        assert!(line.starts_with("         "), "{run}");
    }
    let piped = server.ucp(&["info"]);
    let missing = piped.stderr().lines().next().unwrap();
    assert!(missing.width() > 100, "{piped}");
}

#[test]
fn field_d3_tables_and_what_stands_below_them_fit_whatever_names_there_are() {
    let server = pending_600();
    let trace = "Traceback: the handler of this event gave up after it had waited for an answer that did not come";
    let other = "グループ-日本-\u{1b}[31m";
    server.redis(&["XGROUP", "CREATE", STREAM, LONG, "0"]);
    server.redis(&["XGROUP", "CREATE", STREAM, other, "0"]);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, LONG]);
    for id in ["1-0", "2-0"] {
        let key = format!("{{{STREAM}}}:dlq");
        let letter = ["_dlq_stream", STREAM, "_dlq_group", LONG, "_dlq_id", "1-1"];
        let why = [
            "_dlq_consumer",
            LONG,
            "_dlq_deliveries",
            "5",
            "_dlq_reason",
            trace,
            "_dlq_time",
            "2024-12-01T10:00:00Z",
            "_dlq_body",
            "present",
        ];
        server.redis(&[&["XADD", &key, id, "a", trace], &letter[..], &why].concat());
    }
    for args in [
        &["info"][..],
        &["info", STREAM],
        &["lag"],
        &["groups"],
        &["consumers", GROUP],
        &["pending", GROUP],
        &["pending", GROUP, "--entries"],
        &["pending", GROUP, "--histogram", "--by", "event_id,brand_id"],
        &["dlq", "list"],
        &["dlq", "list", "--by", "reason"],
        &["dlq", "show", STREAM, "1-0"],
        &["tail", STREAM, "-n", "5"],
        &["read", STREAM, "--count", "3"],
        &["check"],
        &["ping"],
        &["topology", "check"],
        &["consumers", "prune", GROUP, "--idle", "0s", "--dry-run"],
        &["worker", "run", "--dry-run", "--builtin", "null"],
        &[
            "worker",
            "run",
            GROUP,
            "--dry-run",
            "--exec",
            "--",
            "sh",
            "-c",
            "cat > /dev/null; exit 1",
        ],
    ] {
        for columns in [60, COLUMNS, 100] {
            assert_fits(&at(columns, server.command(args)), columns);
        }
    }
    // A table that is piped is a table, whatever its width.
    let rehearse = [
        "worker",
        "run",
        GROUP,
        "--dry-run",
        "--builtin",
        "null",
        "-o",
        "table",
    ];
    let piped = server.ucp(&rehearse);
    assert_eq!(piped.stdout_lines().len(), 2, "{piped}");
}

#[test]
fn field_d3_a_name_that_is_cut_keeps_the_remark_behind_it() {
    let server = pending_600();
    server.redis(&["XGROUP", "CREATE", STREAM, LONG, "0"]);
    for args in [&["lag"][..], &["groups"], &["info"]] {
        let run = at(COLUMNS, server.command(args));
        run.assert_code(0).stdout_has("… (extra) ");
    }
}

#[test]
fn field_d3_log_lines_are_broken_between_words() {
    let server = pending_600();
    let why = "echo this went wrong in a way that takes many more words than one line of a terminal has room for >&2; exit 1";
    let handler = ["--exec", "--", "sh", "-c", why];
    let once = ["worker", "run", GROUP, "--once", "--claim-idle", "1h"];
    server.redis(&["XADD", STREAM, "*", "event_id", "new"]);
    let run = at(COLUMNS, server.command(&[&once[..], &handler].concat()));
    assert_fits(&run, COLUMNS);
    let lines: Vec<&str> = run.stderr().lines().collect();
    let begins = lines.iter().position(|it| it.contains("worker starts"));
    assert!(lines[begins.unwrap() + 1].starts_with("    "), "{run}");
    run.stderr_has("many more words than one line of a terminal has room for");
}

#[test]
fn field_d3_a_command_that_is_broken_is_pasted_as_one() {
    let server = TestServer::start();
    let stream = format!("{LONG}-stream");
    server.redis(&["XADD", &stream, "1-0", "a", "b"]);
    server.redis(&["XGROUP", "CREATE", &stream, LONG, "1-0"]);
    let delete = [
        "groups",
        "delete",
        LONG,
        "--stream",
        &stream,
        "--force",
        "--yes",
        "--no-snapshot",
    ];
    let run = at(COLUMNS, server.command(&delete));
    assert_fits(run.assert_code(0), COLUMNS);
    let (_, line) = run.stderr().split_once("at the same position:").unwrap();
    assert!(line.contains(" \\\n"), "{run}");
    let binary = Path::new(env!("CARGO_BIN_EXE_ucp-streams"));
    let pasted = Command::new("/bin/sh")
        .args(["-c", line.trim()])
        .env_clear()
        .env("PATH", binary.parent().unwrap())
        .env("HOME", "/nonexistent")
        .env("UCP_STREAMS_URL", server.url())
        .output()
        .unwrap();
    assert!(pasted.status.success(), "{line}\n{pasted:?}");
    let groups = server.redis(&["XINFO", "GROUPS", &stream]).items().len();
    assert_eq!(groups, 1);
}
