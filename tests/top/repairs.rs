//! Changes from the screen in a real terminal, on a real server: what guards them, and what becomes of them when the
//! server or the screen goes away.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::seeded::{GROUP, STREAM, add, seeded};
use crate::support::{End, PATIENCE, Proxy, Terminal, TestServer, until};
use crate::terminal::shows_row;

/// Nobody has touched what the consumer holds for an hour.
fn stale(server: &TestServer) {
    let script =
        "for _, it in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000)) do
        redis.call('XCLAIM', KEYS[1], ARGV[1], it[2], 0, it[1], 'IDLE', 3600000, 'JUSTID') end";
    server.redis(&["EVAL", script, "1", STREAM, GROUP]);
}

fn pending(server: &TestServer) -> i64 {
    let pending = server.redis(&["XPENDING", STREAM, GROUP]);
    pending.items()[0].int()
}

fn length(server: &TestServer) -> i64 {
    server.redis(&["XLEN", STREAM]).int()
}

/// Starts top, and opens the consumers of the group.
#[track_caller]
fn opens(terminal: &Terminal, options: &str) {
    terminal.enters(&format!("clear; ucp-streams top {options}"), &["Enter"]);
    shows_row(terminal, &[GROUP]);
    terminal.enters("/event-", &["Enter", "Enter"]);
    terminal.shows("> event-processors on events.normalized");
    shows_consumer(terminal);
}

#[track_caller]
fn shows_consumer(terminal: &Terminal) {
    terminal.awaits("the consumer", |screen| {
        screen.lines().any(|it| it.starts_with("> gone"))
    });
}

/// The process that runs top.
fn process(terminal: &Terminal) -> Pid {
    let pid = std::fs::read_to_string(terminal.home().join("pid")).unwrap();
    Pid::from_raw(pid.trim().parse().unwrap()).unwrap()
}

/// Starts top so that its process is known.
#[track_caller]
fn opens_known(terminal: &Terminal, options: &str) {
    let line = format!("clear; sh -c 'echo $$ > pid; exec ucp-streams top {options}'");
    terminal.enters(&line, &["Enter"]);
    shows_row(terminal, &[GROUP]);
    terminal.enters("/event-", &["Enter", "Enter"]);
    shows_consumer(terminal);
}

#[test]
fn entries_are_requeued_and_dead_letters_redriven() {
    let server = seeded("gone");
    stale(&server);
    let letter = [
        "XADD {events.normalized}:dlq 9-1 brand_id b _dlq_stream events.normalized",
        "_dlq_group event-processors _dlq_id 1-0 _dlq_consumer gone _dlq_deliveries 5",
        "_dlq_reason no_total _dlq_time 1970-01-01T00:00:09.000Z _dlq_body present",
    ];
    server.redis(&letter.join(" ").split(' ').collect::<Vec<_>>());
    let terminal = Terminal::on(&server);
    opens(&terminal, "--every 200ms");
    terminal.types("R");
    terminal.shows("the same as:");
    terminal.shows("ucp-streams requeue event-processors");
    terminal.enters("yes", &["Enter"]);
    terminal.shows("2 of 2 entries requeued");
    terminal.shows("to undo it: ucp-streams undo ");
    assert_eq!((pending(&server), length(&server)), (0, 7));
    terminal.types("d");
    terminal.shows("no_total");
    terminal.types("r");
    terminal.shows("ucp-streams dlq redrive events.normalized 9-1");
    terminal.enters("y", &["Enter"]);
    terminal.shows("1 of 1 entry redriven");
    assert_eq!(length(&server), 8);
    let letters = server.redis(&["XLEN", "{events.normalized}:dlq"]);
    assert_eq!(letters.int(), 0);
    terminal.awaits("no dead letter", |screen| !screen.contains("no_total"));
    // Another group would see the copies, too: that is agreed first.
    server.redis(&["XGROUP", "CREATE", STREAM, "audit", "$"]);
    server.deliver((STREAM, GROUP), "gone", 1);
    stale(&server);
    terminal.types("1");
    terminal.presses("Enter");
    shows_consumer(&terminal);
    terminal.types("R");
    terminal.shows("v: via the retry stream");
    terminal.types("v");
    terminal.shows("no live worker");
    terminal.types("a");
    terminal.shows("--all-groups-see-it");
    terminal.shows("Proceed? [y/N]");
    terminal.presses("Escape");
    terminal.shows("nothing was changed");
    assert_eq!(length(&server), 8);
    terminal.presses("q");
    terminal.is_restored("0");
}

#[test]
fn in_production_a_change_needs_its_name_however_it_was_begun() {
    let server = seeded("gone");
    stale(&server);
    let terminal = Terminal::on(&server);
    let marks = format!(
        "clear; ucp-streams context add prod -u {} --production > /dev/null; echo made=$?",
        server.url()
    );
    terminal.enters(&marks, &["Enter"]);
    terminal.shows("made=0");
    opens(&terminal, "--context prod");
    terminal.shows("read-only: production (w)");
    terminal.types("R");
    terminal.shows("Type prod to allow changes");
    terminal.enters("prox", &["Enter"]);
    terminal.shows("that was not prod: still read-only");
    terminal.enters("w", &[]);
    terminal.shows("Type prod to allow changes");
    terminal.enters("prod", &["Enter"]);
    terminal.shows("changes to prod are allowed");
    terminal.types("R");
    terminal.shows("This is production. Type prod to proceed");
    terminal.enters("yes", &["Enter"]);
    terminal.shows("declined: that was not `prod`");
    assert_eq!(pending(&server), 2);
    terminal.presses("q");
    terminal.is_restored("0");
    // The same address without its name is the same server.
    opens(&terminal, "--write");
    terminal.types("R");
    terminal.shows("This is production. Type prod to proceed");
    terminal.enters("prod", &["Enter"]);
    terminal.shows("2 of 2 entries requeued");
    assert_eq!(pending(&server), 0);
    terminal.presses("q");
    terminal.is_restored("0");
}

#[test]
fn what_is_read_only_stays_so_and_yes_is_refused() {
    let server = seeded("gone");
    stale(&server);
    let terminal = Terminal::on(&server);
    opens(&terminal, "--read-only");
    terminal.types("Rrcw");
    terminal.shows("read-only: started with --read-only");
    terminal.presses("q");
    terminal.is_restored("0");
    assert_eq!(pending(&server), 2);
    let line = "clear; ucp-streams top --yes; echo code=$?";
    terminal.enters(line, &["Enter"]);
    terminal.shows("top asks on the screen before it changes anything");
    terminal.shows("code=2");
    let line = "clear; ucp-streams top --dry-run; echo code=$?";
    terminal.enters(line, &["Enter"]);
    terminal.shows("top shows each plan before it asks");
    terminal.shows("code=2");
}

#[test]
fn a_server_that_is_killed_while_a_change_is_confirmed_has_not_made_it() {
    let mut server = seeded("gone");
    stale(&server);
    let terminal = Terminal::on(&server);
    opens(&terminal, "--every 200ms --timeout 1s");
    terminal.types("R");
    terminal.shows("Proceed? [y/N]");
    server.kill();
    terminal.enters("y", &["Enter"]);
    terminal.shows("error: ");
    terminal.shows("OLD: these figures are");
    // What was seen before is still there.
    shows_consumer(&terminal);
    server.restart();
    terminal.awaits("no outage", |screen| !screen.contains("OLD:"));
    assert_eq!((pending(&server), length(&server)), (2, 5));
    add(&server, 1);
    terminal.types("1");
    shows_row(&terminal, &[GROUP, "4"]);
    terminal.presses("q");
    terminal.is_restored("0");
}

#[test]
fn a_change_that_does_not_end_is_cut_off_by_a_second_signal() {
    let mut server = seeded("gone");
    stale(&server);
    let terminal = Terminal::on(&server);
    opens_known(&terminal, "--every 1m --timeout 1m");
    let process = process(&terminal);
    terminal.types("R");
    terminal.shows("Proceed? [y/N]");
    server.pause();
    terminal.enters("y", &["Enter"]);
    terminal.shows("requeue ");
    terminal.shows("under way, 0 tried");
    kill_process(process, Signal::TERM).unwrap();
    terminal.shows("the change stops before its next entries");
    assert_eq!(terminal.asks("#{cursor_flag} #{alternate_on}"), "1 0");
    kill_process(process, Signal::TERM).unwrap();
    terminal.shows("cut off, because a second signal came: 0 of 2 entries were tried");
    terminal.shows("ucp-streams pending event-processors");
    terminal.is_restored("8");
    server.resume();
}

#[test]
fn a_server_that_goes_away_while_a_change_is_made_leaves_its_outcome_unknown() {
    let server = seeded("gone");
    stale(&server);
    // The server knows the script.
    let first = server.ucp(&["requeue", GROUP, "--yes"]);
    first.assert_code(0);
    server.deliver((STREAM, GROUP), "gone", 2);
    stale(&server);
    let proxy = Proxy::before(server.socket());
    let terminal = Terminal::at(&proxy.url());
    opens(&terminal, "--every 200ms --timeout 1m");
    terminal.types("R");
    terminal.shows("Proceed? [y/N]");
    // The script is run, and nobody hears of it.
    proxy.drop_replies_to("EVALSHA");
    terminal.enters("y", &["Enter"]);
    terminal.shows("under way, 0 tried");
    until(PATIENCE, "that it is made", || pending(&server) == 0);
    proxy.end_all(End::Reset);
    terminal.shows("check the state before you repeat the command");
    // The state is on the screen, as soon as the server is.
    terminal.awaits("that it goes on", |screen| {
        screen
            .lines()
            .any(|line| line.split_whitespace().take(3).eq([">", "gone", "0"]))
    });
    terminal.presses("q");
    terminal.is_restored("0");
}

/// So many entries that requeueing them takes seconds.
const MANY: i64 = 60_000;

fn many() -> TestServer {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    let script = "for i = 1, tonumber(ARGV[2]) do redis.call('XADD', KEYS[1], i .. '-0', 'event_id', i) end
        redis.call('XREADGROUP', 'GROUP', ARGV[1], 'gone', 'COUNT', ARGV[2], 'STREAMS', KEYS[1], '>')";
    let count = MANY.to_string();
    server.redis(&["EVAL", script, "1", STREAM, GROUP, &count]);
    stale(&server);
    server
}

/// Some of the entries were tried.
#[track_caller]
fn is_going_on(terminal: &Terminal) {
    terminal.awaits("that it is under way", |screen| {
        let tried = screen.split_once("under way, ");
        tried.is_some_and(|(_, rest)| !rest.starts_with("0 "))
    });
}

#[test]
fn a_change_that_is_left_stops_and_tells_how_much_was_done() {
    for (signal, code) in [
        (None, "7"),
        (Some(Signal::INT), "130"),
        (Some(Signal::TERM), "143"),
    ] {
        let server = many();
        let terminal = Terminal::on(&server);
        terminal.resizes("160", "30");
        opens_known(&terminal, "--every 200ms");
        terminal.types("R");
        terminal.shows("Proceed? [y/N]");
        terminal.enters("y", &["Enter"]);
        is_going_on(&terminal);
        match signal {
            None => terminal.types("q"),
            Some(signal) => kill_process(process(&terminal), signal).unwrap(),
        }
        terminal.shows("the change stops before its next entries");
        terminal.shows("stopped: ");
        terminal.shows("of 60,000 entries requeued");
        let left = pending(&server);
        assert!((1..MANY).contains(&left), "{left} of {MANY} are left");
        // Each of them once.
        assert_eq!(length(&server), MANY + MANY - left);
        terminal.is_restored(code);
    }
}

#[test]
fn a_change_is_seen_to_go_on() {
    let server = many();
    let terminal = Terminal::on(&server);
    opens(&terminal, "--every 200ms");
    terminal.types("R");
    terminal.shows("Proceed? [y/N]");
    terminal.enters("y", &["Enter"]);
    is_going_on(&terminal);
    // Whatever the screen is, in the middle of it.
    for (columns, rows) in [("20", "5"), ("80", "24"), ("41", "9"), ("120", "40")] {
        terminal.resizes(columns, rows);
    }
    terminal.awaits("the end", |screen| {
        screen.contains("60,000 of 60,000 entries requeued")
    });
    assert_eq!((pending(&server), length(&server)), (0, 2 * MANY));
}
