//! One stream: its size, its first and last entries, its rate, and the room that its slowest group has.

use anyhow::Result;
use futures_util::future::try_join_all;

use super::group::add_paces;
use super::pace::per_minute;
use super::rate::{Rate, rate};
use super::second_trip::{StreamContext, age, report};
use super::{Detail, GroupReport, GroupState, Survey};
use crate::model::{
    Cell, Entry, EntryId, GroupInfo, Lag, Name, OpenBreaker, Paused, Row, StreamInfo, Time, Tone,
    report, states,
};
use crate::topology::{StreamSpec, breaker_key, paused_key};
use crate::wire::{
    Connection, Error, ErrorKind, allowed, get, memory_usage, unless_other_type, xinfo_groups,
    xinfo_stream, xlen,
};

states! {
    /// What kind of key it is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
    pub enum StreamState {
        /// A stream.
        Ready = "ready" in Ok,
        /// No such key.
        Missing = "missing" in Warn,
        /// A key that is not a stream.
        OtherType = "not a stream" in Bad,
    }
}

report! {
    /// The facts about a stream. `None` means unknown, or, for a missing stream, that there is no value.
    #[derive(Clone, Debug, serde::Deserialize)]
    pub struct StreamReport ranked by rank_by_groups {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// Whether it exists.
        pub state: StreamState => whole("STATE"),
        /// Number of entries.
        pub length: Option<u64> => number("LENGTH") by |row| row.known(row.length);
            gauge("redis_stream_length"),
        /// The length that the topology allows, approximately; `None` without a limit.
        pub maxlen: Option<u64> => number("MAXLEN"); gauge("ucp_streams_stream_maxlen"),
        /// The oldest entry; `None` also when there is none.
        pub first_id: Option<EntryId> => whole("FIRST ID", wide); gauge("redis_stream_first_entry_id",
                "The time in the id of its oldest entry, in milliseconds"),
        /// When that entry was added.
        pub first_time: Option<Time> => whole("FIRST TIME", wide),
        /// Time since that entry was added.
        pub first_age_ms: Option<u64> => millis("FIRST");
            seconds("ucp_streams_stream_first_entry_age_seconds", "Time since its oldest entry was added"),
        /// The newest entry; `None` also when there is none.
        pub last_id: Option<EntryId> => whole("LAST ID", wide); gauge("redis_stream_last_entry_id",
                "The time in the id of its newest entry, in milliseconds"),
        /// When that entry was added.
        pub last_time: Option<Time> => whole("LAST TIME", wide),
        /// Time since that entry was added.
        pub last_age_ms: Option<u64> => millis("LAST");
            seconds("ucp_streams_stream_last_entry_age_seconds", "Time since its newest entry was added"),
        /// Entries ever added.
        pub entries_added: Option<u64> => number("ADDED", wide) by |row| row.known(row.entries_added);
            counter("ucp_streams_stream_entries_added"),
        /// Entries added per minute lately, from the ids of the newest entries, or of a sample of very many; `None` when
        /// these span less than 30 seconds, or none was added lately.
        pub rate_per_minute: Option<f64> => number("PER MIN", wide) by |row| Cell::rate(row.rate_per_minute),
        /// The window over which the rate was measured: the last minute or the last 15 minutes.
        pub rate_window_ms: Option<u64> => millis("OVER", wide),
        /// Entries added per minute, between two observations; `None` when it was observed once (as `serve` does it
        /// again and again).
        pub added_per_minute: Option<f64>,
        /// The memory that the stream takes, as estimated by the server.
        pub bytes: Option<u64> => bytes("BYTES") by |row| row.known(row.bytes);
            gauge("ucp_streams_stream_memory_bytes"),
        /// Entries in its dead-letter stream.
        pub dead_letters: Option<u64> => number("DEAD", unknown) by Self::dead_cell;
            gauge("ucp_streams_stream_dead_letters"),
        /// Its dead-letter stream, whether or not there is one yet.
        pub dead_letter_stream: Name => text("DEAD-LETTER STREAM", wide),
        /// The group with the least room.
        pub slowest_group: Option<Name> => text("SLOWEST GROUP", wide),
        /// How many entries can be added before that group loses one; `None` without a limit or a group.
        pub headroom: Option<Lag> => number("ROOM", wide),
        /// How long that takes at the present rate.
        pub headroom_ms: Option<u64> => millis("ROOM FOR", wide),
        /// Its groups: first those on the server, then those that are only in the topology.
        pub groups: Vec<GroupReport>; gauge("redis_stream_groups", "How many groups it has") from Self::groups_there,
        /// When it was observed, by the server's clock.
        #[serde(skip)]
        pub seen_at: Option<Time>,
    }
}

impl StreamReport {
    /// Adds how fast entries are added and how fast its groups read, by what was seen of the same stream `before`.
    pub fn add_paces(&mut self, before: &Self) {
        add_paces(&mut self.groups, &before.groups);
        let moments = self.seen_at.zip(before.seen_at);
        let window_ms = moments.and_then(|(now, then)| now.ms.checked_sub(then.ms));
        // A counter that went back is that of another stream.
        let added = self.entries_added.zip(before.entries_added);
        let added = added.and_then(|(now, then)| now.checked_sub(then));
        let over = window_ms.filter(|it| *it > 0).zip(added);
        self.added_per_minute =
            over.map(|(window_ms, added)| per_minute(added.cast_signed(), window_ms));
    }

    /// Sorts the streams with the worst groups first.
    fn rank_by_groups(&self) -> u64 {
        let of_groups = self.groups.iter().map(Row::rank).min();
        of_groups.unwrap_or(u64::MAX)
    }

    /// How many groups it has; `None` for what is no stream.
    fn groups_there(&self) -> Option<usize> {
        let there = self
            .groups
            .iter()
            .filter(|it| it.state == GroupState::Ready);
        (self.state == StreamState::Ready).then(|| there.count())
    }

    /// A value that a missing stream does not have is empty, not unknown.
    fn known(&self, value: Option<u64>) -> Cell {
        match (self.state, value) {
            (StreamState::Ready, None) => Cell::Unknown,
            (StreamState::Ready, Some(value)) => value.into(),
            _ => Cell::Nothing,
        }
    }

    fn dead_cell(&self) -> Cell {
        match self.dead_letters {
            Some(count) if count > 0 => Cell::Count(count).toned(Tone::Warn),
            count => count.into(),
        }
    }
}

/// The replies of the first round trip.
#[derive(Debug)]
pub(super) struct FirstTrip {
    spec: StreamSpec,
    pub(super) state: StreamState,
    info: Option<StreamInfo>,
    groups: Vec<GroupInfo>,
    bytes: Option<u64>,
    dead_letters: Option<u64>,
}

/// The first round trip for one stream.
pub(super) async fn look(
    connection: &Connection,
    spec: StreamSpec,
    detail: Detail,
) -> Result<FirstTrip, Error> {
    let name = &spec.name;
    let bytes = asked_if(
        detail >= Detail::Streams,
        connection.run(memory_usage(name)),
    );
    let dead_letters = asked_if(
        detail >= Detail::Groups,
        connection.run(xlen(&spec.dead_letter)),
    );
    let (info, groups, bytes, dead_letters) = tokio::join!(
        connection.run(xinfo_stream(name)),
        connection.run(xinfo_groups(name)),
        bytes,
        dead_letters,
    );
    let state = match &info {
        Err(error) if error.kind == ErrorKind::NoKey => StreamState::Missing,
        Err(error) if error.kind == ErrorKind::WrongType => StreamState::OtherType,
        _ => StreamState::Ready,
    };
    let dead_letters = dead_letters.map(unless_other_type).transpose()?.flatten();
    if state != StreamState::Ready {
        return Ok(FirstTrip {
            dead_letters,
            ..FirstTrip::empty(spec, state)
        });
    }
    // Deleted between two of these, it has no groups and no entries.
    let groups = match groups {
        Err(error) if error.kind == ErrorKind::NoKey => Vec::new(),
        groups => groups?,
    };
    Ok(FirstTrip {
        info: Some(info?),
        groups,
        bytes: bytes.map(allowed).transpose()?.flatten().flatten(),
        dead_letters,
        ..FirstTrip::empty(spec, state)
    })
}

/// A query that is made only when its answer is wanted.
async fn asked_if<T>(is_wanted: bool, question: impl Future<Output = T>) -> Option<T> {
    if is_wanted {
        Some(question.await)
    } else {
        None
    }
}

impl FirstTrip {
    fn empty(spec: StreamSpec, state: StreamState) -> Self {
        Self {
            spec,
            state,
            info: None,
            groups: Vec::new(),
            bytes: None,
            dead_letters: None,
        }
    }

    pub(super) const fn name(&self) -> &Name {
        &self.spec.name
    }

    /// Whether the server has the group.
    pub(super) fn has(&self, group: &Name) -> bool {
        self.groups.iter().any(|it| it.name == *group)
    }

    /// The second round trip, about the groups.
    pub(super) async fn report(self, survey: &Survey<'_>) -> Result<StreamReport> {
        let topology = survey.topology;
        let name = self.spec.name.clone();
        // The pages of ids that tell the rate are read while the groups are asked.
        let (rate, groups) = tokio::join!(self.rate(survey), self.groups(survey));
        let (rate, mut groups) = (rate?, groups?);
        for group in &mut groups {
            group.add_rate(rate, topology);
        }
        for expected in survey.wanted.expected(topology, &name) {
            if !groups.iter().any(|it| it.group == expected.name) {
                groups.push(GroupReport::expected(expected));
            }
        }
        Ok(self.put_together(groups, rate, survey.moment.now))
    }

    /// The groups that are wanted of those on the server.
    async fn groups(&self, survey: &Survey<'_>) -> Result<Vec<GroupReport>> {
        let connection = survey.connection;
        let name = self.name();
        let mut groups = Vec::new();
        if let Some(info) = &self.info {
            let around = StreamContext {
                survey,
                stream: name,
                info,
                maxlen: self.spec.maxlen,
                dead_letters: self.dead_letters,
            };
            let wanted = self.groups.iter();
            let wanted = wanted.filter(|it| survey.wanted.has(name, &it.name));
            let asked = wanted.map(async |group| {
                let breaker = get(&breaker_key(name, &group.name));
                let paused = get(&paused_key(name, &group.name));
                let is_asked = survey.detail >= Detail::Groups;
                let (report, breaker, paused) = tokio::join!(
                    report(around, group.clone()),
                    asked_if(is_asked, connection.run(breaker)),
                    asked_if(is_asked, connection.run(paused))
                );
                let mut report = report?;
                let value = breaker.map(unless_other_type).transpose()?;
                let value = value.flatten().flatten();
                report.circuit_breaker = value.and_then(|it| OpenBreaker::of_value(&it));
                let value = paused.map(unless_other_type).transpose()?;
                let paused = value.flatten().flatten();
                let paused = paused.and_then(|it| Paused::of_value(&it));
                let paused = paused.and_then(|it| it.while_on(survey.moment.now));
                report.add_pause(paused, survey.topology);
                anyhow::Ok(report)
            });
            groups = try_join_all(asked).await?;
        }
        Ok(groups)
    }

    /// The rate at which entries are added, if it is shown or needed for the forecast of a group.
    async fn rate(&self, survey: &Survey<'_>) -> Result<Option<Rate>, Error> {
        let is_shown = survey.detail >= Detail::Streams;
        let has_forecast = !self.groups.is_empty() && self.spec.maxlen.is_some();
        match &self.info {
            Some(info) if is_shown || has_forecast => {
                rate(survey.connection, self.name(), info, survey.moment.now).await
            }
            _ => Ok(None),
        }
    }

    fn put_together(self, groups: Vec<GroupReport>, rate: Option<Rate>, now: Time) -> StreamReport {
        let id_of = |entry: Option<&Entry>| entry.map(|entry| entry.id);
        let info = self.info.as_ref();
        let first_id = id_of(info.and_then(|info| info.first.as_ref()));
        let last_id = id_of(info.and_then(|info| info.last.as_ref()));
        let slowest = slowest(&groups);
        StreamReport {
            stream: self.spec.name,
            state: self.state,
            length: info.map(|info| info.length),
            maxlen: self.spec.maxlen,
            first_id,
            first_time: first_id.and_then(EntryId::time),
            first_age_ms: first_id.and_then(|id| age(id, now)),
            last_id,
            last_time: last_id.and_then(EntryId::time),
            last_age_ms: last_id.and_then(|id| age(id, now)),
            entries_added: info.and_then(|info| info.entries_added),
            rate_per_minute: rate.map(Rate::per_minute),
            rate_window_ms: rate.map(|rate| rate.window_ms),
            added_per_minute: None,
            bytes: self.bytes,
            dead_letters: self.dead_letters,
            dead_letter_stream: self.spec.dead_letter,
            slowest_group: slowest.map(|group| group.group.clone()),
            headroom: slowest.and_then(|group| group.headroom),
            headroom_ms: slowest.and_then(|group| group.headroom_ms),
            groups,
            seen_at: Some(now),
        }
    }
}

/// The group with the least room. A group whose room is unknown comes before groups whose room is known.
fn slowest(groups: &[GroupReport]) -> Option<&GroupReport> {
    groups
        .iter()
        .filter(|group| group.headroom.is_some())
        .min_by_key(|group| group.headroom.and_then(Lag::entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Topology;

    #[test]
    fn a_rate_is_of_one_stream_between_two_moments() {
        let topology = Topology::default();
        let report = |at_ms: u64, added: Option<u64>| {
            let spec = topology.stream_or_default(&Name::from("events.raw"));
            let seen = FirstTrip::empty(spec, StreamState::Ready);
            StreamReport {
                entries_added: added,
                ..seen.put_together(Vec::new(), None, Time::from_ms(at_ms))
            }
        };
        for (then, now, expected) in [
            ((1_000, Some(5)), (31_000, Some(10)), Some(10.0)),
            ((1_000, Some(5)), (31_000, Some(5)), Some(0.0)),
            // Created anew, unknown, or seen in the same moment.
            ((1_000, Some(5)), (31_000, Some(4)), None),
            ((1_000, None), (31_000, Some(4)), None),
            ((1_000, Some(5)), (31_000, None), None),
            ((1_000, Some(5)), (1_000, Some(6)), None),
        ] {
            let mut report_now = report(now.0, now.1);
            assert_eq!(report_now.added_per_minute, None);
            report_now.add_paces(&report(then.0, then.1));
            assert_eq!(report_now.added_per_minute, expected, "{then:?} {now:?}");
        }
        assert_eq!(
            report(1, None).dead_letter_stream,
            Name::from("{events.raw}:dlq")
        );
    }
}
