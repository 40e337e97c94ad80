//! A whole screen that a command draws and whose keys it gets, until it is dropped. Whatever ends it, the terminal is as
//! it was, and what was said meanwhile is printed then.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Result;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal};
use rustix::process::{Signal as Number, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::looks::Looks;
use super::output::failed;
use super::screen::{QUIT, Screen, keys_of_a_dialog, put};
use super::terminal::stdout_size;
use super::{Console, Signals, Stop};
use crate::model::{Key, KeyDecoder, Problem};

/// Draws everything at once, on terminals that can wait for it.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
/// How long the rest of a key may take: Escape is a key of its own, and the beginning of many.
const REST_OF_KEY: Duration = Duration::from_millis(40);

/// Something that happened at the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenEvent {
    /// A key was pressed.
    Key(Key),
    /// The screen must be drawn again; it may have another size.
    Resized,
    /// A signal asks to end. A terminal that hung up counts as SIGTERM.
    Stop(Stop),
}

impl Console {
    /// Takes the whole screen.
    ///
    /// # Errors
    /// A usage [`Problem`] that suggests `instead` when standard output is no terminal, or one that cannot be drawn on; a
    /// local problem when it cannot be written.
    pub fn full_screen(&self, instead: &str) -> Result<FullScreen<'_>> {
        self.require_screen(instead)?;
        FullScreen::enter(self).map_err(|error| failed(&error))
    }

    /// Makes sure that there is a screen to draw on. Without a keyboard, only signals reach who draws on it.
    ///
    /// # Errors
    /// As the usage problem of [`Console::full_screen`].
    pub fn require_screen(&self, instead: &str) -> Result<(), Problem> {
        let terminal = &self.terminal;
        let why = if !terminal.stdout || terminal.stdout_fault.is_some() {
            "standard output is not a terminal"
        } else if !self.display.redraws {
            "this terminal cannot be drawn on (TERM is dumb or not set)"
        } else if stdout_size().is_none() {
            "this terminal does not say how large it is"
        } else {
            return Ok(());
        };
        let text = format!("a full screen needs a terminal: {why}");
        Err(Problem::usage(text).hint(format!("run: {instead}")))
    }
}

/// The screen.
pub struct FullScreen<'c> {
    console: &'c Console,
    terminal: Terminal<CrosstermBackend<Frames>>,
    keyboard: Option<Keyboard>,
    screen: Option<Screen>,
    resized: Signal,
    suspended: Signal,
    hung_up: Signal,
    signals: Signals,
}

#[derive(Debug)]
struct Keyboard {
    bytes: mpsc::Receiver<u8>,
    /// Tells the reader that the last key was not the last one.
    go_on: std::sync::mpsc::Sender<()>,
    decoder: KeyDecoder,
}

impl<'c> FullScreen<'c> {
    fn enter(console: &'c Console) -> io::Result<Self> {
        let signals = Signals::catch()?;
        let resized = signal(SignalKind::window_change())?;
        let suspended = signal(SignalKind::from_raw(Number::TSTP.as_raw()))?;
        let hung_up = signal(SignalKind::hangup())?;
        let terminal = Terminal::new(CrosstermBackend::new(Frames::default()))?;
        let has_keyboard = console.terminal.stdin;
        let keyboard = has_keyboard.then(|| {
            let (bytes, go_on) = keys_of_a_dialog();
            Keyboard {
                bytes,
                go_on,
                decoder: KeyDecoder::default(),
            }
        });
        console.pager.repeat(Looks::on_screen(true));
        let mut entered = Self {
            console,
            terminal,
            keyboard,
            screen: None,
            resized,
            suspended,
            hung_up,
            signals,
        };
        entered.screen = Some(Screen::enter(has_keyboard)?);
        Ok(entered)
    }

    /// Draws a frame: only what differs from the one before is written.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn draw(&mut self, frame: impl FnOnce(&mut Frame<'_>)) -> Result<()> {
        self.terminal
            .draw(frame)
            .map(|_| ())
            .map_err(|error| failed(&error))
    }

    /// From now on nothing of the screen is taken to be as it was drawn.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn clear(&mut self) -> Result<()> {
        // The same size, which asks the terminal nothing: its answer would come as keys.
        let (width, height) = self.size();
        let area = Rect::new(0, 0, width, height);
        self.terminal.resize(area).map_err(|error| failed(&error))
    }

    /// How many columns and rows it has.
    pub fn size(&self) -> (u16, u16) {
        stdout_size().map_or((0, 0), |it| (it.columns, it.rows))
    }

    /// What was said on standard error since this was asked last.
    pub fn take_said(&self) -> Vec<String> {
        let look = self.console.pager.looks(|it| it.end(false));
        look.and_then(Result::ok)
            .map(|it| it.said)
            .unwrap_or_default()
    }

    /// The next thing that happens. May be dropped and asked for again.
    pub async fn event(&mut self) -> ScreenEvent {
        loop {
            tokio::select! {
                biased;
                stop = self.signals.next() => return ScreenEvent::Stop(stop),
                Some(()) = self.hung_up.recv() => return ScreenEvent::Stop(Stop::Terminate),
                Some(()) = self.suspended.recv() => {
                    if !self.suspend() {
                        return ScreenEvent::Stop(Stop::Terminate);
                    }
                    return ScreenEvent::Resized;
                }
                Some(()) = self.resized.recv() => return ScreenEvent::Resized,
                Some(key) = key(&mut self.keyboard) => return ScreenEvent::Key(key),
                else => std::future::pending().await,
            }
        }
    }

    /// Gives the terminal back, and stops until the shell lets it go on. Returns whether it has the terminal again.
    fn suspend(&mut self) -> bool {
        self.screen = None;
        let _ = kill_process(getpid(), Number::STOP);
        let Ok(screen) = Screen::enter(self.console.terminal.stdin) else {
            return false;
        };
        self.screen = Some(screen);
        self.clear().is_ok()
    }
}

/// The next key; `None` when no keyboard is left.
async fn key(keyboard: &mut Option<Keyboard>) -> Option<Key> {
    let Keyboard {
        bytes,
        go_on,
        decoder,
    } = keyboard.as_mut()?;
    loop {
        let byte = if decoder.waits() {
            match timeout(REST_OF_KEY, bytes.recv()).await {
                Ok(byte) => byte,
                Err(_) => match decoder.end() {
                    Some(key) => return Some(key),
                    None => continue,
                },
            }
        } else {
            bytes.recv().await
        };
        let Some(byte) = byte else {
            *keyboard = None;
            return None;
        };
        match decoder.take(byte) {
            Some(key) => return Some(key),
            // Within a sequence it cannot be the last key.
            None if QUIT.contains(&byte) => _ = go_on.send(()),
            None => {}
        }
    }
}

impl FullScreen<'_> {
    /// Says that the last key, which was a `q`, did not end it, so that the keyboard is read on.
    pub fn go_on(&self) {
        if let Some(keyboard) = &self.keyboard {
            let _ = keyboard.go_on.send(());
        }
    }
}

impl Drop for FullScreen<'_> {
    fn drop(&mut self) {
        // Before the screen: what is typed then is for the next program.
        self.keyboard = None;
        self.screen = None;
        for text in self.console.pager.repeat_no_more() {
            self.console.tell(&text);
        }
    }
}

/// Writes each frame in one piece.
#[derive(Debug, Default)]
struct Frames(Vec<u8>);

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let frame = [BEGIN, &self.0, END].concat();
        self.0.clear();
        put(&String::from_utf8_lossy(&frame))
    }
}
