//! Trims in calls so small that none keeps the server for long. Each call looks anew at what the groups need: a script, or
//! the server by itself (`XTRIM … ACKED`) where the user may run no script. The two differ: by itself the server removes
//! single entries, too (Redis 8.6), or nothing (Redis 8.2).

use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::repair::failed;
use super::super::stop::StopFlag;
use super::{TrimPlan, TrimState, Trimming, share};
use crate::model::{Consent, EntryId, Name};
use crate::topology::REPLAY_PREFIX;
use crate::wire::{Connection, Cut, Error, ErrorKind, Removed, trim_read, xtrim_acked};

/// How many entries the first call removes at the most, and the least and the greatest number of a later one.
const FIRST: u64 = 1000;
const LEAST: u64 = 500;
const MOST: u64 = 20_000;
/// A call that removed nothing is tried with more, up to so many: a single node may have more entries than a call removes.
const NODE_MAX: u64 = 200_000;
/// A call that takes longer is followed by a smaller one, one that takes less than half of it by a larger one.
const CALL_MAX: Duration = Duration::from_millis(4);

/// What was trimmed.
#[derive(Debug)]
pub struct Trimmed {
    /// The stream, with what was done.
    pub row: Trimming,
    /// What the plan said of its groups.
    pub told: Vec<String>,
    /// The error that ended it early.
    pub error: Option<anyhow::Error>,
}

/// How the server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A script that looks what the groups need.
    Script,
    /// `XTRIM … ACKED`.
    Acked,
}

/// The calls that trim.
struct Calls<'a> {
    connection: &'a Connection,
    stream: &'a Name,
    cut: EntryId,
    left_out: &'a [Name],
    way: Way,
    /// Whether the server may look after what is acknowledged by itself.
    can_ack: bool,
    /// Why no script was run, until something was removed without one.
    denied: Option<Error>,
    entries_max: u64,
}

impl Calls<'_> {
    /// Removes some; `None` when nothing is left to remove.
    async fn next(&mut self) -> Result<Option<Removed>> {
        loop {
            let asked = Instant::now();
            let removed = self.call().await?;
            let took = asked.elapsed();
            if removed.entries > 0 {
                self.denied = None;
                self.adapt(took);
                return Ok(Some(removed));
            }
            if self.entries_max < NODE_MAX {
                self.entries_max = NODE_MAX.min(self.entries_max * 10);
            } else if let Some(denied) = self.denied.take() {
                return Err(denied.into());
            } else {
                return Ok(None);
            }
        }
    }

    fn adapt(&mut self, took: Duration) {
        if took > CALL_MAX {
            self.entries_max = LEAST.max(self.entries_max / 2);
        } else if took < CALL_MAX / 2 {
            self.entries_max = self.entries_max.max(MOST.min(self.entries_max * 2));
        }
    }

    async fn call(&mut self) -> Result<Removed> {
        if self.way == Way::Acked {
            let request = xtrim_acked(self.stream, self.cut, self.entries_max);
            return Ok(Removed {
                entries: self.connection.run(request).await.map_err(failed)?,
                before: self.cut,
                held_by: Name::default(),
            });
        }
        let cut = Cut {
            stream: self.stream,
            before: self.cut,
            entries_max: self.entries_max,
        };
        let call = trim_read(cut, REPLAY_PREFIX, self.left_out);
        match self.connection.call(call).await {
            Err(error) if error.kind == ErrorKind::NoPerm && self.can_ack => {
                self.way = Way::Acked;
                self.denied = Some(error);
                Box::pin(self.call()).await
            }
            removed => removed.map_err(failed),
        }
    }
}

/// Trims the stream; `told` is called with the number of entries that were just removed. What a group came to need since
/// the plan was made is kept.
pub async fn apply_trim(
    connection: &Connection,
    plan: TrimPlan,
    stop: &StopFlag,
    told: &(dyn Fn(u64) + Sync),
    _: &Consent,
) -> Trimmed {
    let about_groups = plan.told_of_groups();
    let TrimPlan {
        mut row,
        left_out,
        can_ack,
        ..
    } = plan;
    let planned = (row.freed_bytes, row.freed);
    let (mut freed, mut error) = (0, None);
    row.state = TrimState::Trimmed;
    if let Some(cut) = row.cut_id {
        let mut calls = Calls {
            connection,
            stream: &row.stream,
            cut,
            left_out: &left_out,
            way: Way::Script,
            can_ack,
            denied: None,
            entries_max: FIRST,
        };
        loop {
            if stop.is_set() {
                row.state = TrimState::Stopped;
                break;
            }
            match calls.next().await {
                Ok(Some(removed)) => {
                    freed += removed.entries;
                    told(removed.entries);
                }
                Ok(None) => break,
                Err(failure) => {
                    error = Some(failure);
                    row.state = TrimState::Stopped;
                    break;
                }
            }
        }
    }
    if freed == 0 && error.is_none() && row.state == TrimState::Trimmed {
        row.state = TrimState::Nothing;
    }
    row.is_done = error.is_none() && row.state == TrimState::Trimmed;
    // In the share of the plan, which is that of as many entries as were planned.
    row.freed_bytes = share(planned.0, freed, planned.1);
    row.freed = freed;
    Trimmed {
        row,
        told: about_groups,
        error,
    }
}
