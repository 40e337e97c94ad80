//! What can be changed from the screen, and the dialogs that lead there: who gets the entries, the plan with its command
//! line, consent. Nothing is changed here: the driver plans and applies, by the same operations as the commands.

use crate::model::{ConsumerInfo, EntryId, Name};
use crate::streams::retry_stream::Route;
use crate::streams::target::Target;

/// Which entries of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// The stale ones.
    Stale,
    /// The stale ones that a consumer holds.
    StaleOf(Name),
    /// This one.
    Entry(EntryId),
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Hands entries to a consumer, as `claim` does.
    Claim {
        /// The group.
        target: Target,
        /// The entries.
        which: Selected,
        /// The consumer that gets them.
        to: Name,
    },
    /// Appends entries to their stream again, as `requeue` does.
    Requeue {
        /// The group.
        target: Target,
        /// The entries.
        which: Selected,
        /// The way that the copies take.
        route: Route,
    },
    /// Moves dead letters back to their stream, as `dlq redrive` does.
    Redrive {
        /// The stream.
        stream: Name,
        /// One of them; `None` for all.
        id: Option<EntryId>,
        /// The way that they take.
        route: Route,
    },
}

impl Action {
    /// The same by another way; `None` where that changes nothing.
    pub(super) fn by(&self, way: Route) -> Option<Self> {
        let mut action = self.clone();
        match &mut action {
            Self::Claim { .. } => None,
            Self::Requeue { route, .. } | Self::Redrive { route, .. } => {
                (std::mem::replace(route, way) != way).then_some(action)
            }
        }
    }

    pub(super) const fn verb(&self) -> &'static str {
        match self {
            Self::Claim { .. } => "claim",
            Self::Requeue { .. } => "requeue",
            Self::Redrive { .. } => "redrive",
        }
    }
}

/// What must be typed to consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consented {
    /// `y` or `yes`.
    Yes,
    /// The name of the production context.
    Name(String),
}

/// A plan that waits for consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The plan, as the command asks for consent to it.
    pub plan: String,
    /// The command line that does the same.
    pub command: String,
    /// The first of the entries, a line each, and how many more there are.
    pub entries: (Vec<String>, usize),
    /// What was warned of.
    pub warnings: Vec<String>,
    /// What must be typed.
    pub consent: Consented,
}

/// Whether anything may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Yes.
    Write,
    /// Not before the name of this production context was typed.
    Locked(String),
    /// No, for this reason.
    ReadOnly(&'static str),
}

/// What stands over the lists and waits for an answer.
#[derive(Clone, Debug)]
pub(super) enum Dialog {
    /// Which consumer gets the entries.
    Recipient {
        target: Target,
        which: Selected,
        consumers: Vec<ConsumerInfo>,
        at: usize,
    },
    /// The plan is being made.
    Planning(Action),
    /// The plan could not be made, or is refused.
    Refused { action: Action, why: Vec<String> },
    /// The plan, and what was typed so far.
    Consent {
        action: Action,
        proposal: Box<Proposal>,
        typed: String,
    },
    /// The change is under way, and so many of its entries were tried.
    Applying(Action, u64),
    /// The name of the production context, as far as it was typed.
    Unlock { name: String, typed: String },
}

impl Dialog {
    /// What waits on a screen that has no room for it.
    pub(super) fn waits(&self) -> String {
        match self {
            Self::Applying(action, _) => format!("{} under way", action.verb()),
            Self::Unlock { .. } => "a question waits".to_owned(),
            Self::Recipient { .. } => "claim waits".to_owned(),
            Self::Planning(action)
            | Self::Refused { action, .. }
            | Self::Consent { action, .. } => {
                format!("{} waits", action.verb())
            }
        }
    }

    /// Whether characters are text here.
    pub(super) const fn typed(&mut self) -> Option<&mut String> {
        match self {
            Self::Consent { typed, .. } | Self::Unlock { typed, .. } => Some(typed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_way_is_another_action() {
        let requeue = |route| Action::Requeue {
            target: Target {
                stream: "s".into(),
                group: "g".into(),
            },
            which: Selected::Stale,
            route,
        };
        let way = Route::RetryStream;
        assert_eq!(requeue(Route::OneGroup).by(way), Some(requeue(way)));
        assert_eq!(requeue(way).by(way), None);
    }
}
