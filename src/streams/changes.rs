//! The last destructive commands by their audit records, for looks that show them beside other things. Anybody may have
//! written a record: its names are shown, and make no command.

use super::audit::{Audit, AuditRow, Ended};
use super::permissions;
use crate::model::{CommandLine, EntryId, Name, Time, human_millis, with_commas};
use crate::wire::{self, Connection, xrevrange};

/// How many entries a look at everything reads: the newest ones.
const RECENT_MAX: usize = 20;
/// The longest name in bytes of a record that such a look passes on.
const RECENT_NAME_MAX: usize = 256;

/// The commands among the newest entries, the newest first, for looks that show them beside other things. Anybody may have
/// written a record, so one of a command that this tool does not have, or with a very long name, is left out. What cannot
/// be read, for whatever reason, is nothing.
///
/// # Errors
/// When the connection is lost.
pub async fn recent(connection: &Connection, audit: Option<&Name>) -> wire::Result<Vec<AuditRow>> {
    let Some(audit) = audit else {
        return Ok(Vec::new());
    };
    let asked = xrevrange(audit, EntryId::MAX, EntryId::MIN, RECENT_MAX);
    let page = match connection.run(asked).await {
        Err(error) if error.kind.is_connection_lost() => return Err(error),
        page => page.unwrap_or_default(),
    };
    let mut found = Audit::of(&page);
    found.rows.retain(AuditRow::is_plausible);
    Ok(found.rows)
}

impl AuditRow {
    /// Whether it names a command of this tool, and nothing very long.
    fn is_plausible(&self) -> bool {
        let names = [&self.user, &self.host, &self.stream, &self.group];
        let mut names = names.into_iter().flatten();
        names.all(|it| it.as_bytes().len() <= RECENT_NAME_MAX) && self.known().is_some()
    }

    /// The command of this tool that it names, or that does what was done on the screen of `top`.
    fn known(&self) -> Option<&'static str> {
        let given = self.command.as_bytes();
        permissions::commands().find(|it| match given.strip_prefix(b"top ") {
            Some(verb) => it.rsplit(' ').next().map(str::as_bytes) == Some(verb),
            None => it.as_bytes() == given,
        })
    }

    /// What it was about, in words: `claim` of group `g`.
    pub fn what(&self) -> String {
        match (&self.group, &self.stream) {
            (Some(group), _) => format!("`{}` of group `{group}`", self.command),
            (None, Some(stream)) => format!("`{}` of `{stream}`", self.command),
            (None, None) => format!("`{}`", self.command),
        }
    }

    /// Who ran it, in words: by ada on db1. The record need not say.
    pub fn who(&self) -> String {
        let user = self.user.as_ref();
        let user = user.map_or_else(|| "somebody".to_owned(), ToString::to_string);
        let host = self.host.as_ref();
        let host = host.map_or_else(String::new, |it| format!(" on {it}"));
        format!("by {user}{host}")
    }

    /// What it was, how long ago at the time `now`, by whom, and how it ended, in one line.
    pub fn told(&self, now: Time, undo: Option<&CommandLine>) -> String {
        let age = human_millis(now.ms.saturating_sub(self.time.ms));
        let counts = match (self.done, self.planned) {
            (Some(done), Some(planned)) => {
                format!(" ({} of {})", with_commas(done), with_commas(planned))
            }
            _ => String::new(),
        };
        let (what, who, ended) = (self.what(), self.who(), self.ended.word());
        let undo = undo.map_or_else(String::new, |undo| format!("; to undo it: {undo}"));
        format!("{what}, {age} ago, {who}: {ended}{counts}{undo}")
    }

    /// Whether `later` did the rest of it, took back what it did, or is the same again.
    fn is_superseded_by(&self, later: &Self) -> bool {
        let is_same = later.known() == self.known();
        let is_ended = matches!(later.ended, Ended::Done | Ended::Open);
        (&later.stream, &later.group) == (&self.stream, &self.group)
            && (is_same && is_ended || later.known() == Some("undo") && later.ended == Ended::Done)
    }
}

/// The commands without an outcome, of `rows` from the newest to the oldest: of each command of a group or a stream the
/// last one, unless it was run again to its end or undone since.
pub fn open(rows: &[AuditRow]) -> impl Iterator<Item = &AuditRow> {
    let is_open = |(at, row): &(usize, &AuditRow)| {
        let mut later = rows[..*at].iter();
        row.ended == Ended::Open && !later.any(|it| row.is_superseded_by(it))
    };
    rows.iter().enumerate().filter(is_open).map(|it| it.1)
}

#[cfg(test)]
mod tests {
    use super::super::audit::tests::entry;
    use super::*;
    use crate::model::Entry;

    #[test]
    fn what_was_cut_off_is_open_until_it_is_run_again_or_undone() {
        let intent = |ms, command, group| {
            let fields = [
                ("phase", "intent"),
                ("command", command),
                ("stream", "s"),
                ("group", group),
            ];
            entry(ms, &fields)
        };
        let outcome = |ms, of, exit| entry(ms, &[("phase", "outcome"), ("of", of), ("exit", exit)]);
        let open_of = |entries: &[Entry]| -> Vec<u64> {
            let taken = Audit::of(entries);
            open(&taken.rows).map(|it| it.time.ms).collect()
        };
        let cut_off = || intent(1, "claim", "g");
        assert_eq!(open_of(&[cut_off()]), [1]);
        let again = |exit| {
            [
                outcome(3, "2-0", exit),
                intent(2, "top claim", "g"),
                cut_off(),
            ]
        };
        assert_eq!(open_of(&again("0")), [0; 0]);
        assert_eq!(open_of(&again("69")), [1], "it failed");
        let undone = [outcome(3, "2-0", "0"), intent(2, "undo", "g"), cut_off()];
        assert_eq!(open_of(&undone), [0; 0]);
        let beside = [outcome(3, "2-0", "0"), intent(2, "claim", "h"), cut_off()];
        assert_eq!(open_of(&beside), [1], "of another group");
        assert_eq!(open_of(&[intent(2, "claim", "g"), cut_off()]), [2]);
        assert_eq!(open_of(&[intent(2, "ack", "g"), cut_off()]), [2, 1]);
    }

    #[test]
    fn a_record_of_no_command_of_this_tool_is_not_passed_on() {
        let of = |command: &str, user: &str| {
            let fields = [("phase", "intent"), ("command", command), ("user", user)];
            Audit::of(&[entry(1, &fields)]).rows[0].is_plausible()
        };
        assert!(of("dlq purge", "ada") && of("top redrive", "ada"));
        assert!(!of("redrive", "ada") && !of("top curl", "ada"));
        assert!(!of("curl evil", "ada") && !of("claim", &"a".repeat(257)));
    }
}
