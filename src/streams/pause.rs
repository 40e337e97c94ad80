//! Pauses a group and resumes it. What pauses it is a value on the server, which the group's workers look at; what the
//! pause means for the stream's limit is found out before.

use std::time::Duration;

use anyhow::Result;

use super::inspect::{Detail, GroupReport, Wanted, observe};
use super::plan;
use super::repair::failed;
use super::target::Target;
use super::which_group::Suggest;
use crate::model::{
    Consent, Lag, Name, Paused, PlanFacts, Problem, SeenGroup, Time, entries,
    format_duration_short, report, states,
};
use crate::topology::{GroupSpec, Topology, paused_key};
use crate::wire::{Connection, Error, ErrorKind, allowed, exchange, get, info, time};

/// The greatest length of a reason, in bytes.
pub const REASON_MAX: usize = 1000;

states! {
    /// What becomes of a group.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Change {
        /// It would be paused.
        Planned = "planned" in Plain,
        /// It is paused now.
        Paused = "paused" in Ok,
        /// It is no longer paused.
        Resumed = "resumed" in Ok,
        /// It was not paused.
        NotPaused = "not paused" in Plain,
    }
}

report! {
    /// A group that is paused or resumed.
    #[derive(Clone, Debug)]
    pub struct Pausing {
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// Whether it was done.
        pub is_done: bool => whole("DONE"),
        /// What becomes of it.
        pub state: Change => whole("STATE"),
        /// Since when, by the server's clock; of a resumed one, since when it was paused.
        pub since: Option<Time> => whole("SINCE"),
        /// Until when; `None` until it is resumed.
        pub until: Option<Time> => whole("UNTIL"),
        /// Who paused it.
        pub by: Option<String> => text("BY"),
        /// Why.
        pub reason: Option<String> => text("REASON"),
        /// Live consumers, which include other programs' that a pause does not hold; `None` when that was not looked at.
        pub live: Option<u64> => number("LIVE", sparse),
        /// Entries not delivered to the group yet.
        pub lag: Option<Lag> => number("LAG", sparse),
        /// Entries delivered and not acknowledged.
        pub pending: Option<u64> => number("PENDING", sparse),
        /// How many entries can be added before the group loses one to MAXLEN; `None` without a limit.
        pub headroom: Option<Lag> => number("ROOM", sparse),
        /// How long that takes at the stream's present rate; `None` when nothing was added lately.
        pub headroom_ms: Option<u64> => millis("FOR", sparse),
        /// Whether that is over before the pause is; `None` when that cannot be known, as of a pause without an end.
        pub loses_entries: Option<bool> => whole("LOSES ENTRIES", sparse),
    }
}

/// For how long a group is paused, by whom, and why.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How long; `None` until it is resumed.
    pub length: Option<Duration>,
    /// Who pauses it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

/// What a pause would do, and the state it was planned from.
#[derive(Debug)]
pub struct PausePlan {
    /// What it would do.
    pub row: Pausing,
    /// What is to be known of the server that keeps the pause.
    pub warnings: Vec<String>,
    target: Target,
    seen: Option<SeenGroup>,
    wish: Wish,
    /// The value of the key as it was found.
    before: Option<Vec<u8>>,
    /// The pause that is there already.
    current: Option<Paused>,
}

impl PausePlan {
    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        PlanFacts {
            count: 1,
            entries: self.row.lag,
            ..plan::about(&self.target, self.seen, self.told())
        }
    }

    /// What the pause does, in words.
    fn told(&self) -> String {
        let row = &self.row;
        let until = match (row.until, self.wish.length) {
            (Some(until), Some(length)) => {
                format!("for {}, until {until}", format_duration_short(length))
            }
            _ => "until it is resumed".to_owned(),
        };
        let mut lines = vec![format!("pause {} {until}", self.target)];
        if let Some(current) = &self.current {
            lines.push(format!("in place of the pause {}", current.told()));
        }
        lines.push(
            "its workers stop reading, claiming and retrying within 5s, and finish what they have; consumers of other \
             programs, `consume` and `claim --work` are not held"
                .to_owned(),
        );
        lines.extend(self.told_room());
        lines.join("\n")
    }

    /// How long the room before MAXLEN lasts.
    fn told_room(&self) -> Option<String> {
        let row = &self.row;
        let room = row.headroom?;
        let how_many = match room {
            Lag::Known(count) => entries(count),
            Lag::AtLeast(count) => format!("at least {}", entries(count)),
            Lag::AtMost(count) => format!("at most {}", entries(count)),
            Lag::Unknown => "an unknown number of entries".to_owned(),
        };
        let lasts = match row.headroom_ms {
            Some(ms) => {
                let lasts = format_duration_short(Duration::from_millis(ms));
                format!(", which takes {lasts} at the present rate")
            }
            None => String::new(),
        };
        let then = match row.loses_entries {
            Some(true) => ": entries would be lost before the pause ends",
            Some(false) => ": longer than the pause",
            None if row.headroom_ms.is_some() => ": resume it before, or entries are lost",
            None => "",
        };
        Some(format!(
            "room: {how_many} can be added before MAXLEN trims one that the group has not read{lasts}{then}"
        ))
    }
}

/// Finds out what pausing the group would do. Changes nothing.
///
/// # Errors
/// Not found when there is no such group; usage for a reason that is too long; denied when the user may not read the key;
/// errors of the server.
pub async fn plan_pause(
    connection: &Connection,
    topology: &Topology,
    spec: &GroupSpec,
    wish: Wish,
) -> Result<PausePlan> {
    let length = wish.reason.as_ref().map_or(0, String::len);
    if length > REASON_MAX {
        let text = format!("the reason has {length} bytes, and at most {REASON_MAX} are kept");
        return Err(Problem::usage(text).hint("say it in fewer words").into());
    }
    let target = Target::from(spec);
    let groups = target
        .require(connection, topology, Suggest::Nothing)
        .await?;
    let key = paused_key(&target.stream, &target.group);
    let named = std::slice::from_ref(spec);
    let wanted = Wanted::Groups(named);
    let looked = Box::pin(observe(connection, topology, wanted, Detail::Groups));
    let (before, now, memory) = tokio::join!(
        connection.run(get(&key)),
        connection.run(time()),
        connection.run(info("memory")),
    );
    let before = before.map_err(|error| explained(&key, error))?;
    let seen = looked.await?;
    let group = seen.groups().next().cloned().unwrap_or_default();
    let now = Time::from_ms(now?);
    let current = before.as_deref().and_then(Paused::of_value);
    let memory = allowed(memory)?.unwrap_or_default();
    Ok(PausePlan {
        row: row(&target, &group, &wish, now),
        warnings: told_policy(&memory).into_iter().collect(),
        seen: plan::seen(&groups, &target),
        current: current.and_then(|it| it.while_on(now)),
        target,
        wish,
        before,
    })
}

fn row(target: &Target, group: &GroupReport, wish: &Wish, now: Time) -> Pausing {
    let ends_ms = |length: Duration| {
        let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        now.ms.saturating_add(ms)
    };
    let has_none = matches!(
        group.headroom,
        Some(Lag::Known(0) | Lag::AtMost(0)) if group.headroom_ms.is_some()
    );
    let loses = wish.length.and_then(|length| {
        let lasts = Duration::from_millis(group.headroom_ms?);
        Some(has_none || lasts < length)
    });
    Pausing {
        group: target.group.clone(),
        stream: target.stream.clone(),
        is_done: false,
        state: Change::Planned,
        since: Some(now),
        until: wish.length.map(|it| Time::from_ms(ends_ms(it))),
        by: Some(wish.by.clone()),
        reason: wish.reason.clone(),
        live: group.live,
        lag: group.lag,
        pending: group.pending,
        headroom: group.headroom,
        headroom_ms: group.headroom_ms,
        loses_entries: loses.or(has_none.then_some(true)),
    }
}

/// What the server's eviction policy means for a pause; `None` when it deletes nothing.
fn told_policy(memory: &[(String, String)]) -> Option<String> {
    let value = |name: &str| {
        let pair = memory.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    };
    value("maxmemory").filter(|it| *it != "0")?;
    let policy = value("maxmemory_policy").filter(|it| *it != "noeviction")?;
    Some(if policy.starts_with("allkeys") {
        format!(
            "maxmemory-policy is {policy}: when memory is full, the server may delete the pause as any other key, and the \
             workers go on"
        )
    } else {
        format!(
            "maxmemory-policy is {policy}: the pause has no expiry and is not deleted, but while the stream grows, leases \
             and other keys that expire may be"
        )
    })
}

/// The error about the key in which the pause is kept.
fn explained(key: &Name, error: Error) -> anyhow::Error {
    if error.kind == ErrorKind::WrongType {
        let text = format!("the key `{key}`, in which a pause is kept, holds something else");
        return Problem::refused(text)
            .hint("`doctor` names keys of another type than they should have")
            .into();
    }
    error.into()
}

/// Pauses the group.
///
/// # Errors
/// Refused when it was paused or resumed since the plan was made; errors of the server.
pub async fn apply_pause(connection: &Connection, plan: PausePlan, _: Consent) -> Result<Pausing> {
    let PausePlan {
        row,
        target,
        wish,
        before,
        ..
    } = plan;
    let now = Time::from_ms(connection.run(time()).await?);
    let until = wish.length.map(|length| {
        let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        Time::from_ms(now.ms.saturating_add(ms))
    });
    let paused = Paused {
        since: now,
        until,
        by: wish.by,
        reason: wish.reason,
    };
    change(connection, &target, before.as_deref(), Some(&paused)).await?;
    Ok(Pausing {
        is_done: true,
        state: Change::Paused,
        since: Some(now),
        until,
        ..row
    })
}

/// The pause of a group as it was found.
struct Found {
    target: Target,
    /// The value of its key.
    value: Option<Vec<u8>>,
    /// The pause, unless its deadline has passed.
    paused: Option<Paused>,
}

impl Found {
    async fn look(connection: &Connection, spec: &GroupSpec) -> Result<Self> {
        let target = Target::from(spec);
        let key = paused_key(&target.stream, &target.group);
        let (value, now) = tokio::join!(connection.run(get(&key)), connection.run(time()));
        let value = value.map_err(|error| explained(&key, error))?;
        let now = Time::from_ms(now?);
        let paused = value.as_deref().and_then(Paused::of_value);
        Ok(Self {
            target,
            value,
            paused: paused.and_then(|it| it.while_on(now)),
        })
    }

    fn row(self, done: Option<Change>) -> Pausing {
        let state = match self.paused {
            Some(_) => done.unwrap_or(Change::Planned),
            None => Change::NotPaused,
        };
        let paused = self.paused.as_ref();
        Pausing {
            group: self.target.group,
            stream: self.target.stream,
            is_done: state == Change::Resumed,
            state,
            since: paused.map(|it| it.since),
            until: paused.and_then(|it| it.until),
            by: paused.map(|it| it.by.clone()),
            reason: self.paused.and_then(|it| it.reason),
            live: None,
            lag: None,
            pending: None,
            headroom: None,
            headroom_ms: None,
            loses_entries: None,
        }
    }
}

/// What [`resume`] would do. Changes nothing.
///
/// # Errors
/// Denied when the user may not read the key; errors of the server.
pub async fn plan_resume(connection: &Connection, spec: &GroupSpec) -> Result<Pausing> {
    Ok(Found::look(connection, spec).await?.row(None))
}

/// Ends the pause of a group. A group that is not there can be resumed as well, because its pause is kept.
///
/// # Errors
/// Refused when it was paused anew in the same moment; denied when the user may not; errors of the server.
pub async fn resume(connection: &Connection, spec: &GroupSpec) -> Result<Pausing> {
    let found = Found::look(connection, spec).await?;
    if found.value.is_some() {
        change(connection, &found.target, found.value.as_deref(), None).await?;
    }
    Ok(found.row(Some(Change::Resumed)))
}

async fn change(
    connection: &Connection,
    target: &Target,
    before: Option<&[u8]>,
    paused: Option<&Paused>,
) -> Result<()> {
    let key = paused_key(&target.stream, &target.group);
    let wanted = paused.map(Paused::to_value);
    let call = exchange(&key, before, wanted.as_deref());
    let is_done = match connection.call(call).await {
        Err(error) if error.kind.is_outcome_unknown() => return Err(failed(error)),
        outcome => outcome.map_err(|error| explained(&key, error))?,
    };
    if is_done {
        return Ok(());
    }
    let text = format!("{target} was paused or resumed in the meantime; nothing was changed");
    Err(Problem::refused(text)
        .hint("repeat the command to see what it would do now")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_told_where_it_deletes_something() {
        let memory = |limit: &str, policy: &str| {
            let pairs = [("maxmemory", limit), ("maxmemory_policy", policy)];
            told_policy(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
        };
        assert_eq!(memory("0", "allkeys-lru"), None);
        assert_eq!(memory("100", "noeviction"), None);
        let all = memory("100", "allkeys-lru").expect("told");
        assert!(all.contains("the workers go on"), "{all}");
        let volatile = memory("100", "volatile-ttl").expect("told");
        assert!(volatile.contains("has no expiry"), "{volatile}");
    }

    #[test]
    fn entries_are_lost_where_the_room_ends_before_the_pause() {
        let target = Target {
            stream: "s".into(),
            group: "g".into(),
        };
        let loses = |room: Option<Lag>, lasts_ms, length_s: Option<u64>| {
            let group = GroupReport {
                headroom: room,
                headroom_ms: lasts_ms,
                ..GroupReport::default()
            };
            let wish = Wish {
                length: length_s.map(Duration::from_secs),
                by: String::new(),
                reason: None,
            };
            row(&target, &group, &wish, Time::from_ms(0)).loses_entries
        };
        let room = Some(Lag::Known(10));
        for (room, lasts_ms, length_s, expected) in [
            (room, Some(59_000), Some(60), Some(true)),
            (room, Some(60_000), Some(60), Some(false)),
            (room, Some(59_000), None, None),
            (room, None, Some(60), None),
            (None, None, Some(60), None),
            (Some(Lag::Known(0)), Some(0), None, Some(true)),
            (Some(Lag::Known(0)), None, Some(60), None),
        ] {
            assert_eq!(
                loses(room, lasts_ms, length_s),
                expected,
                "{room:?} {lasts_ms:?}"
            );
        }
    }
}
