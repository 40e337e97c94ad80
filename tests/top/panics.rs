//! A panic while the screen is taken gives the terminal back.

use std::sync::Arc;

use ucp_streams::cli::Globals;
use ucp_streams::console::{Console, Terminal as Streams};
use ucp_streams::settings::{DisplaySettings, Env};

use crate::support::Terminal;
use crate::support::seeded::seeded;

/// Takes the screen and panics; started by the other test, in a terminal.
#[test]
#[ignore = "it needs a terminal, and panics"]
fn taken_and_left() {
    let streams = Streams::detect();
    let (globals, env) = (Globals::default(), Env::read());
    let display = DisplaySettings::resolve(&globals, &env, streams.stdout, streams.stderr);
    let console = Arc::new(Console::new(streams, display));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut screen = console.full_screen("something else").unwrap();
        screen
            .draw(|frame| {
                let area = frame.area();
                let style = ratatui::style::Style::new();
                frame
                    .buffer_mut()
                    .set_string(0, area.height / 2, "the screen is ours", style);
            })
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        panic!("on purpose");
    });
}

#[test]
fn a_panic_gives_the_terminal_back() {
    let server = seeded("gone");
    let terminal = Terminal::on(&server);
    let program = std::env::current_exe().unwrap();
    let line = format!(
        "clear; {} --ignored --exact panics::taken_and_left --nocapture",
        program.display()
    );
    terminal.enters(&line, &["Enter"]);
    // Words that are not in the line that was typed.
    terminal.shows("the screen is ours");
    assert_eq!(terminal.asks("#{cursor_flag} #{alternate_on}"), "0 1");
    terminal.is_restored("101");
}
