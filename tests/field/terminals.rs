//! What a worker shows on a terminal while it works.

use crate::support::{PATIENCE, TestServer, until};

/// What a terminal shows in the end of what was written to it: a line that was cleared is not there.
fn shown(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\n' => lines.push(String::new()),
            '\r' => {}
            '\x1b' => {
                let code: String =
                    std::iter::from_fn(|| rest.next_if(|it| !it.is_ascii_alphabetic())).collect();
                match (code.as_str(), rest.next()) {
                    ("[2" | "[", Some('K')) => lines.last_mut().unwrap().clear(),
                    (_, Some('A')) => {
                        lines.pop();
                    }
                    _ => {}
                }
            }
            letter => lines.last_mut().unwrap().push(letter),
        }
    }
    lines
}

const RUN: [&str; 5] = ["worker", "run", "billing", "--stream", "orders"];

#[test]
fn field_c7_a_terminal_shows_what_the_worker_does_and_is_left_clean() {
    let server = TestServer::start();
    for n in 0..5 {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
    let script = "grep -q '\"n\":\"4\"' && exit 65; exit 0";
    let handler = ["--exec", "--", "sh", "-c", script];
    let worker = server
        .command(&[&RUN[..], &handler].concat())
        .env("TERM", "xterm")
        .on_terminals(100)
        .spawn();
    until(PATIENCE, "the status", || {
        let said = worker.so_far();
        said.contains("billing: 4 handled, ") && said.contains(", 1 dead letter")
    });
    let run = worker.terminate();
    run.assert_code(0);
    let lines = shown(&run.stderr);
    assert!(lines[0].contains("worker starts"), "{lines:#?}");
    let text = lines.join("\n");
    assert!(!text.contains("/s, "), "the status is gone: {lines:#?}");
    assert!(
        text.contains("billing on orders: 4 handled, 1 failed attempt, 1 dead-lettered"),
        "{lines:#?}"
    );
    assert!(
        !String::from_utf8_lossy(&run.stderr).contains("\x1b[?25l"),
        "the cursor was hidden"
    );
}

#[test]
fn field_c7_log_lines_on_a_terminal_break_between_words_and_nowhere_else() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let flags = ["--once", "--builtin", "null", "--consumer", "c1"];
    let words = [&RUN[..], &flags].concat();
    let narrow = server
        .command(&words)
        .env("TERM", "xterm")
        .on_terminals(60)
        .run();
    narrow.assert_code(0);
    let lines = shown(&narrow.stderr);
    for part in [
        "group=billing",
        "stream=orders",
        "consumer=c1",
        "worker starts",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(part)),
            "{part}: {lines:#?}"
        );
    }
    let first: Vec<&String> = lines
        .iter()
        .take_while(|line| !line.contains("handled"))
        .collect();
    assert!(first.len() > 2, "{lines:#?}");
    for line in first {
        let is_word = !line.trim_start().contains(' ');
        assert!(line.len() <= 60 || is_word, "{line}");
    }
    // The neighbours: elsewhere a line is an event, and nothing is drawn.
    for run in [
        server.command(&words).run(),
        server
            .command(&words)
            .env("TERM", "dumb")
            .on_terminals(400)
            .run(),
    ] {
        run.assert_code(0);
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        let starts = said.lines().next().unwrap();
        assert!(
            starts.contains("worker starts") && starts.contains("version="),
            "{said}"
        );
        assert!(!said.contains('\x1b'), "{said:?}");
    }
    let quiet = server
        .command(&[&["-q"], &words[..]].concat())
        .env("TERM", "xterm")
        .on_terminals(80)
        .run();
    quiet.assert_code(0);
    assert_eq!(String::from_utf8_lossy(&quiet.stderr), "");
}
