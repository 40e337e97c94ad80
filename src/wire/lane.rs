//! A lane: one stream, with requests encoded by [`super::encode`] and replies read in place by [`super::resp`]. For
//! bulk reads, bulk writes and blocking reads, where the client crate's parser and copies would be the bottleneck.
//!
//! A lane that failed is dropped and never used again: an abandoned blocking read would be answered later, and its
//! entries would be delivered to nobody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::adds::Adds;
use super::decode;
use super::encode::{push_arg, push_header, push_id};
use super::error::{Error, ErrorKind, Result};
use super::resp::{Reader, Reply};
use super::scripts::{Looked, ScriptCall, looked};
use super::socket::Socket;
use crate::model::{Batch, EntryId, Name};

/// A connection for bulk or blocking work; it is not shared.
pub struct Lane {
    pub(super) stream: Box<dyn Socket>,
    pub(super) reader: Reader,
    pub(super) out: Vec<u8>,
    pub(super) deadline: Duration,
    /// Whether the server has the script that looks for losses.
    has_looked: bool,
}

/// A read as a member of a group.
#[derive(Clone, Copy, Debug)]
pub struct GroupRead<'a> {
    /// The stream.
    pub stream: &'a Name,
    /// The group.
    pub group: &'a Name,
    /// The consumer that will hold the entries.
    pub consumer: &'a Name,
    /// The greatest number of entries.
    pub count_max: usize,
    /// How long the server may wait for the first entry; `None` means not at all.
    pub block: Option<Duration>,
    /// Set when the consumer did not exist before the read created it again, because somebody had deleted it.
    pub deleted: Option<&'a AtomicBool>,
}

/// The result of a group read.
#[derive(Debug, Default)]
pub struct GroupReply {
    /// How many of the ids that were sent along were still pending and are now acknowledged.
    pub acknowledged: u64,
    /// New entries, each delivered for the first time.
    pub batch: Batch,
    /// The result of looking for losses right before the read; `None` when that was not requested.
    pub looked: Option<Result<Looked>>,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Lane {
    pub(super) fn over(stream: Box<dyn Socket>, deadline: Duration) -> Self {
        Self {
            stream,
            reader: Reader::default(),
            out: Vec::new(),
            deadline,
            has_looked: false,
        }
    }

    /// The stream; the lane must not contain unread data.
    pub(super) fn into_stream(self) -> Box<dyn Socket> {
        debug_assert!(!self.reader.has_unread(), "a reply was not read");
        self.stream
    }

    /// Appends a command to the buffer that [`Lane::flush`] writes.
    pub fn push(&mut self, args: &[&[u8]]) {
        push_header(&mut self.out, args.len());
        for arg in args {
            push_arg(&mut self.out, arg);
        }
    }

    /// Writes the buffer.
    ///
    /// # Errors
    /// A lost connection or a missed deadline.
    pub async fn flush(&mut self) -> Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        self.write(&out).await?;
        self.out = out;
        self.out.clear();
        Ok(())
    }

    /// Writes `XADD`s; their replies are read by [`Lane::added`].
    ///
    /// # Errors
    /// As [`Lane::flush`].
    pub async fn write_adds(&mut self, adds: &Adds) -> Result<()> {
        self.write(&adds.bytes).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(self.deadline, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Error::from_io("", &error)),
            Err(_) => Err(no_reply("", self.deadline)),
        }
    }

    /// The next reply; an error of the server is returned as an error.
    pub(super) async fn reply(&mut self, command: &str, deadline: Duration) -> Result<Reply<'_>> {
        let reply = if self.reader.has_reply(command)? {
            // It takes no time, and a deadline for it would take a look at the clock.
            self.reader.take()
        } else {
            match timeout(deadline, self.reader.next(&mut self.stream, command)).await {
                Ok(reply) => reply?,
                Err(_) => return Err(no_reply(command, deadline)),
            }
        };
        match reply.error_line() {
            Some(line) => Err(Error::from_server_line(command, &line)),
            None => Ok(reply),
        }
    }

    /// Runs one command whose reply does not matter unless it is an error.
    pub(super) async fn call_ok(&mut self, command: &str, args: &[&[u8]]) -> Result<()> {
        self.push(args);
        let Err(lost) = self.flush().await else {
            return self.reply(command, self.deadline).await.map(|_| ());
        };
        // A server that has no room says so, and closes: that may be there to read although nothing can be written.
        match self.reply(command, self.deadline).await {
            Err(said) if !said.kind.is_connection_lost() => Err(said),
            _ => Err(lost),
        }
    }

    /// Acknowledges `acks` and reads new entries, in one write: the acknowledgement has run before the read blocks.
    ///
    /// # Errors
    /// As [`Lane::read_group_after`].
    pub async fn read_group(
        &mut self,
        read: GroupRead<'_>,
        acks: &[EntryId],
    ) -> Result<GroupReply> {
        self.read_group_after(read, acks, None).await
    }

    /// Acknowledges `acks`, looks for losses of the group if `look` is given, and reads new entries, in one write:
    /// everything else has run before the read blocks. The result of the look is part of the reply, and an error in
    /// it stops nothing.
    ///
    /// # Errors
    /// Errors of the server; after a missed deadline (the wait and the lane's own) the lane cannot be used any more.
    pub async fn read_group_after(
        &mut self,
        read: GroupRead<'_>,
        acks: &[EntryId],
        look: Option<&ScriptCall<Looked>>,
    ) -> Result<GroupReply> {
        if !acks.is_empty() {
            self.push_ack(read.stream, read.group, acks);
        }
        if read.deleted.is_some() {
            let (stream, group) = (read.stream.as_bytes(), read.group.as_bytes());
            let consumer = read.consumer.as_bytes();
            self.push(&[b"XGROUP", b"CREATECONSUMER", stream, group, consumer]);
        }
        if let Some(look) = look {
            // The server may have forgotten the script before this connection was there.
            let words = look.words(!self.has_looked);
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            self.push(&words);
        }
        self.push_group_read(read);
        self.flush().await?;
        let mut group_reply = GroupReply::default();
        if !acks.is_empty() {
            let reply = self.reply("XACK", self.deadline).await?;
            group_reply.acknowledged = decode::count("XACK", reply)?;
        }
        if let Some(deleted) = read.deleted {
            self.note_deleted(deleted).await?;
        }
        if look.is_some() {
            group_reply.looked = Some(self.looked().await?);
        }
        let deadline = self.deadline + read.block.unwrap_or_default();
        let command = "XREADGROUP";
        let decoded = match self.reply(command, deadline).await {
            Ok(reply) => decode::stream_entries(command, reply, |_, list| {
                decode::entries(command, list, |id, fields| {
                    group_reply.batch.push(id, fields.unwrap_or_default());
                    Ok(())
                })
            }),
            Err(error) => Err(error),
        };
        match decoded {
            Ok(()) => Ok(group_reply),
            Err(error) => Err(error.about(Some(read.stream))),
        }
    }

    /// Records whether the consumer had been deleted. A server without memory refuses to create a consumer but still
    /// reads; then this is unknown.
    async fn note_deleted(&mut self, deleted: &AtomicBool) -> Result<()> {
        const COMMAND: &str = "XGROUP CREATECONSUMER";
        let made = match self.reply(COMMAND, self.deadline).await {
            Ok(reply) => decode::count(COMMAND, reply)? > 0,
            Err(error) if error.kind.is_connection_lost() => return Err(error),
            Err(_) => false,
        };
        if made {
            deleted.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// The reply to a look for losses. An error of the server is a result like any other; a lost connection is not.
    async fn looked(&mut self) -> Result<Result<Looked>> {
        let outcome = match self.reply("losses", self.deadline).await {
            Ok(reply) => looked("losses", reply),
            Err(error) => Err(error),
        };
        match outcome {
            Err(error) if error.kind.is_connection_lost() => Err(error),
            outcome => {
                let is_forgotten =
                    matches!(&outcome, Err(error) if error.kind == ErrorKind::NoScript);
                self.has_looked = !is_forgotten;
                Ok(outcome)
            }
        }
    }

    fn push_ack(&mut self, stream: &Name, group: &Name, acks: &[EntryId]) {
        push_header(&mut self.out, 3 + acks.len());
        for arg in [b"XACK", stream.as_bytes(), group.as_bytes()] {
            push_arg(&mut self.out, arg);
        }
        for id in acks {
            push_id(&mut self.out, *id);
        }
    }

    fn push_group_read(&mut self, read: GroupRead<'_>) {
        let count = read.count_max.to_string();
        let block_ms = read.block.map(|block| block.as_millis().max(1).to_string());
        let mut args: Vec<&[u8]> = vec![
            b"XREADGROUP",
            b"GROUP",
            read.group.as_bytes(),
            read.consumer.as_bytes(),
        ];
        args.extend([b"COUNT".as_slice(), count.as_bytes()]);
        if let Some(block_ms) = &block_ms {
            args.extend([b"BLOCK".as_slice(), block_ms.as_bytes()]);
        }
        args.extend([b"STREAMS".as_slice(), read.stream.as_bytes(), b">"]);
        self.push(&args);
    }

    /// Reads the replies to `XADD` commands that were flushed, and calls `each` in order: the id, or the server's
    /// error.
    ///
    /// # Errors
    /// A lost connection, a missed deadline, or an error of `each`.
    pub async fn added(
        &mut self,
        mut count: usize,
        mut each: impl FnMut(Result<EntryId>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        while count > 0 {
            let reply = self.reply("XADD", self.deadline).await;
            count -= 1;
            match reply {
                Ok(reply) => each(decode::id("XADD", reply))?,
                Err(error) if error.kind.is_connection_lost() => return Err(error.into()),
                Err(error) => each(Err(error))?,
            }
        }
        Ok(())
    }
}

impl Lane {
    /// Adds all of these entries in one transaction (`MULTI`), in which nobody else's commands come between them. Where the
    /// server has no memory for them, or may not be written to, it adds none. An entry that is refused for what it is, such as
    /// an id that is not greater than the last one, is left out, and the others are added.
    ///
    /// # Errors
    /// The first error of the server; when the connection is lost, whether they were added is unknown.
    pub async fn add_all_or_none(&mut self, adds: &Adds) -> Result<()> {
        if adds.is_empty() {
            return Ok(());
        }
        let mut begin = Vec::new();
        push_header(&mut begin, 1);
        push_arg(&mut begin, b"MULTI");
        let mut end = Vec::new();
        push_header(&mut end, 1);
        push_arg(&mut end, b"EXEC");
        for bytes in [&begin, &adds.bytes, &end] {
            self.write(bytes).await?;
        }
        let mut refused = None;
        for _ in 0..=adds.len() {
            match self.reply("XADD", self.deadline).await {
                Err(error) if error.kind.is_connection_lost() => return Err(error),
                Err(error) => refused = refused.or(Some(error)),
                Ok(_) => {}
            }
        }
        let deadline = self.deadline;
        let done = self.reply("EXEC", deadline).await;
        if let Some(refused) = refused {
            return Err(refused);
        }
        let mut each = done?.children().filter_map(|it| it.error_line());
        match each.next() {
            Some(line) => Err(Error::from_server_line("XADD", &line)),
            None => Ok(()),
        }
    }
}

/// Why a streaming read ended early: an error of the server, or of the code that receives the entries.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The server or the connection.
    #[error(transparent)]
    Wire(#[from] Error),
    /// The receiver: its output failed, or it has enough.
    #[error(transparent)]
    Sink(#[from] anyhow::Error),
}

impl Stop {
    /// The error itself, so that it is found in the error chain.
    pub fn into_error(self) -> anyhow::Error {
        match self {
            Self::Wire(error) => error.into(),
            Self::Sink(error) => error,
        }
    }
}

/// The entries of `page`, a reply to `XRANGE`, as a lane reads them: what `benches/` measures.
///
/// # Errors
/// An error when the reply is not one to `XRANGE`, or the error that `each` returns.
#[doc(hidden)]
pub fn read_page(
    page: &[u8],
    each: impl FnMut(EntryId, Option<&decode::FieldSlices<'_>>) -> Result<()>,
) -> Result<()> {
    let mut reader = Reader::default();
    reader.arrived(page);
    if !reader.has_reply("XRANGE")? {
        return Err(Error::shape("XRANGE", "a whole reply"));
    }
    decode::entries("XRANGE", reader.take(), each)
}

pub(super) fn no_reply(command: &str, deadline: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        command,
        format!("no reply in {deadline:?}"),
    )
}
