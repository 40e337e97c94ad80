//! `publish --file`: every line of a file or of standard input.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

use super::{Job, warn};
use crate::commands::context::Context;
use crate::console::{Output, Signals};
use crate::exit::Exit;
use crate::model::{EntryId, Kind, Name, Problem, escaped};
use crate::streams::names::explain;
use crate::streams::publish::bulk::{check, send};
use crate::streams::publish::{Lines, Published};
use crate::view::IdWriter;
use crate::wire::{self, Connection};

pub(super) async fn run(file: &Path, mut job: Job<'_>, context: &Context) -> Result<Exit> {
    let mut lines = Lines::new(open(file)?)?;
    let checked = {
        let progress = context.console.progress(None, "checking");
        check(&mut lines, &job.checker, &job.target, |more| {
            progress.advance(more);
        })?
    };
    warn(&checked.warnings, context);
    if job.dry_run {
        return job.would_publish(checked.entries, context);
    }
    lines.rewind()?;
    let connection = context.connect().await?;
    let before = job
        .look_before(&connection, checked.entries, context)
        .await?;
    let mut ids = Ids::new(context, &job.target.stream)?;
    let interrupted = Interrupted::watch()?;
    let sent = {
        let mut lane = context.lane().await?;
        let progress = context
            .console
            .progress(Some(checked.entries), "publishing");
        let stop = &interrupted.flag;
        send(
            &mut lane,
            &mut lines,
            &job.checker,
            &job.target,
            stop,
            |page| {
                ids.page(page);
                progress.advance(page.len() as u64);
            },
        )
        .await
    };
    job.look_after(before, &connection, context).await;
    let shown = ids.end(sent.stored);
    let (stopped, stored, last_line) = (sent.stopped, sent.stored, sent.last_line);
    // What became of the entries matters more than that their ids could not be shown.
    if let Err(error) = sent.verdict(&job.target) {
        return Err(named(error, &job, &connection, context).await);
    }
    shown?;
    if stopped {
        context.console.note(&format!(
            "stopped: {stored} entries were published, the last from line {last_line}; none after it was sent"
        ));
        return Ok(interrupted.exit());
    }
    Ok(Exit::Done)
}

/// The server's own error, said better where it is that the key holds something else.
async fn named(
    error: anyhow::Error,
    job: &Job<'_>,
    connection: &Connection,
    context: &Context,
) -> anyhow::Error {
    match (error.downcast::<wire::Error>(), context.topology()) {
        (Ok(error), Ok(topology)) => explain(connection, topology, &job.target.stream, error).await,
        (Ok(error), Err(_)) => error.into(),
        (Err(error), _) => error,
    }
}

/// The file itself, or a copy of what can be read only once.
fn open(path: &Path) -> Result<File> {
    let shown = || escaped(path.as_os_str().as_encoded_bytes());
    let cannot = |error: io::Error| {
        Problem::new(Kind::Local, format!("cannot read {}: {error}", shown()))
            .hint("name a file with one JSON object a line, or `-` for standard input")
    };
    if path == Path::new("-") {
        return spooled(io::stdin().lock());
    }
    let file = File::open(path).map_err(cannot)?;
    match file.metadata().map_err(cannot)? {
        it if it.is_file() => Ok(file),
        it if it.is_dir() => Err(cannot(io::ErrorKind::IsADirectory.into()).into()),
        _ => spooled(file),
    }
}

fn spooled(mut input: impl io::Read) -> Result<File> {
    let mut file = tempfile::tempfile().context("cannot keep the input in a temporary file")?;
    io::copy(&mut input, &mut file).context("cannot keep the input in a temporary file")?;
    Ok(file)
}

/// Shows ids as they come. When they cannot be shown any more the publishing goes on: half a file in a stream is
/// worse than ids that nobody reads.
struct Ids<'c> {
    stream: &'c Name,
    out: Output<io::Stdout>,
    writer: IdWriter,
    failed: Option<anyhow::Error>,
}

impl<'c> Ids<'c> {
    fn new(context: &Context, stream: &'c Name) -> Result<Self> {
        Ok(Self {
            stream,
            out: context.console.out(),
            writer: IdWriter::new(context.console.options())?,
            failed: None,
        })
    }

    fn page(&mut self, ids: &[EntryId]) {
        let row = |id: &EntryId| Published {
            stream: self.stream.clone(),
            id: *id,
        };
        let rows: Vec<Published> = ids.iter().map(row).collect();
        self.attempt(|writer, out| {
            writer.page(out.buffer(), &rows)?;
            out.settle()
        });
    }

    fn end(mut self, stored: u64) -> Result<()> {
        self.attempt(|writer, out| {
            writer.end(out.buffer())?;
            out.flush()
        });
        match self.failed {
            None => Ok(()),
            Some(error) => Err(error.context(format!("entries published: {stored}"))),
        }
    }

    fn attempt(&mut self, show: impl FnOnce(&mut IdWriter, &mut Output<io::Stdout>) -> Result<()>) {
        if self.failed.is_none() {
            self.failed = show(&mut self.writer, &mut self.out).err();
        }
    }
}

/// Whether a signal asked to stop, and which.
struct Interrupted {
    flag: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Interrupted {
    fn watch() -> Result<Self> {
        let mut signals = Signals::catch()?;
        let flag = Arc::new(AtomicBool::new(false));
        let terminated = Arc::new(AtomicBool::new(false));
        let (set, with) = (Arc::clone(&flag), Arc::clone(&terminated));
        tokio::spawn(async move {
            let stop = Exit::from(signals.next().await);
            with.store(stop == Exit::Terminated, Ordering::Relaxed);
            set.store(true, Ordering::Relaxed);
        });
        Ok(Self { flag, terminated })
    }

    fn exit(&self) -> Exit {
        if self.terminated.load(Ordering::Relaxed) {
            Exit::Terminated
        } else {
            Exit::Interrupted
        }
    }
}
