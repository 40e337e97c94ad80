//! `top` in a real terminal, on a real server.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::seeded::{GROUP, STREAM, add, seeded};
use crate::support::{Terminal, TestServer};

/// Awaits the row of the group with these words.
#[track_caller]
pub(crate) fn shows_row(terminal: &Terminal, words: &[&str]) {
    terminal.awaits(&format!("{words:?}"), |screen| {
        let mut lines = screen.lines().filter(|it| it.contains(GROUP));
        lines.any(|line| {
            words
                .iter()
                .all(|word| line.split_whitespace().any(|it| it == *word))
        })
    });
}

#[test]
fn figures_are_live_and_what_is_typed_after_q_is_the_shell_s() {
    let server = seeded("gone");
    let terminal = Terminal::on(&server);
    terminal.enters("ucp-streams top --every 200ms", &["Enter"]);
    shows_row(&terminal, &[GROUP, "3"]);
    assert_eq!(terminal.asks("#{cursor_flag} #{alternate_on}"), "0 1");
    add(&server, 4);
    shows_row(&terminal, &[GROUP, "7"]);
    // Within a filter, q is text.
    terminal.enters("/q", &["Escape"]);
    terminal.awaits("no filter", |screen| !screen.contains("Esc: leave"));
    terminal.presses("Right");
    terminal.shows("by LAG");
    terminal.types("p");
    terminal.shows("PAUSED since");
    terminal.types("p");
    terminal.resizes("20", "5");
    terminal.shows("too small");
    terminal.resizes("120", "40");
    shows_row(&terminal, &[GROUP, "7"]);
    terminal.enters("qecho typed-ahead", &["Enter"]);
    terminal.shows("# typed-ahead");
    terminal.is_restored("0");
}

#[test]
fn whatever_ends_it_the_terminal_is_restored() {
    let server = seeded("gone");
    let terminal = Terminal::on(&server);
    for (signal, code) in [
        (Signal::INT, "0"),
        (Signal::TERM, "143"),
        (Signal::HUP, "143"),
    ] {
        let line = "clear; sh -c 'echo $$ > pid; exec ucp-streams top'";
        terminal.enters(line, &["Enter"]);
        shows_row(&terminal, &[GROUP, "3"]);
        let pid = std::fs::read_to_string(terminal.home().join("pid")).unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        terminal.is_restored(code);
    }
    terminal.enters("clear; ucp-streams top", &["Enter"]);
    shows_row(&terminal, &[GROUP, "3"]);
    terminal.presses("C-z");
    terminal.awaits("a prompt", |screen| screen.trim_end().ends_with(['#', '$']));
    assert_eq!(terminal.asks("#{cursor_flag} #{alternate_on}"), "1 0");
    terminal.enters("stty -g | cmp - before && echo same; fg", &["Enter"]);
    shows_row(&terminal, &[GROUP, "3"]);
    assert_eq!(terminal.asks("#{cursor_flag} #{alternate_on}"), "0 1");
    terminal.presses("C-c");
    terminal.is_restored("0");
}

#[test]
fn it_goes_on_when_the_server_is_back() {
    let mut server = seeded("gone");
    let terminal = Terminal::on(&server);
    terminal.enters("ucp-streams top --every 200ms", &["Enter"]);
    shows_row(&terminal, &[GROUP, "3"]);
    server.kill();
    terminal.shows("OLD: these figures are");
    shows_row(&terminal, &[GROUP, "3"]);
    server.restart();
    add(&server, 1);
    shows_row(&terminal, &[GROUP, "4"]);
    terminal.awaits("no outage", |screen| !screen.contains("OLD:"));
    terminal.presses("q");
    terminal.is_restored("0");
}

#[test]
fn without_a_terminal_it_names_what_to_run_instead() {
    let server = seeded("gone");
    let piped = server.ucp(&["top"]);
    piped.assert_code(2).stdout_is("");
    piped
        .stderr_has("standard output is not a terminal")
        .stderr_has("ucp-streams info --watch");
    let terminal = Terminal::on(&server);
    terminal.enters("clear; TERM=dumb ucp-streams top; echo code=$?", &["Enter"]);
    terminal.shows("code=2");
    terminal.shows("ucp-streams info --watch");
    let line = "clear; ucp-streams top --ticks 2 < /dev/null; echo code=$?";
    terminal.enters(line, &["Enter"]);
    terminal.shows("code=0");
    terminal.enters(
        "clear; ucp-streams top -u redis://127.0.0.1:1; echo code=$?",
        &["Enter"],
    );
    terminal.shows("code=4");
    terminal.enters("clear; ucp-streams top -o json; echo code=$?", &["Enter"]);
    terminal.shows("code=2");
}

#[test]
fn without_colour_nothing_is_painted() {
    let server = seeded("gone");
    let terminal = Terminal::on(&server);
    terminal.enters("NO_COLOR=1 ucp-streams top --every 200ms", &["Enter"]);
    shows_row(&terminal, &[GROUP, "3"]);
    let painted = terminal.painted();
    assert!(!painted.contains('\u{1b}'), "{painted}");
    assert!(painted.contains("> "), "{painted}");
    terminal.presses("q");
    terminal.is_restored("0");
}

/// The one who holds what is pending, who can get it, and how often it was delivered.
fn holders(server: &TestServer) -> Vec<String> {
    let pending = server.redis(&["XPENDING", STREAM, GROUP, "-", "+", "10"]);
    pending
        .items()
        .iter()
        .map(|it| it.items()[1].text().to_owned())
        .collect()
}

#[test]
fn every_view_opens_and_a_claim_is_made() {
    let server = seeded("gone");
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "heir"]);
    let letter = [
        "XADD {events.normalized}:dlq 9-1 brand_id b _dlq_stream events.normalized",
        "_dlq_group event-processors _dlq_id 1-0 _dlq_consumer gone _dlq_deliveries 5",
        "_dlq_reason no_total _dlq_time 1970-01-01T00:00:09.000Z _dlq_body present",
    ];
    server.redis(&letter.join(" ").split(' ').collect::<Vec<_>>());
    let ids = server.redis(&["XPENDING", STREAM, GROUP, "-", "+", "10"]);
    let ids: Vec<String> = ids
        .items()
        .iter()
        .map(|it| it.items()[0].text().to_owned())
        .collect();
    // As if nobody had touched them for an hour.
    for id in &ids {
        server.redis(&[
            "XCLAIM", STREAM, GROUP, "gone", "0", id, "IDLE", "3600000", "JUSTID",
        ]);
    }
    let terminal = Terminal::on(&server);
    terminal.enters("ucp-streams top --every 200ms", &["Enter"]);
    shows_row(&terminal, &[GROUP, "3"]);
    terminal.types("2");
    terminal.shows("[2 Findings");
    terminal.presses("Enter");
    terminal.shows("> finding");
    terminal.types("3");
    terminal.shows("[3 Streams");
    terminal.enters("/normalized", &["Enter", "Enter"]);
    terminal.shows("newest of events.normalized");
    terminal.shows("event_id=1");
    terminal.presses("Escape");
    // What follows Escape at once would be part of another key.
    terminal.shows("[3 Streams");
    terminal.types("d");
    terminal.shows("no_total");
    terminal.types("1");
    terminal.enters("/event-", &["Enter", "Enter"]);
    terminal.shows("heir");
    terminal.enters("/gone", &["Enter", "Enter"]);
    terminal.shows("pending of gone");
    terminal.shows(&ids[0]);
    terminal.presses("Enter");
    terminal.shows("brand_id");
    terminal.presses("Escape");
    terminal.presses("Escape");
    terminal.awaits("the consumers", |screen| {
        !screen.contains("pending of gone")
    });
    terminal.types("c");
    terminal.shows("claim the stale entries of gone for");
    terminal.presses("Enter");
    terminal.shows("Proceed? [y/N]");
    let url = server.url();
    assert!(!url.is_empty());
    terminal.shows("ucp-streams claim event-processors --consumer gone --to heir");
    terminal.enters("n", &["Enter"]);
    terminal.shows("declined; nothing was changed");
    assert_eq!(holders(&server), ["gone", "gone"]);
    terminal.types("c");
    terminal.shows("claim the stale entries of gone for");
    terminal.presses("Enter");
    terminal.shows("Proceed? [y/N]");
    terminal.enters("y", &["Enter"]);
    terminal.shows("2 of 2 entries claimed");
    assert_eq!(holders(&server), ["heir", "heir"]);
    let audit = server.ucp(&["audit", "-o", "json"]).stdout_json();
    let recorded = (&audit[0]["command"], &audit[0]["done"], &audit[0]["ended"]);
    assert_eq!(recorded, (&"top claim".into(), &2.into(), &"done".into()));
    terminal.presses("q");
    terminal.is_restored("0");
}

#[test]
fn a_server_that_hangs_while_a_change_is_confirmed_has_not_made_it() {
    let mut server = seeded("gone");
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "heir"]);
    let terminal = Terminal::on(&server);
    terminal.enters("ucp-streams top --timeout 1s", &["Enter"]);
    shows_row(&terminal, &[GROUP, "3"]);
    terminal.enters("/event-", &["Enter", "Enter"]);
    terminal.shows("heir");
    terminal.enters("/gone", &["Enter", "Enter"]);
    terminal.shows("pending of gone");
    terminal.shows("-0");
    terminal.types("c");
    terminal.shows("> heir");
    terminal.presses("Enter");
    terminal.shows("Proceed? [y/N]");
    server.pause();
    terminal.enters("y", &["Enter"]);
    terminal.shows("nothing was changed, because it could not be saved first");
    terminal.shows("OLD:");
    server.resume();
    terminal.awaits("no outage", |screen| !screen.contains("OLD:"));
    terminal.shows("nothing was changed");
    assert_eq!(holders(&server), ["gone", "gone"]);
    terminal.presses("q");
    terminal.is_restored("0");
}

#[test]
fn a_recording_is_played_to_and_fro() {
    let server = seeded("gone");
    let terminal = Terminal::on(&server);
    let record = "clear; ucp-streams record rec --every 200ms --for 1s; echo code=$?";
    terminal.enters(record, &["Enter"]);
    terminal.shows("code=0");
    add(&server, 4);
    terminal.enters(record, &["Enter"]);
    terminal.shows("code=0");
    terminal.enters(
        "clear; ucp-streams top --replay rec --every 200ms",
        &["Enter"],
    );
    terminal.shows("RECORDED");
    shows_row(&terminal, &[GROUP, "7"]);
    terminal.types("p");
    terminal.shows("RECORDED, held");
    terminal.types("[");
    shows_row(&terminal, &[GROUP, "3"]);
    terminal.types("]");
    shows_row(&terminal, &[GROUP, "7"]);
    terminal.enters("/event-", &["Enter", "Enter"]);
    terminal.shows("gone");
    terminal.presses("Enter");
    terminal.shows("and no entries");
    terminal.types("R");
    terminal.shows("read-only: a recording");
    terminal.presses("q");
    terminal.is_restored("0");
    // Where it is may be told by the environment, and then stands at that time.
    let line = "clear; UCP_STREAMS_RECORD=rec ucp-streams top --at 0s";
    terminal.enters(line, &["Enter"]);
    terminal.shows("RECORDED, held");
    shows_row(&terminal, &[GROUP, "7"]);
    terminal.types("[");
    shows_row(&terminal, &[GROUP, "3"]);
    terminal.presses("q");
    terminal.is_restored("0");
    let early = "clear; ucp-streams top --record rec --at 2020-01-01T00:00:00Z; echo code=$?";
    terminal.enters(early, &["Enter"]);
    terminal.shows("nothing was recorded at or before 2020-01-01");
    terminal.shows("code=3");
    for senseless in ["-u redis://cache-1", "--timeout 1s", "--write", "--ticks 3"] {
        let line = format!("clear; ucp-streams top --replay rec {senseless}; echo code=$?");
        terminal.enters(&line, &["Enter"]);
        terminal.shows("code=2");
    }
    terminal.enters(
        "clear; ucp-streams top --replay nothing; echo code=$?",
        &["Enter"],
    );
    terminal.shows("code=3");
}
