//! Observes streams one after the other: how much memory each takes, and how many of its entries every group has read
//! and acknowledged.

use anyhow::Result;
use futures_util::future::{join_all, try_join_all};

use super::super::hold::{Hold, HoldState, Standing, standing_of};
use super::super::inspect::{Counted, Counter, Counting};
use super::super::lag::lag;
use super::{Memory, StreamMemory, Watch};
use crate::model::{AdaptiveBatch, EntryId, GroupInfo, Lag, Name, StreamInfo, Time};
use crate::topology::is_temporary;
use crate::wire::{
    Connection, Error, ErrorKind, memory_usage_of, xinfo_groups, xinfo_stream, xrange_extent,
};

/// The greatest number of streams that are observed in one round trip.
const TOGETHER_MAX: usize = 50;
/// The greatest number of groups of a stream that are observed in one round trip.
const GROUPS_TOGETHER: usize = 100;

/// What the observation of every stream needs.
pub(super) struct Look<'a> {
    pub(super) connection: &'a Connection,
    pub(super) samples: u32,
    pub(super) now: Time,
    pub(super) counting: Counting,
    pub(super) counter: Counter,
}

impl Memory {
    /// Observes the streams, several in one round trip, as long as their first and last entries do not make the reply
    /// too large.
    pub(super) async fn look_at_all(
        &mut self,
        look: &Look<'_>,
        streams: Vec<Name>,
        watch: &mut impl Watch,
    ) -> Result<()> {
        watch.begins_with_streams(streams.len() as u64);
        let mut batch = AdaptiveBatch::new(TOGETHER_MAX);
        let mut rest = streams.as_slice();
        while !rest.is_empty() {
            let asked = batch.at_a_time().min(rest.len());
            let (page, after) = rest.split_at(asked);
            let seen = try_join_all(page.iter().map(|name| look.first(name))).await?;
            let bytes = seen.iter().map(Seen::entry_bytes).sum();
            batch.brought(asked, asked, bytes);
            for (name, seen) in page.iter().zip(seen) {
                if let Some(row) = self.row(look, name, seen).await? {
                    self.rows.push(row);
                }
            }
            watch.advances(asked as u64);
            rest = after;
        }
        Ok(())
    }

    /// Observes one stream; `None` when it no longer exists.
    async fn row(
        &mut self,
        look: &Look<'_>,
        name: &Name,
        seen: Seen,
    ) -> Result<Option<StreamMemory>> {
        let Seen {
            info,
            groups,
            bytes,
        } = seen;
        if matches!(&info, Err(error) if is_gone(error)) {
            return Ok(None);
        }
        let groups = match groups {
            Err(error) if is_gone(&error) => return Ok(None),
            groups => self.unless_refused(Some(name), groups)?,
        };
        let lasting = |groups: Vec<GroupInfo>| -> Vec<GroupInfo> {
            let groups = groups.into_iter();
            groups.filter(|it| !is_temporary(&it.name)).collect()
        };
        let groups = groups.map(lasting);
        let bytes = self.unless_refused(Some(name), bytes)?.flatten();
        let mut row = StreamMemory::unknown(name, bytes, groups.as_ref().map(Vec::len));
        let Some(info) = self.unless_refused(Some(name), info)? else {
            return Ok(Some(row));
        };
        let standings = match groups {
            Some(groups) => Some(self.standings(look, name, groups).await?),
            None => None,
        };
        let hold = Hold::of(&info, standings.as_deref());
        let trimmable = match (hold.state, hold.floor) {
            (HoldState::NoGroups, _) => None,
            (_, Some(floor)) => {
                let behind = hold.group.as_ref().filter(|it| !it.1);
                let behind = behind.and_then(|it| {
                    let of = standings.as_deref()?.iter();
                    { of }.find(|standing| standing.group.name == it.0)
                });
                Some(self.trimmable(look, (name, &info), floor, behind).await?)
            }
            (_, None) => Some(Lag::Unknown),
        };
        row.take(&info, hold, trimmable, look.now);
        Ok(Some(row))
    }

    /// The groups of the stream, with their oldest pending entries.
    async fn standings(
        &mut self,
        look: &Look<'_>,
        name: &Name,
        groups: Vec<GroupInfo>,
    ) -> Result<Vec<Standing>> {
        let mut standings = Vec::with_capacity(groups.len());
        for page in groups.chunks(GROUPS_TOGETHER) {
            let asked = page.iter();
            let asked = asked.map(|group| standing_of(look.connection, name, group));
            for (group, oldest) in page.iter().zip(join_all(asked).await) {
                let oldest = match oldest {
                    // Deleted meanwhile, it holds nothing back.
                    Err(error) if is_gone(&error) => continue,
                    oldest => self.unless_refused(Some(name), oldest)?,
                };
                standings.push(Standing {
                    group: group.clone(),
                    is_known: oldest.is_some(),
                    oldest_pending: oldest.flatten(),
                });
            }
        }
        Ok(standings)
    }

    /// How many entries are before `floor`, for the group at that position, which has `behind` entries not read: the
    /// exact number when the server knows it or few entries have to be counted, otherwise a bound.
    async fn trimmable(
        &mut self,
        look: &Look<'_>,
        (name, info): (&Name, &StreamInfo),
        floor: EntryId,
        behind: Option<&Standing>,
    ) -> Result<Lag> {
        let (Some(first), Some(last)) = (&info.first, &info.last) else {
            return Ok(Lag::Known(0));
        };
        if floor > last.id {
            return Ok(Lag::Known(info.length));
        }
        let Some(before) = floor.previous().filter(|_| floor > first.id) else {
            return Ok(Lag::Known(0));
        };
        let counters = look.counting.of(None);
        if let Some(standing) = behind
            && let Lag::Known(undelivered) = lag(info, &standing.group, counters)
        {
            return Ok(Lag::Known(info.length.saturating_sub(undelivered)));
        }
        let count = async |after, to| {
            let range = Counted {
                stream: name,
                after,
                to,
                entry_bytes: info.entry_bytes(),
            };
            look.counter.count_usual(look.connection, range).await
        };
        let held = count(before, last.id).await?;
        Ok(match held {
            Lag::Known(held) => Lag::Known(info.length.saturating_sub(held)),
            Lag::AtLeast(held) => {
                let after = first.id.previous().unwrap_or(EntryId::MIN);
                match count(after, before).await? {
                    Lag::Unknown => Lag::AtMost(info.length.saturating_sub(held)),
                    counted => counted,
                }
            }
            _ => {
                let probe = xrange_extent(name, floor, floor, 1);
                let refused = look.connection.run(probe).await;
                self.unless_refused(Some(name), refused)?;
                Lag::Unknown
            }
        })
    }
}

/// Whether the error says that the stream no longer exists.
fn is_gone(error: &Error) -> bool {
    use ErrorKind::{NoGroup, NoKey, WrongType};
    matches!(error.kind, NoKey | NoGroup | WrongType)
}

/// The replies of the first round trip.
struct Seen {
    info: Result<StreamInfo, Error>,
    groups: Result<Vec<GroupInfo>, Error>,
    bytes: Result<Option<u64>, Error>,
}

impl Seen {
    /// The approximate size of the reply.
    fn entry_bytes(&self) -> usize {
        self.info.as_ref().map_or(0, |it| 2 * it.entry_bytes())
    }
}

impl Look<'_> {
    /// The first round trip for one stream. A refusal and a stream that no longer exists are not errors here.
    async fn first(&self, name: &Name) -> Result<Seen, Error> {
        let (info, groups, bytes) = tokio::join!(
            self.connection.run(xinfo_stream(name)),
            self.connection.run(xinfo_groups(name)),
            self.connection.run(memory_usage_of(name, self.samples)),
        );
        Ok(Seen {
            info,
            groups,
            bytes,
        })
    }
}

impl StreamMemory {
    /// A stream about which nothing else is known.
    fn unknown(stream: &Name, bytes: Option<u64>, groups: Option<usize>) -> Self {
        Self {
            stream: stream.clone(),
            bytes,
            length: None,
            first_id: None,
            first_time: None,
            first_age_ms: None,
            groups: groups.map(|groups| groups as u64),
            state: HoldState::Unknown,
            read_up_to: None,
            read_up_to_age_ms: None,
            trimmable: Some(Lag::Unknown),
            frees_bytes: None,
            held_back_by: None,
            is_held_by_pending: false,
        }
    }

    /// Adds the facts from `XINFO STREAM`, and what prevents the stream from being trimmed.
    fn take(&mut self, info: &StreamInfo, hold: Hold, trimmable: Option<Lag>, now: Time) {
        let age = |id: EntryId| now.ms.checked_sub(id.ms);
        let first_id = info.first.as_ref().map(|it| it.id);
        self.length = Some(info.length);
        self.first_id = first_id;
        self.first_time = first_id.and_then(EntryId::time);
        self.first_age_ms = first_id.and_then(age);
        let up_to = hold.floor.and_then(EntryId::previous);
        let up_to = up_to.map(|id| id.min(info.last_generated_id));
        self.read_up_to = up_to.filter(|id| first_id.is_some_and(|first| *id >= first));
        self.read_up_to_age_ms = self.read_up_to.and_then(age);
        self.state = hold.state;
        self.trimmable = trimmable;
        let frees = |(bytes, entries): (u64, u64)| {
            let frees = u128::from(bytes) * u128::from(entries) / u128::from(info.length.max(1));
            u64::try_from(frees).unwrap_or(u64::MAX)
        };
        let entries = trimmable.and_then(Lag::entries);
        self.frees_bytes = self.bytes.zip(entries).map(frees);
        if let Some((group, is_pending)) = hold.group {
            self.held_back_by = Some(group);
            self.is_held_by_pending = is_pending;
        }
    }
}
