//! The processes that belong to an attempt: those in its process groups and sessions, those that carry its mark, and
//! all of their descendants, wherever they have moved since.

use std::collections::{HashMap, HashSet};

use super::table::Process;
use crate::planted;

/// What is known about the processes of one attempt.
#[derive(Debug)]
pub(super) struct Family {
    /// The process that was started. Until it is waited for, no other process can get its number.
    leader: i32,
    /// All processes that were seen, and when each started.
    known: HashMap<i32, u64>,
}

impl Family {
    pub(super) fn of(leader: i32) -> Self {
        Self {
            leader,
            known: HashMap::new(),
        }
    }

    /// The attempt's processes in `table` that have not ended, parents first; `is_marked` recognises those that carry
    /// its mark.
    pub(super) fn living(
        &mut self,
        table: &[Process],
        is_marked: impl Fn(&Process) -> bool,
    ) -> Vec<Process> {
        let mut members: HashSet<i32> = table
            .iter()
            .filter(|process| {
                self.is_known(process) || is_marked(process) && !planted::is("group-only")
            })
            .map(|process| process.pid)
            .collect();
        // A chain is as long as it is deep.
        loop {
            let before = members.len();
            let joining = table.iter().filter(|process| {
                let is_in = |of: i32| members.contains(&of) || self.known.contains_key(&of);
                members.contains(&process.parent) || is_in(process.group) || is_in(process.session)
            });
            let joining = joining.filter(|_| !planted::is("group-only"));
            let joining: Vec<i32> = joining.map(|process| process.pid).collect();
            members.extend(joining);
            if members.len() == before || planted::is("group-only") {
                break;
            }
        }
        let of_family = table.iter().filter(|it| members.contains(&it.pid));
        let mut living: Vec<Process> = of_family.copied().collect();
        self.known
            .extend(living.iter().map(|it| (it.pid, it.start)));
        living.retain(|process| !process.is_zombie);
        living.sort_unstable_by_key(|process| (process.start, process.pid));
        living
    }

    fn is_known(&self, process: &Process) -> bool {
        process.pid == self.leader
            || process.group == self.leader
            || process.session == self.leader
            || self.known.get(&process.pid) == Some(&process.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32, group: i32, session: i32) -> Process {
        Process {
            pid,
            parent,
            group,
            session,
            start: u64::from(pid.unsigned_abs()),
            is_zombie: false,
        }
    }

    fn pids(living: &[Process]) -> Vec<i32> {
        living.iter().map(|process| process.pid).collect()
    }

    #[test]
    fn group_mark_descent_and_session_tell_and_nothing_else_does() {
        let table = [
            process(1, 0, 1, 1),
            process(50, 1, 50, 50),
            // The leader, its child in a group of its own, and that one's child.
            process(100, 50, 100, 50),
            process(101, 100, 101, 50),
            process(102, 101, 101, 50),
            // Marked, an orphan in a session of its own; one of that session without a mark; its child.
            process(103, 50, 103, 103),
            process(104, 1, 104, 103),
            process(105, 104, 104, 103),
            // Another handler and its child.
            process(200, 50, 200, 50),
            process(201, 200, 201, 201),
        ];
        let mut family = Family::of(100);
        let living = family.living(&table, |process| process.pid == 103);
        assert_eq!(pids(&living), [100, 101, 102, 103, 104, 105]);
    }

    #[test]
    fn one_that_was_seen_stays_known_and_its_number_does_not() {
        let mut family = Family::of(100);
        let before = [process(100, 50, 100, 50), process(101, 100, 101, 101)];
        assert_eq!(family.living(&before, |_| false).len(), 2);
        // The leader is gone, its child an orphan.
        let after = [process(101, 50, 101, 101)];
        assert_eq!(pids(&family.living(&after, |_| false)), [101]);
        let reused = Process {
            start: 999,
            ..process(101, 50, 50, 50)
        };
        assert_eq!(pids(&family.living(&[reused], |_| false)), [0; 0]);
    }

    #[test]
    fn one_that_has_ended_is_not_stopped_and_its_children_are() {
        let ended = Process {
            is_zombie: true,
            ..process(100, 50, 100, 50)
        };
        let mut family = Family::of(100);
        let living = family.living(&[ended, process(101, 100, 101, 101)], |_| false);
        assert_eq!(pids(&living), [101]);
    }
}
