//! What is in a group's retry stream. Handled entries are deleted there, so its length is what still waits, and the
//! length of one that does not exist is 0.

use super::group::GroupReport;
use crate::model::{ConsumerInfo, EntryId, Lag, Name, Time};
use crate::streams::policy::Published;
use crate::topology::{retry_home, retry_key};
use crate::wire::{
    Connection, Error, ErrorKind, unless_other_type, xinfo_groups, xlen, xrange_ids,
};

/// The entries in a retry stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Retries {
    lag: u64,
    pending: u64,
    oldest: Option<EntryId>,
}

/// Looks at the retry stream of the group; in one round trip as long as nothing is there. `None` when the user may not
/// look.
///
/// # Errors
/// Errors of the server.
pub(super) async fn look(
    connection: &Connection,
    stream: &Name,
    group: &Name,
) -> Result<Option<Retries>, Error> {
    if retry_home(stream, group).is_some() {
        return Ok(Some(Retries::default()));
    }
    let key = retry_key(stream, group);
    let Some(length) = unless_other_type(connection.run(xlen(&key)).await)? else {
        return Ok(None);
    };
    if length == 0 {
        return Ok(Some(Retries::default()));
    }
    let (groups, oldest) = tokio::join!(
        connection.run(xinfo_groups(&key)),
        connection.run(xrange_ids(&key, EntryId::MIN, EntryId::MAX, 1)),
    );
    let groups = match groups {
        Err(error) if error.kind == ErrorKind::NoKey => return Ok(Some(Retries::default())),
        groups => groups?,
    };
    let found = groups.iter().find(|it| it.name == *group);
    let pending = found.map_or(0, |it| it.pending);
    Ok(Some(Retries {
        lag: length.saturating_sub(pending),
        pending,
        oldest: oldest?.ids.first().copied(),
    }))
}

impl GroupReport {
    /// Adds what was found in its retry stream, and to the figures that its alerts are decided from.
    pub(super) fn add_retries(
        &mut self,
        found: Option<Retries>,
        published: &Published,
        consumers: Option<&[ConsumerInfo]>,
        now: Time,
    ) {
        let Some(found) = found else { return };
        self.retry_lag = Some(found.lag);
        self.retry_pending = Some(found.pending);
        self.retry_age_ms = found.oldest.and_then(|id| now.ms.checked_sub(id.ms));
        let waiting = found.lag + found.pending;
        let read = consumers.map(|consumers| published.reads_retries(consumers));
        self.is_retry_read = read.filter(|_| waiting > 0);
        let figures = &mut self.figures;
        figures.lag = figures.lag.map(|lag| lag.and_more(found.lag));
        figures.pending = figures.pending.map(|pending| pending + found.pending);
        figures.age_ms = figures.age_ms.max(self.retry_age_ms);
    }

    /// Entries that wait in its retry stream, delivered or not; `None` when it may not be seen.
    pub fn retries_waiting(&self) -> Option<u64> {
        Some(self.retry_lag? + self.retry_pending?)
    }
}

impl Lag {
    /// This lag and so many entries more.
    const fn and_more(self, more: u64) -> Self {
        match self {
            Self::Known(entries) => Self::Known(entries.saturating_add(more)),
            Self::AtMost(entries) => Self::AtMost(entries.saturating_add(more)),
            Self::AtLeast(entries) => Self::AtLeast(entries.saturating_add(more)),
            Self::Unknown => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Figures;

    #[test]
    fn what_waits_there_counts_and_what_is_not_seen_is_unknown() {
        let mut group = GroupReport {
            figures: Figures {
                lag: Some(Lag::AtMost(4)),
                pending: Some(1),
                age_ms: Some(2),
                ..Figures::default()
            },
            ..GroupReport::default()
        };
        let none = Published::default();
        group.add_retries(None, &none, Some(&[]), Time::from_ms(1_000));
        assert_eq!((group.retry_lag, group.retries_waiting()), (None, None));
        let found = Retries {
            lag: 2,
            pending: 3,
            oldest: Some(EntryId::new(400, 0)),
        };
        group.add_retries(Some(found), &none, Some(&[]), Time::from_ms(1_000));
        assert_eq!(group.retries_waiting(), Some(5));
        assert_eq!(group.is_retry_read, Some(false));
        let figures = group.figures;
        assert_eq!(figures.lag, Some(Lag::AtMost(6)));
        assert_eq!((figures.pending, figures.age_ms), (Some(4), Some(600)));
        // Nothing is there to be read.
        let found = Some(Retries::default());
        group.add_retries(found, &none, Some(&[]), Time::from_ms(1_000));
        assert_eq!(group.is_retry_read, None);
    }
}
