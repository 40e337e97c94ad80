//! The content of the header line: which server it is, its clock, and how many alerts there are. This is never an
//! error: what the server does not say, or not to this user, is left out.

use super::inspect::{Detail, GroupReport, Wanted, observe};
use crate::model::Time;
use crate::topology::{Level, Topology};
use crate::wire::{Connection, hello, info, time};

/// What a server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its product and version: `redis 8.2.1`.
    pub server: Option<String>,
    /// `master` or `replica`.
    pub role: Option<String>,
    /// Its clock.
    pub now: Option<Time>,
    /// The alerts of its groups; `None` when they were not, or could not be, looked at.
    pub alarm: Option<Alarm>,
}

/// The alerts of some groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// The number of alerts.
    pub alerts: u64,
    /// The worst of them.
    pub worst: Option<Level>,
}

impl Alarm {
    /// The alerts of `groups`.
    pub fn of<'g>(groups: impl Iterator<Item = &'g GroupReport>) -> Self {
        groups.fold(Self::default(), |sum, group| Self {
            alerts: sum.alerts + group.alerts.len() as u64,
            worst: sum.worst.max(group.severity),
        })
    }
}

/// Asks the server behind `connection`, in one round trip.
pub async fn about(connection: &Connection) -> About {
    let (hello, now) = tokio::join!(connection.run(hello()), connection.run(time()));
    let (server, role) = hello.map_or((None, None), |it| {
        (Some(format!("{} {}", it.server, it.version)), Some(it.role))
    });
    About {
        server,
        role: role.filter(|role| !role.is_empty()),
        now: now.ok().map(Time::from_ms),
        alarm: None,
    }
}

/// The same, with the alerts of all groups of `topology`.
pub async fn about_all(connection: &Connection, topology: &Topology) -> About {
    let groups = observe(connection, topology, Wanted::Topology, Detail::Groups);
    let (about, seen) = tokio::join!(about(connection), Box::pin(groups));
    About {
        alarm: seen.ok().map(|seen| Alarm::of(seen.groups())),
        ..about
    }
}

/// How much memory a server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The bytes in use.
    pub used: u64,
    /// The most it may use; `None` without a limit.
    pub max: Option<u64>,
}

/// How much memory the server behind `connection` uses; `None` when it does not say, or not to this user.
pub async fn memory(connection: &Connection) -> Option<Memory> {
    let said = connection.run(info("memory")).await.ok()?;
    let number = |name: &str| {
        let (_, value) = said.iter().find(|(it, _)| it == name)?;
        value.parse().ok()
    };
    Some(Memory {
        used: number("used_memory")?,
        max: number("maxmemory").filter(|it| *it > 0),
    })
}
