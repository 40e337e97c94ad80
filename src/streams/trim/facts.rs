//! What a plan to trim says.

use super::super::names::listed;
use super::{Harmed, Keep, TrimPlan, TrimState};
use crate::model::{
    CommandLine, EntryId, Lag, Name, PlanFacts, SeenGroup, entries, human_bytes, with_commas,
};

impl TrimPlan {
    /// Whether there is nothing to do.
    pub fn is_nothing(&self) -> bool {
        self.row.state == TrimState::Nothing
    }

    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        let is_nothing = self.is_nothing();
        PlanFacts {
            stream: Some(self.row.stream.clone()),
            seen: None::<SeenGroup>,
            summary: self.told(),
            count: (!is_nothing).into(),
            left_out: is_nothing.into(),
            entries: Some(self.row.entries),
            other_groups: Some(Vec::new()),
            ..PlanFacts::default()
        }
        .since(self.first)
    }

    /// What trimming does, in words.
    fn told(&self) -> String {
        let row = &self.row;
        let stream = &row.stream;
        let Some(cut) = row.cut_id.filter(|_| !self.is_nothing()) else {
            let why = self.why_not.clone().or_else(|| {
                let group = row.held_back_by.as_ref()?;
                Some(self.told_hold(group))
            });
            let whole = match row.entries {
                Lag::Known(count) if count > 0 => {
                    let whole = "the server trims whole nodes, and none ends before that";
                    format!("; of {}, {whole}", entries(count))
                }
                _ => String::new(),
            };
            let why = why.map_or_else(String::new, |it| format!(": {it}"));
            return format!("trim nothing of stream `{stream}`{why}{whole}");
        };
        let share = row.freed_bytes.map_or_else(String::new, |bytes| {
            format!(", about {} of its memory", human_bytes(bytes))
        });
        let mut lines = vec![format!(
            "trim stream `{stream}` before {cut}: about {} of {}{share}",
            entries(row.freed),
            with_commas(row.length)
        )];
        if Lag::Known(row.freed) != row.entries {
            let before = match row.entries {
                Lag::AtLeast(count) => format!("at least {}", entries(count)),
                other => entries(other.entries().unwrap_or_default()),
            };
            lines.push(format!(
                "before that id are {before}; the server trims whole nodes of about a hundred, and keeps the last one"
            ));
        }
        lines.extend(self.told_of_groups());
        lines.push(self.told_copy(cut));
        lines.join("\n")
    }

    /// Where what goes is to be found again.
    fn told_copy(&self, cut: EntryId) -> String {
        if matches!(self.keep, Keep::UnreadOrFrom(_)) {
            return "no `undo` puts entries back before others; `restore` makes a stream of the archive"
                .to_owned();
        }
        let copy = CommandLine::new("read")
            .arg(&self.row.stream)
            .arg("start")
            .arg(cut.previous().unwrap_or(cut).to_string())
            .option("--output", "ndjson");
        format!("no `undo` puts entries back before others; to keep a copy, first: {copy} > FILE")
    }

    /// Which group holds back more, and what those lose that do not count.
    pub(super) fn told_of_groups(&self) -> Vec<String> {
        let held = self.row.held_back_by.as_ref().map(|it| self.told_hold(it));
        let harmed = self.harmed.iter().map(told_harm);
        held.into_iter()
            .chain(self.told_nobody())
            .chain(harmed)
            .collect()
    }

    /// Which group holds back more, and why.
    pub(super) fn told_hold(&self, group: &Name) -> String {
        let from = self
            .row
            .cut_id
            .map_or_else(String::new, |it| it.to_string());
        let why = if self.row.is_held_by_pending {
            format!("has not acknowledged {from}")
        } else if self.row.never_read.contains(group) {
            "has never read anything".to_owned()
        } else {
            format!("has not read {from}")
        };
        let more = match self.keep {
            Keep::Unread | Keep::UnreadOrFrom(_) => "nothing from there on is trimmed",
            _ if self.is_nothing() => "nothing can be trimmed yet",
            _ => "less is trimmed than was asked for",
        };
        format!("group `{group}` {why}: {more}")
    }

    /// That nobody is known to have read the stream.
    fn told_nobody(&self) -> Option<String> {
        let never_read = &self.row.never_read;
        if !self.has_groups {
            return Some("the stream has no groups: nobody knows who has read it".to_owned());
        }
        let is_counted = |it: &&Name| !self.left_out.contains(it);
        (never_read.iter().filter(is_counted).count() == 0 && !never_read.is_empty()).then(|| {
            format!(
                "no group has ever read the stream ({}): nobody knows who needs it",
                listed(never_read)
            )
        })
    }
}

fn told_harm(harmed: &Harmed) -> String {
    let Harmed {
        group,
        pending,
        is_unread,
    } = harmed;
    let pending = (*pending > 0).then(|| {
        let up_to = entries(*pending);
        format!("up to {up_to} that it has not acknowledged")
    });
    let unread = is_unread.then(|| "all that it has not read before that id".to_owned());
    let lost: Vec<String> = pending.into_iter().chain(unread).collect();
    format!("group `{group}` loses {}", lost.join(", and "))
}
