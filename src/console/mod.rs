//! stdout, stderr, terminal facts, progress, prompts, logs and signals: the only writer of this crate.
//! Data goes to stdout, everything else to stderr, and nothing reaches a terminal unescaped.

mod confirm;
mod descriptors;
mod device;
mod failure;
mod filter;
mod full_screen;
mod logs;
mod looks;
mod output;
mod pager;
mod plan;
mod progress;
mod reader;
mod screen;
mod service;
mod show;
mod signals;
mod space;
mod terminal;
mod voice;
mod watch;

use std::sync::{Arc, OnceLock};

use anyhow::Result;

pub use descriptors::{Fault, Input};
pub use device::Device;
pub use filter::{asked as is_filter, serve as serve_filter};
pub use full_screen::{FullScreen, ScreenEvent};
pub use output::Output;
pub use progress::Progress;
pub use service::ServiceManager;
pub use signals::{Signals, Stop};
pub use space::free_bytes;
pub use terminal::Terminal;
pub use watch::{Event, Watch};

use crate::exit::{Exit, OutputClosed, Stopped, classify};
use crate::model::{Consent, Format, LogFormat, Problem, Tone, escaped, with_commas};
use crate::settings::{DisplaySettings, PagerChoice, Protected};
use crate::view::{Options, Theme};
use filter::Filter;
use output::{Opening, Through, Unshown};
use pager::Pager;
use progress::Bar;
use reader::Reader;
use voice::{Voice, lines};
use watch::Repeats;

/// The two outputs of one command, and how to write to them.
#[derive(Debug)]
pub struct Console {
    terminal: Terminal,
    display: DisplaySettings,
    options: Options,
    stderr_theme: Theme,
    bar: Bar,
    filter: Option<Arc<Filter>>,
    unshown: Unshown,
    opening: Opening,
    reader: Reader,
    pager: Pager,
    repeats: OnceLock<Repeats>,
}

impl Console {
    /// A console for the outputs of this process.
    pub fn new(terminal: Terminal, display: DisplaySettings) -> Self {
        let options = Options {
            format: display.format.value,
            columns: display.columns.clone(),
            headers: display.headers,
            names: display.names,
            rows_max: None,
            width: terminal.stdout_width.or(display.columns_of_env),
            terminal: terminal.stdout,
            csv_safe: display.csv_safe,
            theme: Theme::new(display.colour_stdout.value),
            changes: None,
        };
        let (stderr_theme, bar) = (Theme::new(display.colour_stderr.value), Bar::default());
        let pager = Pager::default();
        let voice = Voice {
            theme: stderr_theme,
            is_terminal: terminal.stderr,
            bar: bar.clone(),
            pager: pager.clone(),
        };
        Self {
            stderr_theme,
            terminal,
            display,
            options,
            bar,
            filter: None,
            unshown: Unshown::new(voice),
            opening: Opening::default(),
            reader: Reader::default(),
            pager,
            repeats: OnceLock::new(),
        }
    }

    /// Passes all further standard output through this jq expression.
    ///
    /// # Errors
    /// A usage [`Problem`] when it does not compile, or when the output is not JSON; an error when a signal comes, or
    /// the reader of the output goes away, before it is compiled.
    pub fn filter_with(&mut self, expression: &str) -> anyhow::Result<()> {
        let format = self.options.format;
        if !format.is_json() {
            return Err(Problem::usage(format!(
                "--jq filters JSON, but the output format is {}",
                format.word()
            ))
            .hint("use -o json or -o ndjson")
            .into());
        }
        let filter = Filter::jq(expression, self.terminal.stdout)?;
        self.filter = Some(Arc::new(filter));
        Ok(())
    }

    /// Formats all further standard output with this template, item by item.
    ///
    /// # Errors
    /// A usage [`Problem`] when it is not valid; otherwise as [`Console::filter_with`].
    pub fn show_by(&mut self, template: &str) -> anyhow::Result<()> {
        let filter = Filter::template(template, self.terminal.stdout)?;
        self.filter = Some(Arc::new(filter));
        Ok(())
    }

    /// From now on, output that is longer than the screen goes through a pager, if a pager may be used. Commands that
    /// print a result and end call this.
    pub fn page(&self) {
        // Without a keyboard nobody could leave it; who names one knows what it does.
        let can_leave =
            |choice: &&PagerChoice| self.terminal.stdin || **choice != PagerChoice::Usual;
        if let Some(choice) = self.display.pager.as_ref().filter(can_leave) {
            self.pager.prepare(choice.clone());
        }
    }

    /// Waits for the end of a pager, if there is one, then prints the messages that had to wait for it.
    pub fn end_paging(&self) {
        for text in self.pager.end() {
            self.tell(&text);
        }
    }

    /// Whether messages on standard error are JSON.
    fn speaks_json(&self) -> bool {
        self.options.format.is_json() && !self.display.by_template
    }

    /// How reports and entries are to be shown on standard output.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Which of the three streams are terminals, and how wide.
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// Where the display settings came from, for `-v`.
    pub fn display(&self) -> &DisplaySettings {
        &self.display
    }

    /// Whether `-q` was given.
    pub fn is_quiet(&self) -> bool {
        self.display.quiet
    }

    /// How often `-v` was given.
    pub fn verbosity(&self) -> u8 {
        self.display.verbosity
    }

    /// Standard output, buffered, for output that is written in pieces.
    pub fn out(&self) -> Output {
        let terminal = self.terminal.stdout;
        let bar = terminal.then(|| self.bar.clone());
        Output::new(self.pager.clone(), bar, self.unshown.clone())
            .through(self.through())
            .under(self.opening.clone())
            .unless(self.terminal.stdout_fault)
    }

    /// Puts `text`, which `view` has made safe, in front of everything that is written to standard output from now
    /// on.
    pub fn begin_with(&self, text: Vec<u8>) {
        self.opening.set(text);
    }

    /// The filter that JSON output passes through.
    fn through(&self) -> Option<Through> {
        Some(Through {
            filter: Arc::clone(self.filter.as_ref()?),
            is_by_line: self.options.format == Format::Ndjson,
        })
    }

    /// How many entries a filter could not process. Prints a note about those that no warning named.
    pub fn note_unshown(&self) -> u64 {
        let (all, unnamed) = self.unshown.counts();
        if unnamed > 0 {
            self.warn(&format!(
                "{} more could not be filtered, {} in all",
                with_commas(unnamed),
                with_commas(all)
            ));
        }
        all
    }

    fn voice(&self) -> Voice {
        Voice {
            theme: self.stderr_theme,
            is_terminal: self.terminal.stderr,
            bar: self.bar.clone(),
            pager: self.pager.clone(),
        }
    }

    /// Makes sure that there is a standard output to write to, before anything is done whose result will be shown
    /// there.
    ///
    /// # Errors
    /// A local [`Problem`] when it is closed or open for reading only.
    pub fn require_output(&self) -> Result<(), Problem> {
        match self.terminal.stdout_fault {
            None => Ok(()),
            Some(fault) => Err(fault.unwritable("nothing was read or changed")),
        }
    }

    /// Waits until nobody reads standard output any more (`| head`); for ever, if it has no reader. A command that
    /// waits for something to print must wait for this at the same time.
    pub async fn reader_gone(&self) {
        self.reader.gone().await;
    }

    /// A note on standard error; not with `-q`.
    pub fn note(&self, text: &str) {
        if !self.display.quiet {
            self.voice().remark(text);
        }
    }

    /// A detail on standard error, printed with at least this many `-v`.
    pub fn detail(&self, verbosity: u8, text: &str) {
        if self.display.verbosity >= verbosity {
            let text = self.voice().fitted_remark(text);
            self.tell(&self.stderr_theme.paint(Tone::Dim, &text));
        }
    }

    /// A warning on standard error.
    pub fn warn(&self, text: &str) {
        self.voice().warn(text);
    }

    /// Prints an error and returns its exit code. With a JSON format, the error is one JSON object. A closed output
    /// is not an error, and nothing is printed.
    pub fn error(&self, error: &anyhow::Error) -> Exit {
        let exit = classify(error);
        let cause = error.root_cause();
        if !cause.is::<OutputClosed>() && !cause.is::<Stopped>() {
            let text = if self.speaks_json() {
                failure::as_json(error, exit)
            } else {
                failure::as_text(error, self.stderr_theme, self.voice().width())
            };
            self.tell(&text);
        }
        exit
    }

    /// Shows the progress of long work: as a bar on a terminal that can redraw, elsewhere as a line every few
    /// seconds. Nothing with `-q`. `total` is `None` when it is unknown.
    pub fn progress(&self, total: Option<u64>, label: &str) -> Progress {
        let label = escaped(label.as_bytes());
        if self.display.quiet || self.has_looked() {
            Progress::silent()
        } else if self.terminal.stderr && self.display.redraws {
            Progress::bar(&self.bar, total, label)
        } else {
            Progress::lines(total, label)
        }
    }

    /// A line that is updated in place while work goes on, on a terminal that can redraw; elsewhere, and with `-q`,
    /// nothing.
    pub fn status(&self) -> Progress {
        let is_wanted = !self.display.quiet && !self.has_looked();
        if self.terminal.stderr && self.display.redraws && is_wanted {
            Progress::status(&self.bar)
        } else {
            Progress::silent()
        }
    }

    /// Sends this crate's log events to standard error from now on: warnings and errors with `-q`, otherwise
    /// information too, with `-v` debug events, with `-vv` everything. On a terminal, their lines are broken between
    /// words. A second call changes nothing.
    pub fn start_logs(&self, format: LogFormat) {
        let screen = self.terminal.stderr.then(|| self.bar.clone());
        logs::init_logs(format, self.display.quiet, self.display.verbosity, screen);
    }

    /// Asks for consent to `plan`, a text that names its target: `--yes`, or a yes on a terminal. On a server that is
    /// `protected`: `--yes` where its context is named, or its name typed on a terminal.
    ///
    /// # Errors
    /// A refused [`Problem`] when the answer is no, or when there is nobody to ask and consent was not given.
    pub fn confirm(&self, plan: &str, protected: Option<&Protected>) -> Result<Consent, Problem> {
        let plan = lines(plan, "");
        if self.display.yes && protected.is_none_or(|it| it.is_named) {
            return Ok(confirm::by_flag());
        }
        if !self.can_ask() {
            return Err(confirm::nobody_to_ask(&plan, protected));
        }
        self.voice().remark(&plan);
        self.bar.suspend(|| match protected {
            Some(protected) => confirm::ask_for_name(&protected.name),
            None => confirm::ask(),
        })
    }

    /// Consent to `plan`, which was shown on a full screen, by what was `typed` there: yes, or on a production server its
    /// context's name.
    ///
    /// # Errors
    /// A refused [`Problem`] when that is not consent.
    pub fn confirm_typed(
        &self,
        plan: &str,
        typed: &str,
        protected: Option<&Protected>,
    ) -> Result<Consent, Problem> {
        self.detail(2, plan);
        match protected {
            Some(protected) => confirm::by_name(typed, &protected.name),
            None => confirm::by_yes(typed),
        }
    }

    /// An error as it is printed on standard error, without colour and line breaks between words.
    pub fn error_text(&self, error: &anyhow::Error) -> String {
        failure::as_text(error, Theme::PLAIN, None)
    }

    /// Asks for a password on the terminal; `None` when there is no terminal. The typed password is not shown.
    ///
    /// # Errors
    /// A local [`Problem`] when it cannot be read.
    pub fn ask_password(&self, whose: &str) -> Result<Option<String>, Problem> {
        if !self.can_ask() {
            return Ok(None);
        }
        let prompt = lines(whose, "");
        self.bar.suspend(|| confirm::password(&prompt)).map(Some)
    }

    fn can_ask(&self) -> bool {
        self.terminal.stdin && self.terminal.stderr
    }

    /// Writes a text to standard error. If even that fails, the error is ignored.
    fn tell(&self, text: &str) {
        self.voice().tell(text);
    }
}
