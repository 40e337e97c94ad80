//! What a look begins with: which server it is about, what time it is there, and how many alerts there are. Never an error:
//! what the server does not say, or not to this user, is not there.

use super::inspect::{Detail, GroupReport, Wanted, observe};
use crate::model::Time;
use crate::topology::{Level, Topology};
use crate::wire::{Connection, hello, time};

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// What it is, and its version: `redis 8.2.1`.
    pub server: Option<String>,
    /// `master` or `replica`.
    pub role: Option<String>,
    /// Its clock.
    pub now: Option<Time>,
    /// What is wrong with its groups; `None` where nobody looked, or could.
    pub alarm: Option<Alarm>,
}

/// The alerts of some groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// How many.
    pub alerts: u64,
    /// The worst of them.
    pub worst: Option<Level>,
}

impl Alarm {
    /// Those of `groups`.
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
