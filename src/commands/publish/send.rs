//! Sends the entries of a file, shows their ids as they arrive, and reports the outcome at the end.

use std::io::Read;

use anyhow::Result;

use super::{Job, planned, warn, warn_of_future};
use crate::commands::read::named;
use crate::commands::shared::Context;
use crate::commands::shared::bulk::{Interrupt, Shown};
use crate::commands::shared::retention::{look, warn_of_taken};
use crate::exit::Exit;
use crate::model::{EntryId, Limit, with_commas};
use crate::streams::publish::{
    Blocks, Encoding, Feed, OnInvalid, PublishOutcome, Published, Rate, StopFlag, Stored, send,
    send_once,
};
use crate::view::IdWriter;

/// The number of entries in a chunk when nothing limits it.
const NO_LIMIT: usize = usize::MAX;

/// How entries are sent, and how their ids are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// How many ids are shown to a person.
    pub(super) limit: Limit,
    /// The greatest number of entries per second.
    pub(super) rate: Option<Rate>,
    /// Whether entries are sent while the input is read, so that each id must be shown at once.
    pub(super) is_streaming: bool,
}

/// Sends the entries; `expected` is their number, if it is known. `on_invalid` comes with whether the invalid entries
/// are written to standard output.
pub(super) async fn publish<R: Read + Send + 'static>(
    entries: Blocks<R>,
    expected: Option<u64>,
    (on_invalid, has_rejects): (OnInvalid, bool),
    course: Course,
    job: &mut Job<'_>,
    context: &Context,
) -> Result<Exit> {
    let connection = context.connect().await?;
    let planned = planned(&job.spec, &job.target, expected.unwrap_or(u64::MAX));
    let retention = look(&connection, planned, context).await?;
    job.target.maxlen = retention.maxlen;
    let job = &*job;
    let mut writer = IdWriter::new(&context.console.listing(course.limit))?;
    let mut shown = Shown::new(context).unless(has_rejects);
    let interrupt = Interrupt::watch()?;
    let unit = entries.unit();
    let rejects = match &on_invalid {
        OnInvalid::Reject(rejects) => Some(rejects.clone()),
        _ => None,
    };
    let feed = Feed::start(entries, encoding(job, course.rate, on_invalid))?;
    let mut last_id = None;
    let mut sent = {
        let progress = context.console.progress(expected, "publishing");
        let show = |rows: &[_]| {
            last_id = rows.last().map(|it: &Published<'_>| it.id).or(last_id);
            shown.write(|out| writer.page(out, rows));
            if course.is_streaming {
                shown.flush();
            }
            progress.advance(rows.len() as u64);
        };
        send_all(feed, course.rate, job, &interrupt.flag, show, context).await?
    };
    sent.unit = unit;
    if let Some(Err(problem)) = rejects.map(|it| it.keep()) {
        sent.input.get_or_insert(problem.into());
    }
    warn_of_taken(&retention, &connection, context).await;
    warn(&sent.found.warnings, context);
    if let Some(last) = last_id {
        warn_of_future(&job.target.stream, last, context);
    }
    shown.write(|out| writer.end(out).map(|cut| context.console.note_cut(cut)));
    end(sent, shown, &interrupt, job, context).await
}

/// How lines become entries.
fn encoding(job: &Job<'_>, rate: Option<Rate>, on_invalid: OnInvalid) -> Encoding {
    Encoding {
        spec: job.checker.stream.cloned(),
        strict: job.checker.strict,
        target: job.target.clone(),
        idempotency: job.idempotency.clone(),
        chunk_entries_max: rate.map_or(NO_LIMIT, Rate::chunk_entries_max),
        on_invalid,
    }
}

/// Sends all entries, with or without idempotency keys, and gives `show` what was stored.
async fn send_all<'j>(
    feed: Feed,
    rate: Option<Rate>,
    job: &'j Job<'_>,
    stop: &StopFlag,
    mut show: impl FnMut(&[Published<'j>]),
    context: &Context,
) -> Result<PublishOutcome> {
    let row = |id: EntryId, duplicate| Published {
        stream: &job.target.stream,
        id,
        time: id.time(),
        duplicate,
    };
    if job.idempotency.is_some() {
        let each = |stored: &[Stored]| {
            let rows = stored.iter().map(|it| row(it.id, Some(it.duplicate)));
            show(&rows.collect::<Vec<_>>());
        };
        return Ok(send_once(&context.dialer()?, feed, rate, stop, each).await);
    }
    let mut lane = context.lane().await?;
    let each = |ids: &[EntryId]| {
        let rows = ids.iter().map(|id| row(*id, None));
        show(&rows.collect::<Vec<_>>());
    };
    Ok(send(&mut lane, feed, &job.target, rate, stop, each).await)
}

/// Ends the output, and reports what happened to the entries.
async fn end(
    sent: PublishOutcome,
    shown: Shown,
    interrupt: &Interrupt,
    job: &Job<'_>,
    context: &Context,
) -> Result<Exit> {
    let known = sent.known;
    if known > 0 {
        let (known, stored) = (sent.unit.count(known), sent.stored);
        let text = format!("already stored: {known}; new: {}", with_commas(stored));
        context.console.note(&text);
    }
    let (stopped, stored, last) = (sent.stopped, sent.stored, sent.last);
    let ended = shown.end(stored);
    // What became of the entries matters more than that their ids could not be shown.
    let stream = &job.target.stream;
    if let Err(error) = sent.verdict(stream) {
        return Err(named(error, stream, context).await);
    }
    ended?;
    if !stopped && (stored, known) == (0, 0) {
        let what = "the input has no entries: nothing was published";
        context.console.note(what);
    }
    Ok(if stopped {
        interrupt.stopped(stored, last, context)
    } else {
        Exit::Done
    })
}
