//! `publish --file`: every line of a file or of standard input.

use std::path::Path;

use anyhow::Result;

use super::{Job, warn};
use crate::commands::bulk::{Interrupt, Shown, open};
use crate::commands::context::Context;
use crate::commands::read::named;
use crate::commands::retention::Retention;
use crate::exit::Exit;
use crate::streams::publish::bulk::{check, send};
use crate::streams::publish::{Lines, Published};
use crate::view::IdWriter;

pub(super) async fn run(file: &Path, mut job: Job<'_>, context: &Context) -> Result<Exit> {
    let mut lines = Lines::new(open(file)?)?;
    let stream = job.target.stream.clone();
    let checked = {
        let progress = context.console.progress(None, "checking");
        let each = |more| progress.advance(more);
        check(&mut lines, &job.checker, &stream, |_| Ok(()), each)?
    };
    warn(&checked.warnings, context);
    if job.dry_run {
        return job.would_publish(checked.entries, context);
    }
    lines.rewind()?;
    let connection = context.connect().await?;
    let (limit, entries) = (job.target.maxlen, checked.entries);
    let retention = Retention::look(&connection, &job.spec, limit, entries, context).await?;
    job.target.maxlen = retention.maxlen;
    let mut writer = IdWriter::new(context.console.options())?;
    let mut shown = Shown::new(context);
    let interrupt = Interrupt::watch()?;
    let sent = {
        let mut lane = context.lane().await?;
        let progress = context.console.progress(Some(entries), "publishing");
        let each = |ids: &[_]| {
            let row = |id: &_| Published {
                stream: stream.clone(),
                id: *id,
            };
            let rows: Vec<Published> = ids.iter().map(row).collect();
            shown.write(|out| writer.page(out, &rows));
            progress.advance(ids.len() as u64);
        };
        let (rules, target, stop) = (&job.checker, &job.target, &interrupt.flag);
        send(&mut lane, &mut lines, rules, target, stop, each).await
    };
    retention.warn(&connection, context).await;
    shown.write(|out| writer.end(out));
    let (stopped, stored, last_line) = (sent.stopped, sent.stored, sent.last_line);
    let ended = shown.end(stored);
    // What became of the entries matters more than that their ids could not be shown.
    if let Err(error) = sent.verdict(&stream) {
        return Err(named(error, &stream, context).await);
    }
    ended?;
    Ok(if stopped {
        interrupt.stopped(stored, last_line, context)
    } else {
        Exit::Done
    })
}
