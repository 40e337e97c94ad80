//! Searches a stream for a few of its entries, up to a limit that is reported. Memory grows with the entries that are
//! found, not with those that are read.

use std::fmt;

use anyhow::Result;

use super::inspect::Denied;
use crate::model::{EntryId, Name, report, states};
use crate::wire::FieldSlices;
use crate::wire::{Dialer, Error, ErrorKind, Lane, Scan, Stop, Taker};

states! {
    /// How a search ended.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum SearchEnd {
        /// All entries were read.
        Whole = "all" in Ok,
        /// The search ended at its limit on entries that are read, so there may be more.
        Limit = "limit" in Warn,
        /// The search ended at its limit on entries that are found, and there are more.
        Enough = "enough found" in Warn,
        /// The search was stopped before its end.
        Stopped = "stopped" in Warn,
        /// The key is of another type.
        NotAStream = "not a stream" in Warn,
        /// The user may not read the stream.
        Denied = "not allowed" in Bad,
    }
}

states! {
    /// What a search looks for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum SearchedFor {
        /// Entries with the value.
        Entries = "entries" in Plain,
        /// Dead letters of the entries.
        DeadLetters = "dead letters" in Plain,
        /// Copies of the entry, made by a requeue or a redrive.
        Copies = "copies" in Plain,
        /// Records of the entries in the journal of a group's workers.
        Journal = "journal" in Plain,
    }
}

report! {
    /// The result of a search.
    #[derive(Clone, Debug)]
    pub struct Searched {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// What was looked for.
        pub searched_for: SearchedFor => whole("FOR"),
        /// Entries that were looked at.
        pub looked_at: u64 => number("LOOKED AT"),
        /// Entries that were found.
        pub found: u64 => number("FOUND"),
        /// The last entry that was read.
        pub reached_id: Option<EntryId> => whole("REACHED", wide),
        /// How the search ended.
        pub end: SearchEnd => whole("END"),
    }
}

impl Searched {
    /// The result of a search that has not begun.
    pub fn new(stream: &Name, searched_for: SearchedFor) -> Self {
        Self {
            stream: stream.clone(),
            searched_for,
            looked_at: 0,
            found: 0,
            reached_id: None,
            end: SearchEnd::Stopped,
        }
    }

    /// Whether all entries were read, so that an entry that was not found does not exist.
    pub fn is_whole(&self) -> bool {
        self.end == SearchEnd::Whole
    }
}

/// What to search for, and the limits of the search.
#[derive(Clone, Debug)]
pub struct Search {
    /// The least id.
    pub start: EntryId,
    /// Whether the newest entries are read first.
    pub newest_first: bool,
    /// The greatest number of entries that are read.
    pub count_max: usize,
    /// The greatest number of entries that are found; one more ends the search.
    pub found_max: u64,
    /// Bytes that every wanted entry contains somewhere.
    pub needle: Option<Vec<u8>>,
}

/// Runs searches, stream after stream.
pub struct Searcher<'a> {
    dialer: &'a Dialer,
    lane: Option<Lane>,
    told: &'a (dyn Fn(u64) + Sync),
    /// The streams that the user may not read.
    pub denied: Vec<Denied>,
}

impl fmt::Debug for Searcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Searcher")
            .field("denied", &self.denied)
            .finish_non_exhaustive()
    }
}

impl<'a> Searcher<'a> {
    /// Searches over connections of `dialer`; `told` is called with the number of further entries that were read.
    pub fn new(dialer: &'a Dialer, told: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self {
            dialer,
            lane: None,
            told,
            denied: Vec::new(),
        }
    }

    /// Records a refused query, once for each stream and command.
    pub fn deny(&mut self, stream: &Name, error: Error) {
        let is_known = |it: &Denied| it.stream == *stream && it.error.command == error.command;
        if !self.denied.iter().any(is_known) {
            self.denied.push(Denied {
                stream: stream.clone(),
                error,
            });
        }
    }

    /// Searches `searched.stream`; `is_it` decides for each entry whether it is wanted. The progress is recorded in
    /// `searched`, so that it is kept when the search is dropped before its end.
    ///
    /// # Errors
    /// Errors of the server, except refusals.
    pub async fn run(
        &mut self,
        search: &Search,
        searched: &mut Searched,
        is_it: impl FnMut(EntryId, &FieldSlices<'_>) -> bool,
    ) -> Result<()> {
        let stream = searched.stream.clone();
        let range = Scan {
            start: search.start,
            reverse: search.newest_first,
            count_max: search.count_max,
            ..Scan::ALL
        };
        // A lane that failed, or was left before its end, is not used again.
        let mut lane = match self.lane.take() {
            Some(lane) => lane,
            None => self.dialer.lane().await?,
        };
        let mut matcher = Matcher {
            search,
            searched,
            is_it,
            told: self.told,
            in_page: (0, 0),
        };
        match lane.search(&stream, range, &mut matcher).await {
            Ok(()) => {
                self.lane = Some(lane);
                let is_cut = searched.looked_at >= search.count_max as u64;
                searched.end = if is_cut {
                    SearchEnd::Limit
                } else {
                    SearchEnd::Whole
                };
            }
            Err(Stop::Sink(error)) if error.is::<Enough>() => searched.end = SearchEnd::Enough,
            Err(Stop::Wire(error)) if error.kind == ErrorKind::WrongType => {
                searched.end = SearchEnd::NotAStream;
            }
            Err(Stop::Wire(error)) if error.kind == ErrorKind::NoPerm => {
                searched.end = SearchEnd::Denied;
                self.deny(&stream, error);
            }
            Err(stop) => return Err(stop.into_error()),
        }
        Ok(())
    }
}

/// The search has found as many entries as it may.
#[derive(Debug, thiserror::Error)]
#[error("the search found as many entries as it may")]
struct Enough;

struct Matcher<'s, F> {
    search: &'s Search,
    searched: &'s mut Searched,
    is_it: F,
    told: &'s (dyn Fn(u64) + Sync),
    /// How many entries of the page were handed out, and how many the page has.
    in_page: (u64, u64),
}

impl<F: FnMut(EntryId, &FieldSlices<'_>) -> bool> Taker for Matcher<'_, F> {
    fn needle(&self) -> Option<&[u8]> {
        self.search.needle.as_deref()
    }

    fn page(&mut self, entries: usize, last: Option<EntryId>) {
        let entries = entries as u64;
        self.in_page = (0, entries);
        self.searched.looked_at += entries;
        self.searched.reached_id = last.or(self.searched.reached_id);
        (self.told)(entries);
    }

    fn entry(&mut self, id: EntryId, fields: &FieldSlices<'_>) -> Result<(), Stop> {
        self.in_page.0 += 1;
        if !(self.is_it)(id, fields) {
            return Ok(());
        }
        if self.searched.found < self.search.found_max {
            self.searched.found += 1;
            return Ok(());
        }
        let (handed_out, of) = self.in_page;
        self.searched.looked_at -= of - handed_out;
        self.searched.reached_id = Some(id);
        Err(Stop::Sink(Enough.into()))
    }
}
