//! The equations over sets of keys: nothing lost, nothing invented or altered, poison where it belongs, outputs once,
//! and the server's own counts.

use super::attempts::parsed;
use super::{BTreeSet, Outcome, Rule, Said, View, Work};
use crate::history::{Gap, Trims};

impl View<'_> {
    pub(super) fn sets(&mut self) {
        let stored = self.stored();
        self.lost(&stored);
        self.invented();
        self.dead_letters();
        self.outputs();
        self.rest();
        self.counts(&stored);
    }

    /// Keys that are or were in the stream: those the publisher knows of, and those that turned up.
    fn stored(&mut self) -> BTreeSet<String> {
        let mut stored = BTreeSet::new();
        let mut twice = Vec::new();
        for (key, message) in &self.published {
            if matches!(message.outcome, Outcome::Stored(_)) {
                stored.insert((*key).to_owned());
            }
        }
        let mut present = BTreeSet::new();
        if let Some(stream) = self.history.streams.get(&self.group.stream) {
            for entry in &stream.present {
                if !present.insert(entry.key.as_str()) {
                    twice.push(entry.key.as_str());
                }
            }
        }
        let stream = &self.group.stream;
        let of_stream = self.history.groups.iter().filter(|it| it.stream == *stream);
        for group in of_stream {
            present.extend(group.copies.iter().map(|it| it.key.as_str()));
            let messages = group.dead.iter().filter_map(|it| it.message.as_ref());
            present.extend(messages.map(|it| it.key.as_str()));
        }
        let attempts = self.history.attempts.iter();
        let attempts = attempts.filter(|it| it.stream == *stream);
        present.extend(attempts.map(|it| it.key.as_str()));
        for key in twice {
            self.broken(Rule::StoredTwice, key, "it is in the stream twice");
        }
        stored.extend(present.into_iter().map(str::to_owned));
        stored
    }

    fn lost(&mut self, stored: &BTreeSet<String>) {
        if self.group.work == Work::Counts {
            return;
        }
        let gaps = &self.group.gaps;
        let mut found = vec![0; gaps.len()];
        for key in stored {
            let is_handled = match self.group.work {
                Work::Handler => !self.dones(key).is_empty(),
                _ => self.copies.contains_key(key.as_str()),
            };
            if is_handled || self.dead.contains_key(key.as_str()) || self.is_open(key) {
                continue;
            }
            if let Some(at) = gaps.iter().position(|gap| self.is_within(key, gap)) {
                found[at] += 1;
                continue;
            }
            self.broken(
                Rule::Lost,
                key,
                "it was stored; it was not handled, is no dead letter, and is not pending",
            );
        }
        for (gap, found) in self.group.gaps.clone().into_iter().zip(found) {
            if gap.count != found {
                let text = format!(
                    "recorded as {} lost up to {}, and {found} are",
                    gap.count, gap.to
                );
                self.broken(Rule::Gap, &gap.from, text);
            }
        }
    }

    /// Whether the entry lies where entries are recorded as lost before they were delivered.
    fn is_within(&self, key: &str, gap: &Gap) -> bool {
        match self.published.get(key).map(|it| &it.outcome) {
            Some(Outcome::Stored(id)) => {
                let id = parsed(id);
                parsed(&gap.from) < id && id <= parsed(&gap.to)
            }
            _ => false,
        }
    }

    /// Whether the entry is known to be pending, or its body to have been lost.
    fn is_open(&self, key: &str) -> bool {
        let published = self.published.get(key).and_then(|it| match &it.outcome {
            Outcome::Stored(id) => Some(id.as_str()),
            _ => None,
        });
        let attempts = self.attempts.get(key).into_iter().flatten();
        let mut ids = attempts.map(|it| it.id.as_str()).chain(published);
        ids.any(|id| self.tombstones.contains(id) || self.group.pending.iter().any(|it| it == id))
    }

    fn invented(&mut self) {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut see = |key: &str, sha: &str| found.push((key.to_owned(), sha.to_owned()));
        for line in self.attempts.values().flatten() {
            see(&line.key, &line.sha);
        }
        for kept in &self.group.copies {
            see(&kept.key, &kept.sha);
        }
        for kept in self.group.dead.iter().filter_map(|it| it.message.as_ref()) {
            see(&kept.key, &kept.sha);
        }
        if let Some(stream) = self.history.streams.get(&self.group.stream) {
            for kept in &stream.present {
                see(&kept.key, &kept.sha);
            }
        }
        found.sort();
        found.dedup();
        for (key, sha) in found {
            match self.published.get(key.as_str()) {
                None => self.broken(Rule::Invented, &key, "nobody sent it"),
                Some(sent) if sent.outcome == Outcome::Refused => {
                    self.broken(Rule::Invented, &key, "the server had refused it");
                }
                Some(sent) if sent.sha != sha => {
                    let text = format!("sent with hash {}, found with {sha}", sent.sha);
                    self.broken(Rule::Altered, &key, text);
                }
                Some(_) => {}
            }
        }
    }

    fn dead_letters(&mut self) {
        let max = self.history.rules.max_deliveries;
        let letters: Vec<_> = self
            .dead
            .iter()
            .map(|(key, it)| (*key, it.clone()))
            .collect();
        for (key, letters) in letters {
            if letters.len() > 1 {
                let text = format!("{} dead letters", letters.len());
                self.broken(Rule::DeadTwice, key, text);
            }
            let is_poison = self.group.work == Work::Handler
                && self
                    .published
                    .get(key)
                    .is_some_and(|it| it.plan.is_poison());
            let failed = self.attempts.get(key).into_iter().flatten();
            let failed = failed.filter(|it| it.said == Said::Fail).count() as u64;
            let is_worn_out = letters.iter().all(|it| it.deliveries >= 2 * max) || failed >= max;
            if !is_poison && !is_worn_out {
                let text = format!("{failed} failed attempts do not make a dead letter");
                self.broken(Rule::WronglyDead, key, text);
            }
        }
        if self.group.work != Work::Handler {
            return;
        }
        let poison: Vec<_> = self
            .published
            .values()
            .filter(|it| it.plan.is_poison())
            .collect();
        let done: Vec<&str> = poison
            .into_iter()
            .map(|it| it.key.as_str())
            .filter(|key| !self.dones(key).is_empty())
            .collect();
        for key in done {
            self.broken(Rule::PoisonNotDead, key, "it cannot be handled, and was");
        }
    }

    fn outputs(&mut self) {
        let copies = self.copies.iter();
        let twice: Vec<_> = copies
            .filter(|(_, count)| **count > 1)
            .map(|(key, count)| (*key, *count))
            .collect();
        for (key, count) in twice {
            let text = format!("its output is there {count} times");
            self.broken(Rule::OutputTwice, key, text);
        }
    }

    /// The group has come to rest.
    fn rest(&mut self) {
        for id in self.group.pending.clone() {
            self.broken(Rule::LeftOver, &id, "it is still pending");
        }
        if self.group.undelivered > 0 {
            let text = format!("{} entries were not read", self.group.undelivered);
            self.broken(Rule::LeftOver, "-", text);
        }
        if self.history.rules.trims != Trims::Unread {
            for gap in self.group.gaps.clone() {
                let text = format!("{} are recorded as lost before delivery", gap.count);
                self.broken(Rule::Tombstone, &gap.from, text);
            }
        }
        if self.history.rules.trims != Trims::Bodies {
            let ids: Vec<_> = self.tombstones.iter().copied().collect();
            for id in ids {
                self.broken(Rule::Tombstone, id, "its body was lost");
            }
        }
    }

    fn counts(&mut self, stored: &BTreeSet<String>) {
        let Some(stream) = self.history.streams.get(&self.group.stream) else {
            return;
        };
        let (added, keys) = (stream.entries_added, stored.len() as u64);
        // A body that was lost before anybody read it may be that of a message nobody is sure of.
        if added != keys && self.history.rules.trims != Trims::Bodies {
            let text = format!("the server counts {added} entries, and {keys} messages are known");
            self.broken(Rule::Counts, "-", text);
        }
        if let Some(read) = self.group.entries_read.filter(|read| *read != added) {
            let text = format!("{read} entries of {added} were read");
            self.broken(Rule::Counts, "-", text);
        }
        let counted = self.group.counted;
        if self.group.work == Work::Counts && counted != added {
            let text = format!("{counted} entries of {added} were counted");
            let rule = if counted > added {
                Rule::OutputTwice
            } else {
                Rule::Lost
            };
            self.broken(rule, "-", text);
        }
    }
}
