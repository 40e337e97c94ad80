//! A plan to undo something, in words.

use super::UndoPlan;
use crate::model::{counted, entries};
use crate::snapshots::Effect;

impl UndoPlan {
    /// What it does, in words.
    pub(super) fn told(&self) -> String {
        let (row, taken) = (&self.row, self.row.taken);
        let what = row.of();
        if self.is_nothing() {
            return format!("restore nothing: {what} is as it was");
        }
        let mut lines = vec![if self.is_of_group() {
            format!("restore {what} as it was at {taken}")
        } else {
            format!("undo `{}` of {taken} in {what}", row.operation)
        }];
        lines.extend(self.told_of_position());
        lines.extend(self.told_of_entries());
        if row.copies > 0
            && let Some(copies) = self.copies()
        {
            lines.push(format!(
                "delete {} in `{copies}` that were delivered to nobody; where a group of it has not read that far, the \
                 server does not know its lag then (`lag --exact` counts it)",
                counted(row.copies, "copy", "copies"),
            ));
        }
        if row.consumers > 0 {
            lines.push(format!(
                "create {} again; their idle times begin again",
                counted(row.consumers, "consumer", "consumers")
            ));
        }
        if row.left_out > 0 {
            lines.push(format!("not restored: {}", entries(row.left_out)));
        }
        lines.join("\n")
    }

    fn told_of_position(&self) -> Option<String> {
        let to = self.row.to_id?;
        match self.row.from_id {
            None => Some(format!("create it again at {to}")),
            Some(from) if from > to => Some(format!(
                "move it from {from} to {to}; what was delivered since is delivered again"
            )),
            Some(from) if from < to => Some(format!("move it from {from} to {to}")),
            Some(_) => None,
        }
    }

    fn told_of_entries(&self) -> Option<String> {
        let row = &self.row;
        if row.restored == 0 {
            return None;
        }
        if matches!(
            self.saved.about.effect,
            Effect::Redriven { .. } | Effect::Purged
        ) {
            let count = counted(row.restored, "dead letter", "dead letters");
            return Some(format!("add {count} again, with new ids"));
        }
        let again = match row.again {
            0 => String::new(),
            again => {
                format!("; {again} of these are not pending now, and work on them may be repeated")
            }
        };
        let count = entries(row.restored);
        Some(format!("make {count} pending as they were{again}"))
    }
}
