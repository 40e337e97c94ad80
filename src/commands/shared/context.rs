//! What every command is given: the settings, the console, the topology, and connections to the server that the
//! settings name.

use std::cell::{OnceCell, RefCell};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Result;

use super::typed::Typed;
use crate::cli::{DryRun, Impact, Long, Pairs};
use crate::console::Console;
use crate::model::{Format, Kind, Problem, escaped, text_of};
use crate::server::{self, Server};
use crate::settings::{Origin, ServerChoice, Settings};
use crate::streams::audit::Audited;
use crate::streams::which_group::Suggest;
use crate::topology::{Topology, file_problem};
use crate::view::Options;
use crate::wire::{Connection, Dialer, Endpoint, Lane, PasswordPrompt, Transport};

/// The settings, outputs and topology of one command.
#[derive(Debug)]
pub(in crate::commands) struct Context {
    /// The settings resolved from flags and environment.
    pub(in crate::commands) settings: Settings,
    /// Standard output and standard error.
    pub(in crate::commands) console: Arc<Console>,
    /// The words that name the running command, such as `worker run`.
    pub(in crate::commands) command: String,
    /// The command line that was typed.
    pub(in crate::commands) typed: Typed,
    /// What running the command changes.
    pub(super) impact: Option<Impact>,
    /// `--dry-run` before the command.
    before: DryRun,
    topology: OnceCell<Topology>,
    /// The topology that names are suggested from: the built-in one when the file has errors.
    known: OnceCell<Topology>,
    /// The private server that was started for this one command (`ephemeral:`), and that ends together with the
    /// context.
    ephemeral: OnceCell<Server>,
    /// The connection of a command that looks, maybe again and again.
    kept: RefCell<Option<Rc<Connection>>>,
    /// The connection for bulk work of the look before this one.
    kept_lane: RefCell<Option<Lane>>,
    prompt: PasswordPrompt,
    /// The change that is under way, as far as it is recorded.
    pub(super) audited: RefCell<Option<Audited>>,
}

impl Context {
    pub(in crate::commands) fn new(
        settings: Settings,
        console: Arc<Console>,
        (command, typed, impact): (String, Typed, Option<Impact>),
        before: DryRun,
    ) -> Self {
        Self {
            prompt: prompt(&settings, &console),
            command,
            typed,
            impact,
            before,
            settings,
            console,
            topology: OnceCell::new(),
            known: OnceCell::new(),
            ephemeral: OnceCell::new(),
            kept: RefCell::new(None),
            kept_lane: RefCell::new(None),
            audited: RefCell::new(None),
        }
    }

    /// The built-in topology, with the operator's file merged over it. Read once, and only by the commands that need
    /// it.
    ///
    /// # Errors
    /// A usage error when the file does not exist, or that lists everything wrong in it; a local error when it cannot
    /// be read.
    pub(in crate::commands) fn topology(&self) -> Result<&Topology> {
        if let Some(topology) = self.topology.get() {
            return Ok(topology);
        }
        let topology = topology_of(&self.settings)?;
        Ok(self.topology.get_or_init(|| topology))
    }

    /// A topology to suggest names from, for commands that do not need one: the built-in topology when the file has
    /// errors.
    pub(in crate::commands) fn known_names(&self) -> &Topology {
        self.topology()
            .unwrap_or_else(|_| self.known.get_or_init(Topology::default))
    }

    /// Reads the topology file that a flag names, whether or not the command needs it. A wrong file name is a mistake
    /// that must show before anything else is done.
    ///
    /// # Errors
    /// As [`Context::topology`].
    pub(in crate::commands) fn require_named_topology(&self) -> Result<()> {
        match &self.settings.topology {
            Some(file) if matches!(file.origin, Origin::Flag(_)) => self.topology().map(|_| ()),
            _ => Ok(()),
        }
    }

    /// How to reach the server. The first call starts the private server of `ephemeral:`.
    ///
    /// # Errors
    /// When there is no server binary, or it does not start.
    pub(in crate::commands) fn dialer(&self) -> Result<Dialer> {
        let endpoint = match &self.settings.target.value {
            ServerChoice::Server(endpoint) => endpoint.clone(),
            ServerChoice::Ephemeral => {
                Endpoint::new(Transport::Unix(self.private_server()?.socket().to_owned()))
            }
        };
        Ok(Dialer::new(endpoint, self.settings.timeout.value)
            .named("ucp-streams")
            .asking(self.prompt.clone()))
    }

    /// The same context, but on a private server unless a flag names one. The server in the environment or the
    /// selected context is where the operator works, so a demonstration must not run there.
    pub(in crate::commands) fn or_private(&self) -> Self {
        let mut settings = self.settings.clone();
        if !matches!(settings.target.origin, Origin::Flag(_)) {
            settings.target.value = ServerChoice::Ephemeral;
        }
        Self::new(
            settings,
            Arc::clone(&self.console),
            (self.command.clone(), self.typed.clone(), self.impact),
            self.before,
        )
    }

    /// The same command on the server of the context `name`, with that one's credentials and topology.
    ///
    /// # Errors
    /// As [`Settings::of_context`].
    pub(in crate::commands) fn elsewhere(&self, name: &str) -> Result<Self, Problem> {
        let settings = self.settings.of_context(name)?;
        self.warn_each(settings.warnings.iter().cloned());
        Ok(Self::new(
            settings,
            Arc::clone(&self.console),
            (self.command.clone(), self.typed.clone(), self.impact),
            self.before,
        ))
    }

    /// Whether this is a dry run: `--dry-run` was given after the command, or before it.
    pub(in crate::commands) fn is_rehearsal(&self, after: DryRun) -> bool {
        after.or(self.before)
    }

    /// Says at the end of a dry run what the command would do.
    pub(in crate::commands) fn rehearsed(&self, would: &str) {
        self.console.note(&format!(
            "nothing was changed: without --dry-run this would {would}"
        ));
    }

    /// Prints the warnings of an operation.
    pub(in crate::commands) fn warn_each(&self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            self.console.warn(&text);
        }
    }

    /// Whether the server is a private one, started for this command.
    pub(in crate::commands) fn is_ephemeral(&self) -> bool {
        self.settings.target.value == ServerChoice::Ephemeral
    }

    /// Whether fields are shown as pairs.
    ///
    /// # Errors
    /// A usage error when the format does not show fields as JSON.
    pub(in crate::commands) fn in_pairs(&self, asked: Pairs) -> Result<bool, Problem> {
        match self.console.options().format {
            format @ (Format::Table | Format::Wide | Format::Plain) if asked.pairs => {
                let format = format.word();
                let text = format!(
                    "--pairs changes how fields are shown in JSON, and -o {format} shows no JSON"
                );
                Err(Problem::usage(text).hint("use -o json, -o ndjson or -o csv"))
            }
            _ => Ok(asked.pairs),
        }
    }

    /// How entries are shown with `--long`: as a table, unless another format was given.
    ///
    /// # Errors
    /// A usage error when the format cannot show one field per line.
    pub(in crate::commands) fn in_length(&self, asked: Long) -> Result<Options, Problem> {
        let options = self.console.options().clone();
        let format = &self.console.display().format;
        match format.value {
            _ if !asked.long => Ok(options),
            Format::Table | Format::Wide => Ok(options),
            Format::Plain if matches!(format.origin, Origin::Terminal) => Ok(Options {
                format: Format::Table,
                ..options
            }),
            other => {
                let text = format!(
                    "--long needs the table format, but the output format is {}",
                    other.word()
                );
                Err(Problem::usage(text).hint("leave out one of the two"))
            }
        }
    }

    /// Whether an error about an unknown name may suggest a similar one: not for destructive commands.
    pub(in crate::commands) fn suggests(&self) -> Suggest {
        match self.impact {
            Some(Impact::Destructive) => Suggest::Nothing,
            _ => Suggest::Names,
        }
    }

    /// A connection for commands.
    ///
    /// # Errors
    /// As [`Context::dialer`] and [`Dialer::connect`].
    pub(in crate::commands) async fn connect(&self) -> Result<Connection> {
        Ok(self.dialer()?.connect().await?)
    }

    /// The same connection each time it is asked for, until it is forgotten: for commands that look again and again.
    ///
    /// # Errors
    /// As [`Context::connect`].
    pub(in crate::commands) async fn connected(&self) -> Result<Rc<Connection>> {
        let kept = self.kept.borrow().clone();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let connection = Rc::new(self.connect().await?);
        *self.kept.borrow_mut() = Some(Rc::clone(&connection));
        Ok(connection)
    }

    /// The connection for bulk work that [`Context::keep_lane`] kept, or a new one.
    ///
    /// # Errors
    /// As [`Context::lane`].
    pub(in crate::commands) async fn kept_lane(&self) -> Result<Lane> {
        let kept = self.kept_lane.borrow_mut().take();
        match kept {
            Some(lane) => Ok(lane),
            None => self.lane().await,
        }
    }

    /// Keeps a connection on which nothing went wrong for the next look.
    pub(in crate::commands) fn keep_lane(&self, lane: Lane) {
        *self.kept_lane.borrow_mut() = Some(lane);
    }

    /// Forgets the connections that are kept: they may be lost.
    pub(in crate::commands) fn forget_connection(&self) {
        *self.kept.borrow_mut() = None;
        *self.kept_lane.borrow_mut() = None;
    }

    /// A separate connection for bulk and blocking work.
    ///
    /// # Errors
    /// As [`Context::dialer`] and [`Dialer::lane`].
    pub(in crate::commands) async fn lane(&self) -> Result<Lane> {
        Ok(self.dialer()?.lane().await?)
    }

    /// The server binary for private servers.
    ///
    /// # Errors
    /// As [`server::find`].
    pub(in crate::commands) fn server_binary(&self) -> Result<std::path::PathBuf, Problem> {
        match &self.settings.server_binary {
            Some(named) => server::find(Some(&named.value), None),
            None => server::find_on_path(),
        }
    }

    fn private_server(&self) -> Result<&Server> {
        if let Some(server) = self.ephemeral.get() {
            return Ok(server);
        }
        let server = Server::start(&self.server_binary()?, server::Options::default())?;
        Ok(self.ephemeral.get_or_init(|| server))
    }
}

/// The built-in topology, with the file that the settings name merged over it.
///
/// # Errors
/// As [`Context::topology`].
pub(in crate::commands) fn topology_of(settings: &Settings) -> Result<Topology, Problem> {
    match &settings.topology {
        Some(file) => read_topology(&file.value),
        None => Ok(Topology::default()),
    }
}

/// Asks for the password on the terminal, if there is one.
fn prompt(settings: &Settings, console: &Arc<Console>) -> PasswordPrompt {
    let whose = match &settings.target.value {
        ServerChoice::Server(endpoint) => format!("Password for {endpoint}"),
        ServerChoice::Ephemeral => "Password".to_owned(),
    };
    let console = Arc::clone(console);
    PasswordPrompt::new(move || console.ask_password(&whose).ok().flatten())
}

fn read_topology(file: &Path) -> Result<Topology, Problem> {
    let shown = escaped(file.as_os_str().as_encoded_bytes());
    let read = || -> io::Result<String> {
        let bytes = fs::read(file)?;
        Ok(text_of(&bytes)?.to_owned())
    };
    let text = read().map_err(|error| {
        let kind = match error.kind() {
            ErrorKind::NotFound => Kind::Usage,
            _ => Kind::Local,
        };
        Problem::new(
            kind,
            format!("cannot read the topology file {shown}: {error}"),
        )
        .hint("name another with --topology, or leave it out for the built-in topology")
    })?;
    Topology::from_toml(&shown, &text).map_err(|errors| file_problem(&errors))
}
