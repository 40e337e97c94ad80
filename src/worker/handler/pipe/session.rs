//! The session with one `--pipe` process: requests are written as far as its window allows, and answers are read and
//! matched by id.

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

/// The greatest length of an answer in bytes.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// While this many bytes wait to be written to a process, no further request is.
const UNWRITTEN_BYTES_MAX: usize = 1 << 20;
/// The buffer for one read from a process.
const READ_BYTES: usize = 64 << 10;

/// A request that the process has, or that is being sent to it.
#[derive(Debug)]
struct InFlightRequest {
    id: EntryId,
    is_apart: bool,
    /// How many bytes the process must have been sent in total to have all of this request.
    end: u64,
    reply: oneshot::Sender<Reply>,
}

/// Lines that are being written to the process.
#[derive(Debug, Default)]
struct Unwritten {
    bytes: Vec<u8>,
    at: usize,
    /// How many bytes have been written in total.
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

/// What the requests of a session have in common.
#[derive(Debug)]
pub(super) struct Subject {
    /// The stream that the entries come from.
    pub(super) stream: Name,
    /// The schemas and limits of the streams that answers may publish to.
    pub(super) streams: Arc<Vec<StreamSpec>>,
}

/// Why a session ended.
enum End {
    /// The process closed its output.
    Closed,
    /// The process wrote something that is not a valid answer.
    OutOfStep(String),
    /// The process did not answer in time.
    Overdue,
}

pub(super) struct PipeSession {
    process: Process,
    requests: mpsc::UnboundedReceiver<PipeRequest>,
    /// A request that waits until the window has room for it.
    next: Option<PipeRequest>,
    /// Requests in the order in which they were sent.
    asked: VecDeque<InFlightRequest>,
    unwritten: Unwritten,
    /// Output that was read and does not form a whole line yet.
    heard: Vec<u8>,
    /// How much of that is known to contain no line end.
    searched: usize,
    window: Window,
    load: Arc<Load>,
    /// When the process began to handle the first request in `asked`.
    turn: Instant,
    /// When the last answers came, or when the first request after a pause was sent.
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

    /// Runs the session until the process ends or must end.
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

    /// Handles a read: some output, or its end.
    fn on_read(&mut self, read: &io::Result<usize>) -> Option<End> {
        match read {
            Ok(0) | Err(_) => Some(End::Closed),
            Ok(_) => self.hear().err().map(End::OutOfStep),
        }
    }

    /// The time limit is over. An answer that was written in time still counts, even if the worker itself was
    /// suspended until now, in which case it notices the time before the answer.
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

    /// Sends the requests that the window has room for.
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

    /// Takes whole lines out of the output that was read.
    ///
    /// # Errors
    /// Why one of them does not answer any request.
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

    /// Reports the end to all requests. A process that ends well after some answers has reached a limit of its own:
    /// no entry is blamed, unless a process ended over the same entry before.
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
                tracing::warn!(stream = %self.subject.stream, reason, "a handler's process failed between two \
                    entries; another one is started in its place");
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

/// The length of the first line, if it has an end; the first `searched` bytes contain none.
fn line_length(heard: &[u8], searched: usize) -> Option<usize> {
    let rest = heard.get(searched..)?;
    memchr(b'\n', rest).map(|found| searched + found)
}
