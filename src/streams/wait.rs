//! Waits until groups meet conditions, for deployments.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep, timeout_at};

use super::inspect::{Detail, GroupReport, GroupState, StreamReport, Wanted, observe};
use super::target::Target;
use crate::model::{Cell, Lag, Name, Tone, report, states};
use crate::topology::{GroupSpec, Measure, Threshold, Topology};
use crate::wire::{Connection, Dialer, Error};

/// The time between two queries of the server.
const INTERVAL: Duration = Duration::from_millis(500);

/// The conditions that each group must meet. A condition that is `None` is not checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    /// At most this many entries not delivered yet.
    pub lag: Option<u64>,
    /// At most this many entries delivered and not acknowledged.
    pub pending: Option<u64>,
    /// At most this many entries in the stream's dead-letter stream.
    pub dead_letters: Option<u64>,
    /// At least this many live consumers.
    pub live: Option<u64>,
}

/// How long to wait until the conditions are met.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long the conditions must hold without a break.
    pub hold: Duration,
    /// When to stop waiting.
    pub deadline: Instant,
}

states! {
    /// The value that a condition is about.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Subject {
        /// Entries not delivered yet.
        Lag = "lag" in Plain,
        /// Entries delivered and not acknowledged.
        Pending = "pending" in Plain,
        /// Entries in the dead-letter stream.
        DeadLetters = "dead letters" in Plain,
        /// Live consumers.
        Live = "live consumers" in Plain,
    }
}

report! {
    /// A condition on a group, and how far it is from being met.
    #[derive(Clone, Debug)]
    pub struct Condition {
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM", wide),
        /// The value that the condition is about.
        pub subject: Subject => whole("CONDITION"),
        /// The present value; `None` when it is unknown, or the group does not exist.
        pub value: Option<Lag> => number("NOW") by |it| it.value.map_or(Cell::Unknown, Cell::from),
        /// The wanted value: the greatest one that is allowed, or, for live consumers, the least.
        pub goal: u64 => number("GOAL"),
        /// Whether the condition is met. A condition on an unknown value is not met.
        pub is_met: bool => whole("MET") by Self::met_cell,
    }
}

impl Condition {
    fn of(group: &GroupReport, subject: Subject, goal: u64, value: Option<Lag>) -> Self {
        let value = value.filter(|_| group.state == GroupState::Ready);
        let is_met = match (value, subject) {
            (Some(Lag::Known(live) | Lag::AtLeast(live)), Subject::Live) => live >= goal,
            (_, Subject::Live) => false,
            (Some(Lag::Known(count) | Lag::AtMost(count)), _) => count <= goal,
            _ => false,
        };
        Self {
            group: group.group.clone(),
            stream: group.stream.clone(),
            subject,
            value: value.filter(|it| *it != Lag::Unknown),
            goal,
            is_met,
        }
    }

    /// The group of the condition.
    pub fn target(&self) -> Target {
        Target {
            stream: self.stream.clone(),
            group: self.group.clone(),
        }
    }

    fn met_cell(&self) -> Cell {
        if self.is_met {
            Cell::from("yes".to_owned()).toned(Tone::Ok)
        } else {
            Cell::from("no".to_owned()).toned(Tone::Bad)
        }
    }

    /// Why the condition is not met: `lag of group … is 12, wanted at most 0`.
    pub fn missing(&self) -> String {
        let value = match self.value {
            Some(Lag::Known(count)) => count.to_string(),
            Some(Lag::AtMost(count)) => format!("at most {count}"),
            Some(Lag::AtLeast(count)) => format!("at least {count}"),
            Some(Lag::Unknown) | None => "unknown".to_owned(),
        };
        let wanted = if self.subject == Subject::Live {
            "at least"
        } else {
            "at most"
        };
        let subject = self.subject.word();
        format!(
            "{subject} of {} is {value}, wanted {wanted} {}",
            self.target(),
            self.goal
        )
    }
}

impl Goal {
    /// The topology with a lag threshold as high as the goal, so that lag is counted that far.
    fn counted_in(self, topology: &Topology) -> Topology {
        let mut topology = topology.clone();
        if let Some(lag) = self.lag {
            topology.set_thresholds(&[(Measure::MaxLag, Some(Threshold::critical(lag)))]);
        }
        topology
    }

    fn conditions(self, group: &GroupReport) -> Vec<Condition> {
        let known = |count: Option<u64>| count.map(Lag::Known);
        [
            (Subject::Lag, self.lag, group.figures.lag),
            (Subject::Pending, self.pending, known(group.figures.pending)),
            (
                Subject::DeadLetters,
                self.dead_letters,
                known(group.figures.dead_letters),
            ),
            (Subject::Live, self.live, known(group.live)),
        ]
        .into_iter()
        .filter_map(|(subject, goal, value)| Some(Condition::of(group, subject, goal?, value)))
        .collect()
    }
}

/// How waiting ended.
#[derive(Debug)]
pub struct Waited {
    /// The conditions as they were last seen; empty when the server never answered.
    pub conditions: Vec<Condition>,
    /// Whether all conditions were met for as long as they had to hold.
    pub is_reached: bool,
    /// Why the last query failed, if it did.
    pub error: Option<Error>,
}

/// Waits until every group of `groups` has reached `goal`, and calls `tell` after each query. A server that is away or
/// not ready is asked again until the deadline.
///
/// # Errors
/// Errors of the server that waiting does not remove.
pub async fn wait(
    dialer: &Dialer,
    topology: &Topology,
    groups: &[GroupSpec],
    goal: Goal,
    patience: Patience,
    mut tell: impl FnMut(&[Condition], Option<&Error>),
) -> Result<Waited> {
    let topology = goal.counted_in(topology);
    let mut waited = Waited {
        conditions: Vec::new(),
        is_reached: false,
        error: None,
    };
    let (mut connection, mut met_since) = (None, None);
    loop {
        let look = look(&mut connection, dialer, &topology, groups);
        let Ok(seen) = timeout_at(patience.deadline, look).await else {
            return Ok(waited);
        };
        match passing(seen)? {
            Ok(seen) => {
                waited.conditions = conditions(goal, &seen);
                waited.error = None;
            }
            Err(error) => {
                connection = None;
                waited.error = Some(error);
            }
        }
        tell(&waited.conditions, waited.error.as_ref());
        let is_met = waited.error.is_none() && waited.conditions.iter().all(|it| it.is_met);
        let now = Instant::now();
        met_since = is_met.then(|| met_since.unwrap_or(now));
        waited.is_reached = met_since.is_some_and(|since| now - since >= patience.hold);
        if waited.is_reached || now >= patience.deadline {
            return Ok(waited);
        }
        sleep(INTERVAL.min(patience.deadline - now)).await;
    }
}

fn conditions(goal: Goal, seen: &[StreamReport]) -> Vec<Condition> {
    let groups = seen.iter().flat_map(|it| &it.groups);
    groups.flat_map(|it| goal.conditions(it)).collect()
}

async fn look(
    connection: &mut Option<Connection>,
    dialer: &Dialer,
    topology: &Topology,
    wanted: &[GroupSpec],
) -> Result<Vec<StreamReport>> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(dialer.connect().await?),
    };
    let wanted = Wanted::Expected(wanted);
    let seen = observe(connection, topology, wanted, Detail::Groups).await?;
    seen.whole()
}

/// A connection, as soon as the server accepts one.
///
/// # Errors
/// Why there was none until the deadline, or why waiting for one is of no use.
pub async fn connect(
    dialer: &Dialer,
    deadline: Instant,
    mut tell: impl FnMut(&Error),
) -> Result<Connection> {
    loop {
        let error = match dialer.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) if error.kind.is_passing() && Instant::now() < deadline => error,
            Err(error) => return Err(error.into()),
        };
        tell(&error);
        sleep(INTERVAL.min(deadline.saturating_duration_since(Instant::now()))).await;
    }
}

/// Separates errors that may be gone at the next query from those that will not.
fn passing<T>(outcome: Result<T>) -> Result<Result<T, Error>> {
    match outcome.map_err(anyhow::Error::downcast::<Error>) {
        Ok(seen) => Ok(Ok(seen)),
        Err(Ok(error)) if error.kind.is_passing() => Ok(Err(error)),
        Err(Ok(error)) => Err(error.into()),
        Err(Err(error)) => Err(error),
    }
}
