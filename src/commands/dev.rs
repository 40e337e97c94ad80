//! `dev`: a private server in the working directory.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Subcommand, ValueHint};

use super::context::dev::{self, Kept};
use super::shared::Context;
use crate::cli::{DryRun, Impact, Prints};
use crate::exit::Exit;
use crate::model::{escaped, report, states};
use crate::server::{Detached, Live, Options, Persistence, Started, Status};
use crate::wire::{Endpoint, Transport};

/// Start, stop or look at a private server in this directory
///
/// The server listens on a unix socket that only you can access, keeps its data in .ucp-streams (as an append-only
/// file), and runs until you stop it. While it runs, the context `dev` exists and is selected.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start this directory's private server, and show how to connect to it
    #[command(add = Impact::Write, add = Prints::one::<DevServer>(), after_help = "\
Examples:
  ucp-streams dev start
  ucp-streams dev start --listen 6399 --dir /tmp/streams")]
    Start {
        /// Listen on this port of 127.0.0.1 as well
        #[arg(long, value_name = "PORT")]
        listen: Option<u16>,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Stop this directory's private server, and keep its data
    #[command(add = Impact::Write, add = Prints::one::<DevServer>(), after_help = "\
Examples:
  ucp-streams dev stop
  ucp-streams dev stop --dir /tmp/streams")]
    Stop {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Check whether this directory's private server is running; exits 1 when it is not
    #[command(add = Impact::Read, add = Prints::one::<DevServer>(), after_help = "\
Examples:
  ucp-streams dev status
  ucp-streams dev status -o json")]
    Status {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The directory for the server's data, log and socket
    #[arg(long, value_name = "DIR", default_value = ".ucp-streams", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
}

#[expect(clippy::unused_async, reason = "every command is run alike")]
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    match &args.action {
        Action::Start { place, dry_run, .. } if context.is_rehearsal(*dry_run) => {
            rehearse(place, true, context)
        }
        Action::Stop { place, dry_run } if context.is_rehearsal(*dry_run) => {
            rehearse(place, false, context)
        }
        Action::Start { listen, place, .. } => start(*listen, place, context),
        Action::Stop { place, .. } => stop(place, context),
        Action::Status { place } => status(place, context),
    }
}

fn start(listen: Option<u16>, place: &Place, context: &Context) -> Result<Exit> {
    let options = Options {
        port: listen,
        ..Options::with_persistence(Persistence::EverySecond)
    };
    let detached = Detached::at(&place.dir)?;
    let report = match detached.start(&context.server_binary()?, &options)? {
        Started::Now(live) => DevServer::live(State::Started, &detached, &live),
        Started::Already(live) => DevServer::live(State::Running, &detached, &live),
    };
    context.console.show_one(&report)?;
    if report.state == State::Running && listen.is_some() {
        context.console.note(
            "the server was already running with its original options; --listen had no effect",
        );
    }
    select(&report.url, context);
    Ok(Exit::Done)
}

/// The server runs even when the context cannot be saved, so that failure is only a warning.
fn select(url: &str, context: &Context) {
    let console = &context.console;
    match dev::select(&context.settings.places, url) {
        Ok(Kept::Selected) => console.note(
            "the context `dev` is now selected; `ucp-streams context previous` selects the one before",
        ),
        Ok(Kept::Foreign) => console.note(&format!(
            "there is already a context `dev` of yours, which was not changed; use the server with: export \
                UCP_STREAMS_URL={url}"
        )),
        Err(problem) => console.warn(&format!(
            "no context could be added for the server: {problem}\nuse it with: export UCP_STREAMS_URL={url}"
        )),
    }
}

fn stop(place: &Place, context: &Context) -> Result<Exit> {
    let detached = Detached::at(&place.dir)?;
    let pid = detached.stop()?;
    let report = DevServer {
        pid,
        ..DevServer::not_live(State::Stopped, &detached)
    };
    if let Err(problem) = dev::remove(&context.settings.places, &report.url) {
        let text = format!("the context `dev` could not be removed: {problem}");
        context.console.warn(&text);
    }
    if pid.is_none() {
        context.console.note("it was not running");
    }
    context.console.show_one(&report)?;
    Ok(Exit::Done)
}

/// The text of `--dry-run`: what exists, and what `start` or `stop` would do about it.
fn rehearse(place: &Place, starts: bool, context: &Context) -> Result<Exit> {
    let detached = Detached::at(&place.dir)?;
    detached.is_there()?;
    let binary = starts.then(|| context.server_binary()).transpose()?;
    let status = detached.status();
    let would = match (&status, binary) {
        (Status::Unsure { pid }, binary) => {
            let verb = if binary.is_some() { "start" } else { "stop" };
            return Err(detached.unsure(*pid, verb).into());
        }
        (Status::Running(_), Some(_)) => {
            "start nothing, because the server is running; select the context `dev`".to_owned()
        }
        (Status::Stopped, Some(binary)) => format!(
            "start {} and select the context `dev`",
            escaped(binary.as_os_str().as_encoded_bytes())
        ),
        (Status::Running(live), None) => {
            format!("stop process {}; its data is kept", live.identity.pid)
        }
        (Status::Stopped, None) => "stop nothing, because the server is not running".to_owned(),
    };
    let (report, _) = found(&detached, status);
    context.console.show_one(&report)?;
    context.rehearsed(&would);
    Ok(Exit::Done)
}

fn status(place: &Place, context: &Context) -> Result<Exit> {
    let detached = Detached::at(&place.dir)?;
    let (report, exit) = found(&detached, detached.status());
    context.console.show_one(&report)?;
    Ok(exit)
}

/// What `status` reports about the server, and the exit code that follows.
fn found(detached: &Detached, status: Status) -> (DevServer, Exit) {
    match status {
        Status::Running(live) => (DevServer::live(State::Running, detached, &live), Exit::Done),
        Status::Stopped => (
            DevServer::not_live(State::Stopped, detached),
            Exit::Negative,
        ),
        Status::Unsure { pid } => {
            let report = DevServer::not_live(State::Unsure, detached);
            (
                DevServer {
                    pid: Some(pid),
                    ..report
                },
                Exit::Negative,
            )
        }
    }
}

states! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum State {
        Started = "started" in Ok,
        Running = "running" in Ok,
        Stopped = "stopped" in Dim,
        /// A process has the recorded process id but does not answer as this server.
        Unsure = "unsure" in Bad,
    }
}

report! {
    /// The private server of a directory.
    #[derive(Clone, Debug)]
    pub(super) struct DevServer {
        url: String => whole("URL"),
        state: State => whole("STATE"),
        pid: Option<u32> => number("PID") by |row| row.pid.map(|pid| pid.to_string()).into(),
        server: Option<String> => text("SERVER"),
        version: Option<String> => text("VERSION"),
        uptime_ms: Option<u64> => millis("UPTIME"),
        dir: String => text("DIRECTORY"),
    }
}

impl DevServer {
    fn live(state: State, detached: &Detached, live: &Live) -> Self {
        let identity = live.identity.clone();
        Self {
            pid: Some(identity.pid),
            server: Some(identity.name),
            version: Some(identity.version),
            uptime_ms: Some(identity.uptime_s * 1000),
            ..Self::not_live(state, detached)
        }
    }

    fn not_live(state: State, detached: &Detached) -> Self {
        Self {
            url: Endpoint::new(Transport::Unix(detached.socket().to_owned())).to_string(),
            state,
            pid: None,
            server: None,
            version: None,
            uptime_ms: None,
            dir: detached.dir().display().to_string(),
        }
    }
}
