//! Decides the standing of an entry with a group from the facts that could be read. Pure.

use super::report::{Certainty, Standing};
use crate::model::{EntryId, Time};

/// The facts about an entry and a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) id: EntryId,
    /// Whether the entry is in the stream.
    pub(super) is_there: bool,
    /// Whether the server has the group; `None` when the user may not ask.
    pub(super) has_group: Option<bool>,
    /// The last id delivered to the group; `None` when the user may not read it.
    pub(super) position: Option<EntryId>,
    /// Whether the group was never read from.
    pub(super) is_unused: bool,
    /// Whether the entry is pending; `None` when the user may not ask.
    pub(super) is_pending: Option<bool>,
    /// A dead letter of the entry.
    pub(super) letter: Option<Letter<'a>>,
    /// The tombstone of the gap that contains the entry, if the entry was lost before delivery.
    pub(super) gap: Option<EntryId>,
    /// Whether all dead letters were read.
    pub(super) dead_is_whole: bool,
    /// The oldest copy of the entry that was found, and whether a redrive made it.
    pub(super) copy: Option<(EntryId, bool)>,
    /// The record in a worker's journal that the entry was handled.
    pub(super) handled: Option<Handled<'a>>,
}

/// A dead letter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter<'a> {
    pub(super) id: EntryId,
    pub(super) time: Time,
    pub(super) is_tombstone: bool,
    pub(super) reason: Option<&'a str>,
}

/// A record of a journal about the entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handled<'a> {
    pub(super) by: &'a str,
    pub(super) at: Time,
}

/// The standing that follows from the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) standing: Standing,
    pub(super) certainty: Certainty,
    pub(super) evidence: String,
}

/// The standing that follows from `facts`.
pub(super) fn judge(facts: &Facts<'_>) -> Judged {
    use Certainty::{Certain, Inferred};
    let is = |standing, certainty, evidence: String| Judged {
        standing,
        certainty,
        evidence,
    };
    if facts.has_group == Some(false) {
        let evidence = "the topology names the group, and the server does not have it";
        return is(Standing::NoGroup, Certain, evidence.to_owned());
    }
    if facts.is_pending == Some(true) {
        return if facts.is_there {
            let evidence = "it is in the group's pending entries list";
            is(Standing::Pending, Certain, evidence.to_owned())
        } else {
            let evidence = "it is in the group's pending entries list, and its body is gone from the stream, so no consumer can process it";
            is(Standing::Ghost, Certain, evidence.to_owned())
        };
    }
    if let Some(position) = facts.position.filter(|it| facts.id > *it) {
        return ahead(facts, position);
    }
    if let Some(letter) = &facts.letter {
        let mut evidence = format!("dead letter {} of {}", letter.id, letter.time);
        if letter.is_tombstone {
            evidence.push_str(", a tombstone: the body was gone before it could be processed");
        } else if let Some(reason) = letter.reason {
            evidence.push_str(": ");
            evidence.push_str(reason);
        }
        return is(Standing::DeadLettered, Certain, evidence);
    }
    if let Some(handled) = &facts.handled {
        let evidence = format!(
            "the journal of the group's workers: handled by {} at {}",
            handled.by, handled.at
        );
        return is(Standing::Acknowledged, Certain, evidence);
    }
    if let Some(tombstone) = facts.gap.filter(|_| !facts.is_there) {
        let evidence = format!(
            "its id is within the gap of tombstone {tombstone}, which stands for entries that were trimmed or deleted before they were delivered"
        );
        return is(Standing::Lost, Inferred, evidence);
    }
    behind(facts)
}

/// The standing of an entry after the group's position.
fn ahead(facts: &Facts<'_>, position: EntryId) -> Judged {
    let mut judged = if facts.is_there {
        Judged {
            standing: Standing::Undelivered,
            certainty: Certainty::Certain,
            evidence: format!("it is after the group's position, {position}"),
        }
    } else {
        Judged {
            standing: Standing::Lost,
            certainty: Certainty::Inferred,
            evidence: format!(
                "it is not in the stream, and its id is after the group's position, {position}: it was trimmed or deleted before it was delivered, or was never added"
            ),
        }
    };
    if let Some(letter) = &facts.letter {
        judged.evidence = format!(
            "{}; dead letter {} shows that it was delivered to the group before, so the group was moved back",
            judged.evidence, letter.id
        );
    } else if facts.handled.is_some() {
        judged.evidence.push_str(
            "; the journal of the group's workers shows that it was handled before, so the group was moved back",
        );
    }
    judged
}

/// The standing of an entry that is not after the group's position, not pending, and without a record.
fn behind(facts: &Facts<'_>) -> Judged {
    use Certainty::{Inferred, Unknown};
    let is = |standing, certainty, evidence: &str| Judged {
        standing,
        certainty,
        evidence: evidence.to_owned(),
    };
    let unknown = |evidence: &str| is(Standing::Unknown, Unknown, evidence);
    match (facts.position, facts.is_pending) {
        (Some(_), Some(_)) => {}
        (None, Some(_)) => {
            return unknown(
                "it is not pending, and the group's position could not be read: it may be acknowledged or not delivered yet",
            );
        }
        (Some(_), None) => {
            return unknown(
                "it is not after the group's position, and the pending entries could not be read: it may be pending",
            );
        }
        (None, None) => return unknown("neither the group nor its pending entries could be read"),
    }
    if let Some((copy, is_redriven)) = facts.copy {
        let standing = if is_redriven {
            Standing::Redriven
        } else {
            Standing::Requeued
        };
        let evidence = format!(
            "it is not pending, and {copy} is a copy of it; the group for which the copy was made is not recorded"
        );
        return is(standing, Inferred, &evidence);
    }
    if facts.is_unused {
        return is(
            Standing::Skipped,
            Inferred,
            "the group was never read from, and its position is not before the entry: the group starts after the entry",
        );
    }
    match (facts.is_there, facts.dead_is_whole) {
        (_, false) => unknown(
            "it is not pending and not after the group's position; not all dead letters could be read, so it may be dead-lettered, acknowledged or skipped",
        ),
        (true, true) => is(
            Standing::Acknowledged,
            Inferred,
            "it is not after the group's position, and neither pending nor a dead letter: it was acknowledged, or skipped when the position was set",
        ),
        (false, true) => unknown(
            "it is not in the stream, not after the group's position, and neither pending nor a dead letter: it was acknowledged before it was removed, or removed before it was delivered",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_FIVE: Facts<'static> = Facts {
        id: EntryId::new(5, 0),
        is_there: true,
        has_group: Some(true),
        position: Some(EntryId::new(9, 0)),
        is_unused: false,
        is_pending: Some(false),
        letter: None,
        gap: None,
        dead_is_whole: true,
        copy: None,
        handled: None,
    };

    fn letter() -> Letter<'static> {
        Letter {
            id: EntryId::new(7, 0),
            time: Time::from_ms(7),
            is_tombstone: false,
            reason: Some("no total"),
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn what_is_certain_and_what_is_inferred() {
        use Certainty::{Certain, Inferred, Unknown};
        let before = Some(EntryId::new(4, 0));
        for (facts, standing, certainty) in [
            (AT_FIVE, Standing::Acknowledged, Inferred),
            (
                Facts {
                    has_group: Some(false),
                    ..AT_FIVE
                },
                Standing::NoGroup,
                Certain,
            ),
            (
                Facts {
                    is_pending: Some(true),
                    ..AT_FIVE
                },
                Standing::Pending,
                Certain,
            ),
            (
                Facts {
                    is_pending: Some(true),
                    is_there: false,
                    ..AT_FIVE
                },
                Standing::Ghost,
                Certain,
            ),
            (
                Facts {
                    position: before,
                    ..AT_FIVE
                },
                Standing::Undelivered,
                Certain,
            ),
            (
                Facts {
                    position: before,
                    is_pending: None,
                    ..AT_FIVE
                },
                Standing::Undelivered,
                Certain,
            ),
            (
                Facts {
                    position: before,
                    is_there: false,
                    ..AT_FIVE
                },
                Standing::Lost,
                Inferred,
            ),
            (
                Facts {
                    letter: Some(letter()),
                    ..AT_FIVE
                },
                Standing::DeadLettered,
                Certain,
            ),
            (
                Facts {
                    letter: Some(letter()),
                    is_pending: None,
                    position: None,
                    ..AT_FIVE
                },
                Standing::DeadLettered,
                Certain,
            ),
            (
                Facts {
                    handled: Some(Handled {
                        by: "c",
                        at: Time::from_ms(8),
                    }),
                    ..AT_FIVE
                },
                Standing::Acknowledged,
                Certain,
            ),
            (
                Facts {
                    gap: before,
                    is_there: false,
                    ..AT_FIVE
                },
                Standing::Lost,
                Inferred,
            ),
            (
                Facts {
                    copy: Some((EntryId::new(8, 0), false)),
                    ..AT_FIVE
                },
                Standing::Requeued,
                Inferred,
            ),
            (
                Facts {
                    copy: Some((EntryId::new(8, 0), true)),
                    ..AT_FIVE
                },
                Standing::Redriven,
                Inferred,
            ),
            (
                Facts {
                    is_unused: true,
                    ..AT_FIVE
                },
                Standing::Skipped,
                Inferred,
            ),
            (
                Facts {
                    dead_is_whole: false,
                    ..AT_FIVE
                },
                Standing::Unknown,
                Unknown,
            ),
            (
                Facts {
                    is_there: false,
                    ..AT_FIVE
                },
                Standing::Unknown,
                Unknown,
            ),
            (
                Facts {
                    is_pending: None,
                    ..AT_FIVE
                },
                Standing::Unknown,
                Unknown,
            ),
            (
                Facts {
                    position: None,
                    ..AT_FIVE
                },
                Standing::Unknown,
                Unknown,
            ),
            (
                Facts {
                    position: None,
                    is_pending: None,
                    has_group: None,
                    ..AT_FIVE
                },
                Standing::Unknown,
                Unknown,
            ),
        ] {
            let judged = judge(&facts);
            let found = (judged.standing, judged.certainty);
            assert_eq!(found, (standing, certainty), "{facts:?}");
        }
    }

    #[test]
    fn a_position_that_was_moved_back_is_told() {
        let facts = Facts {
            position: Some(EntryId::new(4, 0)),
            letter: Some(letter()),
            ..AT_FIVE
        };
        let judged = judge(&facts);
        assert_eq!(judged.standing, Standing::Undelivered);
        assert!(
            judged.evidence.contains("moved back"),
            "{}",
            judged.evidence
        );
    }
}
