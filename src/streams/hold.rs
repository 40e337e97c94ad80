//! Finds the group that prevents a stream from being trimmed further: the one that has read and acknowledged the least.
//! What it finds is pure.

use crate::model::{EntryId, GroupInfo, Name, StreamInfo, states};
use crate::wire::{Connection, Error, PendingFilter, xpending_entries};

states! {
    /// Why entries of a stream cannot be trimmed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum HoldState {
        /// Nothing: every group has read and acknowledged all of them.
        ReadByAll = "read by all" in Ok,
        /// A group that has not read or not acknowledged all of them.
        HeldBack = "held back" in Plain,
        /// A group that has never read anything: it may be forgotten.
        NeverRead = "never read" in Warn,
        /// The stream has no groups, so it is unknown who has read it.
        NoGroups = "no groups" in Dim,
        /// The user may not read the groups or their pending entries.
        Unknown = "unknown" in Warn,
    }
}

/// A group, and its pending entry with the least id.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) group: GroupInfo,
    pub(super) oldest_pending: Option<EntryId>,
    /// Whether the pending entries are known: the user may not be allowed to read them.
    pub(super) is_known: bool,
}

/// The pending entry of the group with the least id; `None` when nothing is pending.
///
/// # Errors
/// Errors of the server, also when the group is gone.
pub(super) async fn standing_of(
    connection: &Connection,
    stream: &Name,
    group: &GroupInfo,
) -> Result<Option<EntryId>, Error> {
    if group.pending == 0 {
        return Ok(None);
    }
    let one = PendingFilter {
        count_max: 1,
        ..PendingFilter::default()
    };
    let oldest = connection.run(xpending_entries(stream, &group.name, &one));
    Ok(oldest.await?.first().map(|it| it.id))
}

impl Standing {
    /// The first id that the group has not read or not acknowledged, and whether it is the id of a pending entry.
    /// `None` when it is unknown.
    fn floor(&self) -> Option<(EntryId, bool)> {
        let next = self.group.last_delivered_id.next();
        let next = next.unwrap_or(EntryId::MAX);
        self.is_known.then_some(match self.oldest_pending {
            Some(pending) if pending < next => (pending, true),
            _ => (next, false),
        })
    }
}

/// How far a stream can be trimmed, and which group prevents more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) state: HoldState,
    /// The first id that must be kept; `None` when it is unknown.
    pub(super) floor: Option<EntryId>,
    /// The group that needs this id, and whether because of a pending entry.
    pub(super) group: Option<(Name, bool)>,
}

impl Hold {
    /// For a stream whose groups may be unknown.
    pub(super) fn of(info: &StreamInfo, groups: Option<&[Standing]>) -> Self {
        let nobody = |state| Self {
            state,
            floor: None,
            group: None,
        };
        let Some(groups) = groups else {
            return nobody(HoldState::Unknown);
        };
        let mut least: Option<(EntryId, bool, &GroupInfo)> = None;
        for standing in groups {
            let Some((floor, is_pending)) = standing.floor() else {
                return nobody(HoldState::Unknown);
            };
            if least.is_none_or(|(least, ..)| floor < least) {
                least = Some((floor, is_pending, &standing.group));
            }
        }
        let Some((floor, is_pending, group)) = least else {
            return nobody(HoldState::NoGroups);
        };
        let is_whole = info.last.as_ref().is_none_or(|last| last.id < floor);
        let state = match is_whole {
            true => HoldState::ReadByAll,
            false if group.is_unused() => HoldState::NeverRead,
            false => HoldState::HeldBack,
        };
        Self {
            state,
            floor: Some(floor),
            group: (!is_whole).then(|| (group.name.clone(), is_pending)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Entry;

    fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    fn stream(first: u64, last: u64) -> StreamInfo {
        let entry = |ms| {
            Some(Entry {
                id: id(ms),
                fields: Vec::new(),
            })
        };
        StreamInfo {
            length: last - first + 1,
            last_generated_id: id(last),
            max_deleted_id: None,
            entries_added: None,
            first: entry(first),
            last: entry(last),
        }
    }

    fn standing(name: &str, delivered: u64, pending: Option<u64>) -> Standing {
        Standing {
            group: GroupInfo {
                name: name.into(),
                consumers: 1,
                pending: u64::from(pending.is_some()),
                last_delivered_id: id(delivered),
                entries_read: None,
                server_lag: None,
            },
            oldest_pending: pending.map(id),
            is_known: true,
        }
    }

    #[test]
    fn the_group_that_is_the_least_far_holds_back() {
        let hold = |groups: &[Standing]| Hold::of(&stream(1, 9), Some(groups));
        let one = hold(&[standing("a", 7, None), standing("b", 8, Some(3))]);
        assert_eq!(one.floor, Some(id(3)));
        assert_eq!(one.group, Some(("b".into(), true)));
        assert_eq!(one.state, HoldState::HeldBack);
        let all = hold(&[standing("a", 9, None), standing("b", 9, None)]);
        assert_eq!((all.state, all.group), (HoldState::ReadByAll, None));
        let mut unused = standing("c", 0, None);
        unused.group.consumers = 0;
        let never = hold(&[standing("a", 9, None), unused]);
        assert_eq!(never.state, HoldState::NeverRead);
        assert_eq!(never.floor, EntryId::MIN.next());
        assert_eq!(hold(&[]).state, HoldState::NoGroups);
    }

    #[test]
    fn what_is_not_known_is_no_floor() {
        let unknown = Standing {
            is_known: false,
            ..standing("a", 9, None)
        };
        let found = Hold::of(&stream(1, 9), Some(&[standing("b", 2, None), unknown]));
        assert_eq!((found.state, found.floor), (HoldState::Unknown, None));
        let denied = Hold::of(&stream(1, 9), None);
        assert_eq!(denied.state, HoldState::Unknown);
    }
}
