//! Showing the same look again and again: drawn in place on a terminal that can redraw, one below the other elsewhere.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Result;
use memchr::memchr_iter;
#[cfg(unix)]
use rustix::process::{Signal, getpid, kill_process};
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::Console;
use super::looks::{Blocks, Look, Looks};
use super::output::failed;
use super::screen::{QUIT, Screen, keys, put};
use super::terminal::stdout_size;
use crate::model::{Format, Problem, Time, Tone, format_duration, whole_ms};
use crate::view::{Changes, Cut, Options, Screenful, fitted, human_millis, to_the_second};

/// How much of a screen there is at least, whatever stands beside the lists.
const ROOM_MIN: usize = 1;

/// How far the names of what is gone are set in that do not fit on one line.
const GONE_INDENT: usize = 2;

/// How a look is repeated.
#[derive(Debug)]
pub(super) struct Repeats {
    every: Duration,
    /// On a screen, what was shown before.
    changes: Option<Changes>,
}

/// Something that happened at the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is to end.
    Quit,
    /// The screen has another size.
    Resized,
}

impl Console {
    /// From now on, each look is shown in place of the one before, or below it.
    pub fn watch(&self, every: Duration) -> Watch<'_> {
        let is_screen = self.options.on_screen()
            && self.display.redraws
            && self.terminal.stdout_fault.is_none()
            && stdout_size().is_some();
        let looks = if is_screen {
            Looks::on_screen(self.terminal.stderr)
        } else {
            let format = self.options.format;
            let is_filtered = self.filter.is_some();
            Looks::in_blocks(Blocks::new(
                match format {
                    _ if is_filtered => b"",
                    Format::Json | Format::Ndjson => b"",
                    Format::Csv => b"\r\n",
                    _ => b"\n",
                },
                format == Format::Json && !is_filtered,
            ))
        };
        let _ = self.repeats.set(Repeats {
            every,
            changes: is_screen.then(Changes::default),
        });
        self.pager.repeat(looks);
        Watch {
            console: self,
            is_screen,
            opened: None,
            shown: Screenful::default(),
            begun: None,
            looked: None,
            is_away: false,
        }
    }

    /// How often a look is repeated, if it is.
    pub fn repeats_every(&self) -> Option<Duration> {
        self.repeats.get().map(|it| it.every)
    }

    /// How things are shown now: a screen that is drawn again may have another width.
    pub fn present(&self) -> Options {
        let mut options = self.options.clone();
        if let Some(changes) = self.changes() {
            options.changes = Some(changes.clone());
            let width = stdout_size().map(|size| size.columns);
            options.width = width.or(options.width);
        }
        options
    }

    fn changes(&self) -> Option<&Changes> {
        self.repeats.get()?.changes.as_ref()
    }

    /// The rows of a screen that is drawn again and again.
    pub(super) fn screen_rows(&self) -> Option<usize> {
        self.changes()?;
        stdout_size().map(|size| usize::from(size.rows))
    }

    /// How many rows such a screen has for a report, besides what stands above it and was said below it.
    pub(super) fn room(&self) -> Option<usize> {
        let said = self.pager.looks(|it| it.rows_said()).unwrap_or_default();
        let others = self.opening.rows() + said;
        Some(self.screen_rows()?.saturating_sub(others).max(ROOM_MIN))
    }

    /// Whether a repeated look was shown already.
    pub(super) fn has_looked(&self) -> bool {
        self.pager.looks(|it| it.is_later()).unwrap_or_default()
    }
}

/// Appends a report with as many rows of its lists as fit into `room` lines, and below it which rows are gone.
pub(super) fn fit(
    out: &mut Vec<u8>,
    options: &Options,
    room: usize,
    write: impl Fn(&mut Vec<u8>, &Options) -> Result<Vec<Cut>, Problem>,
) -> Result<Vec<Cut>, Problem> {
    let with = |rows: usize| {
        let options = Options {
            rows_max: Some(rows),
            ..options.clone()
        };
        if let Some(changes) = &options.changes {
            changes.again();
        }
        let mut text = Vec::new();
        let cuts = write(&mut text, &options)?;
        if let Some(gone) = options.changes.as_ref().and_then(Changes::gone) {
            let gone = fitted(gone, options.width, GONE_INDENT);
            let gone = options.theme.paint(Tone::Dim, &gone);
            text.extend_from_slice(gone.as_bytes());
            text.push(b'\n');
        }
        let lines = memchr_iter(b'\n', &text).count();
        Ok::<_, Problem>((text, cuts, lines <= room))
    };
    let most = options.rows_max.unwrap_or(room).max(1);
    let mut written = with(most)?;
    if !written.2 {
        // The most rows that fit are found by halves; one where not even one fits.
        let (mut least, mut beyond) = (1, most);
        let mut best = None;
        while beyond - least > 1 {
            let rows = least + (beyond - least) / 2;
            let tried = with(rows)?;
            if tried.2 {
                least = rows;
                best = Some(tried);
            } else {
                beyond = rows;
            }
        }
        written = match best {
            Some(best) => best,
            None => with(1)?,
        };
    }
    let (mut text, cuts, _) = written;
    out.append(&mut text);
    Ok(cuts)
}

/// Looks that are shown one after the other. The terminal is as it was when this is dropped, and shows the last look.
#[derive(Debug)]
pub struct Watch<'c> {
    console: &'c Console,
    is_screen: bool,
    opened: Option<Opened>,
    shown: Screenful,
    /// When the present look began.
    begun: Option<(Instant, Time)>,
    /// When the last look that went well began.
    looked: Option<(Instant, Time)>,
    is_away: bool,
}

/// The screen, and what happens there.
#[derive(Debug)]
struct Opened {
    /// Gone before the screen is: what is typed then is for the next program.
    keys: mpsc::Receiver<u8>,
    screen: Option<Screen>,
    #[cfg(unix)]
    resized: tokio::signal::unix::Signal,
    #[cfg(unix)]
    suspended: tokio::signal::unix::Signal,
}

impl Watch<'_> {
    /// A look begins.
    pub fn begin(&mut self) {
        self.begun = Some((Instant::now(), Time::now()));
        if let Some(changes) = self.console.changes() {
            let passed = self.looked.map(|(looked, _)| looked.elapsed());
            changes.begin(whole_ms(passed.unwrap_or_default()));
            if self.console.options.headers && !self.console.display.quiet {
                // Until a header says more.
                self.console.begin_with(self.heading());
            }
        }
    }

    /// A look went well: shows what it wrote and said.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&mut self) -> Result<()> {
        self.looked = self.begun;
        let was_away = std::mem::take(&mut self.is_away);
        let Look { text, beyond, said } = self.take(false)?;
        if !self.is_screen {
            if was_away {
                self.note("looking again");
            }
            return Ok(());
        }
        self.shown = Screenful {
            outage: None,
            body: text,
            beyond,
            said,
        };
        if let Some(changes) = self.console.changes() {
            changes.keep();
        }
        self.draw()
    }

    /// A look failed, and another one follows: what was shown stays, with the reason why it is old.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn failed(&mut self, why: &str) -> Result<()> {
        let was_away = std::mem::replace(&mut self.is_away, true);
        self.take(true)?;
        if !self.is_screen {
            if !was_away {
                self.note(&format!("{why}; trying again"));
            }
            return Ok(());
        }
        let old = self.looked.map_or_else(String::new, |(looked, at)| {
            let age = human_millis(whole_ms(looked.elapsed()));
            format!("these figures are {age} old, of {}: ", to_the_second(at))
        });
        self.shown.outage = Some(format!("{old}{why}; trying again"));
        self.draw()
    }

    /// Draws what is shown once more, on a screen that may have another size.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn draw(&mut self) -> Result<()> {
        if !self.is_screen {
            return Ok(());
        }
        if self.opened.is_none() {
            self.opened = Some(Opened::new(self.console.terminal.stdin)?);
        }
        let rows = self.console.screen_rows().unwrap_or_default();
        let drawn = self.shown.drawn(&self.console.present(), rows);
        put(&drawn).map_err(|error| failed(&error))
    }

    /// The next thing that happens at the terminal. May be dropped and asked for again.
    pub async fn event(&mut self) -> Event {
        match &mut self.opened {
            Some(opened) => opened.event(self.console.terminal.stdin).await,
            None => std::future::pending().await,
        }
    }

    /// When the look was, and when the next is.
    fn heading(&self) -> Vec<u8> {
        let every = self.console.repeats_every().unwrap_or_default();
        let now = to_the_second(Time::now());
        let text = format!("{now} · every {}", format_duration(every));
        let theme = self.console.present().theme;
        format!("{}\n", theme.paint(Tone::Dim, &text)).into_bytes()
    }

    /// Says something that is no part of a look.
    fn note(&self, text: &str) {
        self.console.note(text);
        self.console.pager.looks(Looks::forget);
    }

    fn take(&self, has_failed: bool) -> Result<Look> {
        match self.console.pager.looks(|it| it.end(has_failed)) {
            Some(look) => look.map_err(|error| failed(&error)),
            None => Ok(Look::default()),
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let was_opened = self.opened.take().is_some();
        let unsaid = self.console.pager.repeat_no_more();
        if was_opened {
            let _ = put(&self.shown.whole(&self.console.present()));
        }
        // What a look said that was cut short is on the screen already, or is not the whole of it.
        if !was_opened || std::thread::panicking() {
            for text in unsaid {
                self.console.tell(&text);
            }
        }
    }
}

impl Opened {
    fn new(has_keyboard: bool) -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            resized: signal(SignalKind::window_change())?,
            #[cfg(unix)]
            suspended: signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?,
            keys: if has_keyboard {
                keys()
            } else {
                mpsc::channel(1).1
            },
            screen: Some(Screen::enter(has_keyboard)?),
        })
    }

    #[cfg(unix)]
    async fn event(&mut self, has_keyboard: bool) -> Event {
        loop {
            tokio::select! {
                Some(key) = self.keys.recv() => if QUIT.contains(&key) {
                    return Event::Quit;
                },
                Some(()) = self.resized.recv() => return Event::Resized,
                Some(()) = self.suspended.recv() => {
                    self.screen = None;
                    // Goes on here when the shell lets it.
                    let _ = kill_process(getpid(), Signal::STOP);
                    match Screen::enter(has_keyboard) {
                        Ok(screen) => self.screen = Some(screen),
                        Err(_) => return Event::Quit,
                    }
                    return Event::Resized;
                }
                else => std::future::pending().await,
            }
        }
    }

    #[cfg(not(unix))]
    async fn event(&mut self, _: bool) -> Event {
        loop {
            match self.keys.recv().await {
                Some(key) if QUIT.contains(&key) => return Event::Quit,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }
}
