//! The session with one `--pipe` process: requests go in as far as its window allows, replies come out and are matched by
//! id.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use memchr::memchr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep_until, timeout};

use super::answer::Answer;
use super::process::Process;
use super::request::{Load, PipeRequest, Reply};
use super::window::Window;
use crate::model::{EntryId, Name};
use crate::topology::StreamSpec;
use crate::worker::handler::{LAST_LOOK, overdue};

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// While so many bytes wait to be written to a process, no further request is.
const UNWRITTEN_BYTES_MAX: usize = 1 << 20;
/// Room for what is read from a process at a time.
const READ_BYTES: usize = 64 << 10;

/// A request that the process has, or is being sent.
#[derive(Debug)]
struct InFlightRequest {
    id: EntryId,
    is_apart: bool,
    /// How many bytes the process has been sent when it has all of this one.
    end: u64,
    reply: oneshot::Sender<Reply>,
}

/// Lines on their way into the process.
#[derive(Debug, Default)]
struct Unwritten {
    bytes: Vec<u8>,
    at: usize,
    /// How many bytes have been written since the beginning.
    written: u64,
    /// The process reads no more.
    is_closed: bool,
}

impl Unwritten {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn wrote(&mut self, count: usize) {
        self.at += count;
        self.written += count as u64;
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        }
    }
}

/// What a session is about.
#[derive(Debug)]
pub(super) struct Subject {
    /// Where the entries come from.
    pub(super) stream: Name,
    /// The schemas and limits of the streams that answers may publish to.
    pub(super) streams: Arc<Vec<StreamSpec>>,
}

/// Why a session ended.
enum End {
    /// The process closed its output.
    Closed,
    /// It said what is no answer.
    OutOfStep(String),
    /// It did not answer in time.
    Overdue,
}

pub(super) struct PipeSession {
    process: Process,
    requests: mpsc::UnboundedReceiver<PipeRequest>,
    /// A request that waits until the window has room for it.
    next: Option<PipeRequest>,
    /// In the order in which they were asked.
    asked: VecDeque<InFlightRequest>,
    unwritten: Unwritten,
    /// What was read and is no whole line yet.
    heard: Vec<u8>,
    /// How much of that has no line's end.
    searched: usize,
    window: Window,
    load: Arc<Load>,
    /// Since when the first of `asked` has had its turn.
    turn: Instant,
    /// When the last answers came, or the first request after a rest was asked.
    heard_at: Instant,
    has_answered: bool,
    subject: Subject,
    limit: Duration,
}

impl PipeSession {
    pub(super) fn new(
        process: Process,
        requests: mpsc::UnboundedReceiver<PipeRequest>,
        window: Window,
        load: Arc<Load>,
        subject: Subject,
        limit: Duration,
    ) -> Self {
        Self {
            process,
            requests,
            next: None,
            asked: VecDeque::new(),
            unwritten: Unwritten::default(),
            heard: Vec::with_capacity(READ_BYTES),
            searched: 0,
            window,
            load,
            turn: Instant::now(),
            heard_at: Instant::now(),
            has_answered: false,
            subject,
            limit,
        }
    }

    /// Talks until the process ends or is to end.
    pub(super) async fn run(mut self) {
        let mut is_closing = false;
        let end = loop {
            self.take_questions();
            if is_closing && self.asked.is_empty() && self.next.is_none() {
                return self.process.close().await;
            }
            tokio::select! {
                biased;
                read = self.process.output.read_buf(&mut self.heard) => {
                    if let Some(end) = self.on_read(&read) {
                        break end;
                    }
                }
                wrote = self.process.input.write(self.unwritten.rest()), if self.may_write() => {
                    match wrote {
                        Ok(count) => self.unwritten.wrote(count),
                        Err(_) => self.unwritten.is_closed = true,
                    }
                }
                request = self.requests.recv(), if !is_closing && self.next.is_none() => {
                    is_closing = request.is_none();
                    self.next = request;
                }
                () = sleep_until((self.turn + self.limit).into()), if !self.asked.is_empty() => {
                    if let Some(end) = self.look_once_more().await {
                        break end;
                    }
                }
            }
        };
        self.end(end).await;
    }

    /// Something was read, or the output is at its end.
    fn on_read(&mut self, read: &io::Result<usize>) -> Option<End> {
        match read {
            Ok(0) | Err(_) => Some(End::Closed),
            Ok(_) => self.hear().err().map(End::OutOfStep),
        }
    }

    /// The limit is over. What was said in time counts, also where the worker itself stood still until now: then its
    /// clock is told of before what there is to read.
    async fn look_once_more(&mut self) -> Option<End> {
        if let Ok(read) = timeout(LAST_LOOK, self.process.output.read_buf(&mut self.heard)).await
            && let Some(end) = self.on_read(&read)
        {
            return Some(end);
        }
        let is_overdue = !self.asked.is_empty() && self.turn.elapsed() >= self.limit;
        is_overdue.then_some(End::Overdue)
    }

    fn may_write(&self) -> bool {
        !self.unwritten.is_closed && !self.unwritten.rest().is_empty()
    }

    /// Asks what the window has room for.
    fn take_questions(&mut self) {
        loop {
            let Some(request) = self.next.take().or_else(|| self.requests.try_recv().ok()) else {
                return;
            };
            if !self.may_ask(&request) {
                self.next = Some(request);
                return;
            }
            self.ask(request);
        }
    }

    fn may_ask(&self, request: &PipeRequest) -> bool {
        let Some(last) = self.asked.back() else {
            return true;
        };
        self.asked.len() < self.window.size()
            && self.unwritten.rest().len() < UNWRITTEN_BYTES_MAX
            && !request.is_apart
            && !last.is_apart
    }

    fn ask(&mut self, request: PipeRequest) {
        if self.asked.is_empty() {
            self.turn = Instant::now();
            self.heard_at = self.turn;
        }
        let unwritten = &mut self.unwritten;
        request
            .delivery
            .write_line(&self.subject.stream, &mut unwritten.bytes);
        self.asked.push_back(InFlightRequest {
            id: request.delivery.id(),
            is_apart: request.is_apart,
            end: unwritten.written + unwritten.rest().len() as u64,
            reply: request.reply,
        });
    }

    /// Takes whole lines out of what was heard.
    ///
    /// # Errors
    /// Why one of them is no answer to anything that was asked.
    fn hear(&mut self) -> Result<(), String> {
        let (heard, now) = (std::mem::take(&mut self.heard), Instant::now());
        let (mut from, mut answers, mut outcome) = (0, 0, Ok(()));
        while let Some(length) = line_length(&heard[from..], self.searched) {
            self.searched = 0;
            outcome = self.on_answer(&heard[from..from + length], now);
            if outcome.is_err() {
                break;
            }
            from += length + 1;
            answers += 1;
        }
        self.heard = heard;
        self.heard.drain(..from);
        self.searched = self.heard.len();
        if answers > 0 {
            self.has_answered = true;
            self.window.note(answers, now - self.heard_at);
            self.load
                .window
                .store(self.window.size(), Ordering::Relaxed);
            self.heard_at = now;
        }
        if outcome.is_ok() && self.heard.len() > ANSWER_BYTES_MAX {
            return Err(format!(
                "the handler's answer has more than {ANSWER_BYTES_MAX} bytes"
            ));
        }
        outcome
    }

    fn on_answer(&mut self, line: &[u8], now: Instant) -> Result<(), String> {
        let answer = Answer::read(line)?;
        let Some(at) = self
            .asked
            .iter()
            .position(|asked| answer.is_about(asked.id))
        else {
            return Err(answer.is_about_none_of(self.asked.iter().map(|asked| asked.id)));
        };
        if self.asked[at].end > self.unwritten.written {
            return Err("the handler answered before it had read the entry".to_owned());
        }
        let verdict = answer.verdict(line, &self.subject.streams)?;
        if let Some(asked) = self.asked.remove(at) {
            self.load.asked.fetch_sub(1, Ordering::Relaxed);
            let _ = asked.reply.send(Reply::Answer(verdict));
        }
        if at == 0 {
            self.turn = now;
        }
        Ok(())
    }

    /// Tells everybody. One that ends well after some answers has had enough (a limit of its own): nobody is to blame,
    /// unless the entry whose turn it was had a process end over it before.
    async fn end(mut self, end: End) {
        self.requests.close();
        let (reason, ended_well) = match end {
            End::Closed => {
                let ended = self.process.last_words().await;
                let is_success = ended.status.is_some_and(|status| status.success());
                (ended.reason, self.has_answered && is_success)
            }
            End::OutOfStep(reason) => (reason, false),
            End::Overdue => (overdue(self.limit), false),
        };
        // Before anything is tried again nothing of it is left.
        self.process.finish().await;
        let mut asked = self.asked.into_iter();
        let Some(first) = asked.next() else {
            if !ended_well {
                tracing::warn!(stream = %self.subject.stream, reason, "a handler's process failed between two entries: starting another in its place");
            }
            return;
        };
        if ended_well && !first.is_apart {
            // The others' tellers are dropped: those are not suspected of anything.
            let _ = first.reply.send(Reply::Interrupted);
            return;
        }
        let _ = first.reply.send(Reply::Failed(reason));
        for other in asked {
            let _ = other.reply.send(Reply::Interrupted);
        }
    }
}

/// How long the first line is, if it has an end; the first `searched` bytes have none.
fn line_length(heard: &[u8], searched: usize) -> Option<usize> {
    let rest = heard.get(searched..)?;
    memchr(b'\n', rest).map(|found| searched + found)
}
