//! A pager for what is longer than the screen, and for nothing else.

use super::{GROUP, STREAM, pending_600};
use crate::support::{Invocation, Run, Terminal, TestServer, directory};

const LONG: [&str; 4] = ["pending", GROUP, "--limit", "0"];

/// On terminals of 80 columns and 24 lines, with a pager that marks what it is given.
fn marked(server: &TestServer, args: &[&str]) -> Invocation {
    let pager = "sed 's/^/> /'";
    server
        .command(args)
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("UCP_STREAMS_PAGER", pager)
        .on_terminals(80)
}

#[track_caller]
fn assert_paged(run: &Run, is_paged: bool) {
    let is_so = run.stdout_lines().iter().all(|it| it.starts_with("> "));
    assert_eq!(is_so, is_paged, "{run}");
}

#[test]
fn field_d1_what_is_longer_than_the_screen_goes_through_a_pager() {
    let server = pending_600();
    for args in [
        &LONG[..],
        &["pending", GROUP, "-o", "json"],
        &["read", STREAM],
        &["tail", STREAM, "-n", "60"],
    ] {
        let run = marked(&server, args).run();
        assert_paged(run.assert_code(0), true);
        assert!(run.stdout_lines().len() > 24, "{run}");
    }
    let fits = marked(&server, &["pending", GROUP]).run();
    assert_paged(fits.assert_code(0), false);
    for without in [
        marked(&server, &[&["--no-pager"], &LONG[..]].concat()),
        marked(&server, &LONG).env("TERM", "dumb"),
        marked(&server, &LONG).env("UCP_STREAMS_PAGER", "cat"),
        marked(&server, &LONG)
            .env("UCP_STREAMS_PAGER", "")
            .env("PAGER", "cat"),
    ] {
        let run = without.run();
        assert_paged(run.assert_code(0), false);
        assert!(run.stdout_lines().len() > 600, "{run}");
    }
    let piped = server
        .command(&LONG)
        .env("TERM", "xterm")
        .env("PAGER", "false");
    assert!(piped.run().assert_code(0).stdout_lines().len() > 600);
    let by_pager = marked(&server, &LONG)
        .env_remove("UCP_STREAMS_PAGER")
        .env("PAGER", "sed 's/^/> /'");
    assert_paged(by_pager.run().assert_code(0), true);
}

#[test]
fn field_d1_what_is_said_waits_for_the_pager_and_nothing_is_lost() {
    let server = pending_600();
    let args = ["tail", STREAM, "-n", "100", "--fields", "event_id,nosuch"];
    let run = marked(&server, &args).run();
    assert_paged(run.assert_code(0), true);
    run.stderr_has("no entry has a field `nosuch`");
    // A pager that ends early has been read enough; one that cannot be started is none.
    let ends = marked(&server, &LONG)
        .env("UCP_STREAMS_PAGER", "head -3")
        .run();
    ends.assert_code(0);
    assert_eq!(ends.stdout_lines().len(), 3, "{ends}");
    for missing in ["/nosuch/pager", "nosuch-pager -x"] {
        let run = marked(&server, &LONG)
            .env("UCP_STREAMS_PAGER", missing)
            .run();
        run.assert_code(0);
        assert!(run.stdout_lines().len() > 600, "{run}");
    }
    // Secrets are not handed on.
    let env = marked(&server, &LONG)
        .env("UCP_STREAMS_PASSWORD", "")
        .env("UCP_STREAMS_PAGER", "env");
    env.run().stdout_lacks("UCP_STREAMS_URL");
    // The neighbour: what goes on without end is not paged.
    let follow = marked(&server, &["tail", STREAM, "-n", "100", "-f"]).spawn();
    crate::support::until(crate::support::PATIENCE, "the last entry", || {
        follow.so_far().contains("\"600\"")
            || follow.so_far().contains("event_id   600")
            || follow.so_far().contains("1700000000600-0")
    });
    let run = follow.terminate();
    assert_paged(&run, false);
}

#[test]
fn field_d1_less_shows_it_and_outlives_ctrl_c() {
    let server = pending_600();
    let terminal = Terminal::start(directory(), &server.url(), "sh");
    terminal.enters(
        "ucp-streams pending event-processors --limit 0; echo code=$?",
        &["Enter"],
    );
    terminal.shows("CONSUMER");
    terminal.awaits("a prompt of less", |screen| {
        screen.trim_end().ends_with(':')
    });
    terminal.presses("C-c");
    // A key that comes while less is interrupted is lost.
    terminal.awaits("the end of the list", |screen| {
        let is_there = screen.contains("600 pending in group");
        if !is_there {
            terminal.presses("G");
        }
        is_there
    });
    terminal.presses("q");
    terminal.shows("code=0");
}
