//! `--watch` on a terminal: drawn in place, with what has changed marked, and nothing of it left when it ends.

use std::process::Command;

use super::{GROUP, STREAM, pending_600};
use crate::support::Terminal;
use crate::support::seeded::{add, seeded};

/// Awaits a line with all of these words in this order, between nothing but spaces.
#[track_caller]
fn shows_row(terminal: &Terminal, words: &[&str]) {
    terminal.awaits(&format!("{words:?}"), |screen| {
        screen
            .lines()
            .any(|line| line.split_whitespace().collect::<Vec<_>>() == words)
    });
}

#[test]
fn what_changed_is_marked_and_what_is_gone_is_said_once() {
    let server = seeded("c");
    let terminal = Terminal::on(&server);
    let watch = "NO_COLOR=1 ucp-streams lag --watch 1s --columns group,lag,pending; true";
    terminal.enters(watch, &["Enter"]);
    shows_row(&terminal, &[GROUP, "3", "2"]);
    terminal.shows("every 1s");
    assert_eq!(terminal.asks("#{cursor_flag} #{alternate_on}"), "0 1");
    server.deliver((STREAM, GROUP), "c", 1);
    shows_row(&terminal, &[GROUP, "2↓", "3↑"]);
    shows_row(&terminal, &[GROUP, "2", "3"]);
    server.redis(&["XGROUP", "CREATE", STREAM, "audit", "$"]);
    shows_row(&terminal, &["+", "audit", "(extra)", "0", "0"]);
    shows_row(&terminal, &["audit", "(extra)", "0", "0"]);
    server.redis(&["XGROUP", "DESTROY", STREAM, "audit"]);
    terminal.shows("gone: audit (extra)");
    terminal.awaits("no rest of it", |screen| !screen.contains("audit"));
    terminal.presses("q");
    terminal.is_restored("0");
    let screen = terminal.screen();
    assert_eq!(screen.matches(&format!("{GROUP} ")).count(), 1, "{screen}");
}

#[test]
fn with_colour_what_changed_strikes_the_eye() {
    let server = seeded("c");
    let terminal = Terminal::on(&server);
    terminal.enters("ucp-streams lag --watch 1s --columns group,lag", &["Enter"]);
    shows_row(&terminal, &[GROUP, "3"]);
    add(&server, 1);
    terminal.awaits_painted("\x1b[7m4↑");
    terminal.presses("C-c");
    terminal.is_restored("0");
}

#[test]
fn a_server_that_is_away_leaves_the_last_figures_and_says_since_when() {
    let mut server = seeded("c");
    let terminal = Terminal::on(&server);
    terminal.enters(
        "ucp-streams lag --watch 500ms --columns group,lag",
        &["Enter"],
    );
    shows_row(&terminal, &[GROUP, "3"]);
    server.kill();
    terminal.shows("these figures are");
    terminal.awaits("why, above the figures", |screen| {
        let why = screen.find("trying again");
        why.is_some() && why < screen.find(GROUP)
    });
    shows_row(&terminal, &[GROUP, "3"]);
    server.restart();
    add(&server, 1);
    terminal.awaits("that it goes on", |screen| {
        !screen.contains("these figures are")
    });
    terminal.awaits("the new figure", |screen| screen.contains(" 4"));
    terminal.presses("C-c");
    terminal.is_restored("0");
}

#[test]
fn it_follows_the_size_of_the_screen_and_never_moves_it_up() {
    let server = pending_600();
    let terminal = Terminal::on(&server);
    let watch = format!("clear; ucp-streams pending {GROUP} --watch 1m --limit 0");
    terminal.enters(&watch, &["Enter"]);
    terminal.shows("600 pending in group");
    let rows = |screen: &str| {
        screen
            .lines()
            .filter(|it| it.starts_with("17000000"))
            .count()
    };
    for (columns, lines) in [("80", 24), ("160", 50), ("60", 18), ("100", 30)] {
        terminal.resizes(columns, &lines.to_string());
        terminal.awaits("a list as long as the screen", |screen| {
            let taken = screen.trim_end().lines().count();
            // The header stands at the top, and the sum at the bottom.
            screen.starts_with('/')
                && screen.contains("600 pending in group")
                && taken >= lines - 3
                && rows(screen) >= lines / 6
                && screen.contains(&format!("{} of 600 shown", rows(screen)))
                && !screen.contains("gone: ")
        });
    }
    terminal.resizes("100", "5");
    terminal.shows("more lines do not fit on this screen");
    terminal.presses("q");
    terminal.is_restored("0");
}

#[test]
fn whatever_ends_it_gives_the_terminal_back() {
    let server = seeded("c");
    let terminal = Terminal::on(&server);
    let watch = "ucp-streams info --watch 1s & echo $! > pid; fg; sh -c 'exit '$?";
    terminal.enters(watch, &["Enter"]);
    terminal.shows("every 1s");
    let pid = std::fs::read_to_string(terminal.home().join("pid")).unwrap();
    Command::new("kill").arg(pid.trim()).status().unwrap();
    terminal.is_restored("143");
    // Stopped for a while, the shell has the terminal; then it goes on where it was.
    terminal.enters("clear; ucp-streams lag --watch 1s", &["Enter"]);
    shows_row(
        &terminal,
        &[
            "GROUP", "STREAM", "LAG", "BEHIND", "PENDING", "OLDEST", "LIVE",
        ],
    );
    terminal.presses("C-z");
    terminal.awaits("that it is stopped", |screen| screen.contains("Stopped"));
    assert_eq!(terminal.asks("#{cursor_flag} #{alternate_on}"), "1 0");
    terminal.enters("fg", &["Enter"]);
    terminal.awaits("the watch again", |screen| {
        screen.starts_with('/') && !screen.contains("Stopped")
    });
    terminal.presses("q");
    terminal.is_restored("0");
    // The neighbour: other formats are printed one below the other.
    terminal.enters("clear; ucp-streams lag event-processors --watch 100ms --ticks 2 -o csv --columns group,lag", &["Enter"]);
    terminal.awaits("two blocks", |screen| {
        screen.matches("event-processors,3").count() == 2
    });
}

#[test]
fn an_age_that_grew_by_the_time_of_a_long_look_is_no_change() {
    let server = seeded("c");
    let terminal = Terminal::on(&server);
    terminal.enters(
        "ucp-streams lag event-processors --over 2s --watch=100ms",
        &["Enter"],
    );
    terminal.shows(GROUP);
    // Two more looks, each of which takes two seconds.
    std::thread::sleep(std::time::Duration::from_secs(5));
    let screen = terminal.screen();
    assert!(screen.contains(GROUP) && !screen.contains('↑'), "{screen}");
    terminal.presses("q");
    terminal.is_restored("0");
}
