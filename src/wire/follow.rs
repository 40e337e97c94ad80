//! Follows streams: asks for each stream's state and its new entries in one write, so that nothing can happen between
//! the two.

use std::time::Duration;

use super::decode::{self, FieldSlices};
use super::encode::{push_arg, push_header};
use super::error::{Error, Result};
use super::lane::Lane;
use crate::model::{EntryId, Name, StreamInfo};

impl Lane {
    /// The run id of the server process (`INFO server`), which changes with a restart or a failover; `None` when the
    /// user may not ask.
    ///
    /// # Errors
    /// A lost connection, a missed deadline, an unknown shape.
    pub async fn run_id(&mut self) -> Result<Option<String>> {
        let command = "INFO";
        self.push(&[b"INFO", b"server"]);
        self.flush().await?;
        let reply = match self.reply(command, self.deadline).await {
            Ok(reply) => reply,
            Err(error) if error.kind.is_refusal() => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(decode::bytes(command, reply)?);
        let run_id = text.lines().find_map(|line| line.strip_prefix("run_id:"));
        Ok(run_id.map(|it| it.trim_end().to_owned()))
    }

    /// Appends an `XINFO STREAM` for each of `streams`; the replies are read by [`Lane::looks`].
    pub fn push_looks<'a>(&mut self, streams: impl IntoIterator<Item = &'a Name>) {
        for stream in streams {
            push_header(&mut self.out, 3);
            for arg in [b"XINFO".as_slice(), b"STREAM", stream.as_bytes()] {
                push_arg(&mut self.out, arg);
            }
        }
    }

    /// Reads the replies to `count` looks that were flushed, and calls `each` in order: the stream, or the server's
    /// error.
    ///
    /// # Errors
    /// A lost connection, a missed deadline, an unknown shape.
    pub async fn looks(
        &mut self,
        count: usize,
        mut each: impl FnMut(usize, Result<StreamInfo>),
    ) -> Result<()> {
        for index in 0..count {
            let command = "XINFO STREAM";
            match self.reply(command, self.deadline).await {
                Ok(reply) => each(index, Ok(decode::stream(command, reply)?)),
                Err(error) if error.kind.is_connection_lost() => return Err(error),
                Err(error) => each(index, Err(error)),
            }
        }
        Ok(())
    }

    /// Appends an `XREAD` of what each stream has after its id, which waits up to `block` for the first entry; the
    /// reply is read by [`Lane::entries`].
    pub fn push_read(&mut self, positions: &[(&Name, EntryId)], count_max: usize, block: Duration) {
        let count = count_max.to_string();
        let block_ms = block.as_millis().max(1).to_string();
        let ids: Vec<String> = positions.iter().map(|(_, id)| id.to_string()).collect();
        let mut args: Vec<&[u8]> = vec![b"XREAD", b"COUNT", count.as_bytes()];
        args.extend([b"BLOCK".as_slice(), block_ms.as_bytes(), b"STREAMS"]);
        args.extend(positions.iter().map(|(name, _)| name.as_bytes()));
        args.extend(ids.iter().map(String::as_bytes));
        self.push(&args);
    }

    /// Reads the reply to a read that was flushed, and calls `each` with the stream's index, the id and the fields.
    ///
    /// # Errors
    /// Errors of the server or of `each`; after a missed deadline (twice the wait, plus the lane's own) the lane
    /// cannot be used any more.
    pub async fn entries(
        &mut self,
        positions: &[(&Name, EntryId)],
        block: Duration,
        mut each: impl FnMut(usize, EntryId, &FieldSlices<'_>) -> Result<()>,
    ) -> Result<()> {
        let deadline = self.deadline + 2 * block;
        let reply = self.reply("XREAD", deadline).await?;
        decode::stream_entries("XREAD", reply, |name, list| {
            let index = positions
                .iter()
                .position(|(wanted, _)| **wanted == name)
                .ok_or_else(|| Error::shape("XREAD", "only the streams asked for"))?;
            decode::entries("XREAD", list, |id, fields| {
                each(index, id, fields.unwrap_or_default())
            })
        })
    }
}
