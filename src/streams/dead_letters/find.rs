//! Finds dead letters.

use anyhow::Result;

use super::{DeadLetter, Source};
use crate::model::{AdaptiveBatch, Body, Entry, EntryId, Fields, Name};
use crate::streams::names::not_a_stream;
use crate::streams::select::Bodies;
use crate::streams::tail::{Filter, Unjudged, Verdict};
use crate::wire::{self, Connection, ErrorKind, key_type, time, xlen, xrange};

/// The greatest number of entries fetched at a time.
const PAGE: usize = 100;
/// The greatest number of entries that are looked at only to count them.
pub const COUNTED_MAX: usize = 10_000;

/// Selects dead letters.
#[derive(Clone, Debug, Default)]
pub struct Letters {
    /// Only dead letters with these ids; empty for any id.
    pub ids: Vec<EntryId>,
    /// Only those of this group.
    pub group: Option<Name>,
    /// Only dead letters whose reason contains this text.
    pub reason: Option<String>,
    /// The greatest number of dead letters, oldest first; does not apply to ids.
    pub count_max: usize,
    /// Only dead letters whose fields match; `reason` (the cause alone), `group`, `stream` and `consumer` are those of
    /// the dead letter.
    pub filter: Filter,
    /// Whether only the provenance is wanted, without the fields, because bodies can be large.
    pub without_fields: bool,
}

impl Letters {
    /// The entry as a dead letter, if it is selected.
    fn letter(&self, source: &Source, entry: Entry) -> Result<Option<DeadLetter>, Doubt> {
        let mut letter = DeadLetter::of(&source.dead_letter, entry);
        if !self.matches(&letter) || !self.takes(&letter)? {
            return Ok(None);
        }
        if self.without_fields {
            letter.fields = Body::from(Fields::new());
        }
        Ok(Some(letter))
    }

    fn matches(&self, letter: &DeadLetter) -> bool {
        let group = self.group.is_none() || self.group == letter.group;
        let reason = self.reason.as_ref().is_none_or(|wanted| {
            let said = letter.reason.as_deref().unwrap_or_default();
            said.contains(wanted)
        });
        group && reason
    }

    fn takes(&self, letter: &DeadLetter) -> Result<bool, Doubt> {
        if self.filter.is_empty() {
            return Ok(true);
        }
        let places = self.filter.equal.iter().map(|it| it.place.as_bytes());
        let seen = letter.seen_by(places);
        let slices: Vec<_> = seen
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect();
        match self.filter.judge(&slices) {
            Verdict::Taken => Ok(true),
            Verdict::Left => Ok(false),
            Verdict::Unjudged(why) => Err(Doubt { id: letter.id, why }),
        }
    }

    /// Whether all dead letters are selected.
    fn is_all(&self) -> bool {
        self.group.is_none() && self.reason.is_none() && self.filter.is_empty()
    }
}

/// A dead letter that could not be tested against a condition.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// Its id.
    pub id: EntryId,
    /// Why.
    pub why: Unjudged,
}

/// What is found of the dead letters that were requested.
#[derive(Clone, Debug)]
pub enum Found {
    /// A dead letter.
    Letter(Box<DeadLetter>),
    /// One that could not be tested against a condition.
    Doubt(Doubt),
    /// A requested id that does not exist.
    Absent(EntryId),
}

/// The server's clock, milliseconds since the Unix epoch.
///
/// # Errors
/// Errors of the server.
pub async fn now_ms(connection: &Connection) -> wire::Result<u64> {
    connection.run(time()).await
}

/// Sets the age of each dead letter at `now_ms`, by the server's clock.
pub fn tell_ages(letters: &mut [DeadLetter], now_ms: u64) {
    for letter in letters {
        letter.age_ms = Some(now_ms.saturating_sub(letter.time.ms));
    }
}

/// The dead letters that match, page by page, oldest first.
#[derive(Debug)]
pub struct LetterPager<'a> {
    connection: &'a Connection,
    source: &'a Source,
    wanted: &'a Letters,
    next: Option<EntryId>,
    portion: AdaptiveBatch,
    doubts: Vec<Doubt>,
}

impl<'a> LetterPager<'a> {
    /// Starts at the oldest; `wanted.ids` and `wanted.count_max` are ignored here.
    pub fn new(connection: &'a Connection, source: &'a Source, wanted: &'a Letters) -> Self {
        Self {
            connection,
            source,
            wanted,
            next: Some(EntryId::MIN),
            portion: AdaptiveBatch::new(PAGE),
            doubts: Vec::new(),
        }
    }

    /// The next page, without dead letters that do not match (it may be empty); `None` after the last page.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn page(&mut self) -> wire::Result<Option<Vec<DeadLetter>>> {
        let Some(start) = self.next else {
            return Ok(None);
        };
        let asked = self.portion.at_a_time();
        let request = xrange(&self.source.dead_letter, start, EntryId::MAX, asked);
        let page = self.connection.run(request).await?;
        let bytes = page.iter().map(Entry::bytes).sum();
        self.portion.brought(asked, page.len(), bytes);
        let last = page.last().filter(|_| page.len() == asked);
        self.next = last.and_then(|it| it.id.next());
        let mut letters = Vec::with_capacity(page.len());
        for entry in page {
            match self.wanted.letter(self.source, entry) {
                Ok(letter) => letters.extend(letter),
                Err(doubt) => self.doubts.push(doubt),
            }
        }
        Ok(Some(letters))
    }

    /// The dead letters on the pages so far that could not be tested against a condition, each once.
    pub fn take_doubts(&mut self) -> Vec<Doubt> {
        std::mem::take(&mut self.doubts)
    }
}

/// How many dead letters match, `seen` of which were counted already. Without a filter the server knows the number;
/// otherwise at most `COUNTED_MAX` more are looked at, and `None` means that there are more.
///
/// # Errors
/// Errors of the server.
pub async fn total(pager: &mut LetterPager<'_>, seen: usize) -> wire::Result<Option<u64>> {
    if pager.wanted.is_all() {
        let length = xlen(&pager.source.dead_letter);
        return pager.connection.run(length).await.map(Some);
    }
    let mut count = seen as u64;
    for _ in 0..COUNTED_MAX / PAGE {
        match pager.page().await? {
            Some(page) => count += page.len() as u64,
            None => return Ok(Some(count)),
        }
    }
    Ok(None)
}

/// Why the dead letters of one stream cannot be read while those of others can: the key is not a stream, or this user
/// may not access it.
///
/// # Errors
/// `error` itself, when it is a different one; errors of the server.
pub async fn why_unread(
    connection: &Connection,
    source: &Source,
    error: wire::Error,
) -> Result<anyhow::Error> {
    match error.kind {
        ErrorKind::WrongType => {
            let kind = connection.run(key_type(&source.dead_letter)).await?;
            Ok(not_a_stream(&source.dead_letter, &kind).into())
        }
        ErrorKind::NoPerm => Ok(error.into()),
        _ => Err(error.into()),
    }
}

/// A few dead letters, oldest first, and whether more would have matched.
///
/// # Errors
/// Errors of the server.
pub async fn find(
    connection: &Connection,
    source: &Source,
    wanted: &Letters,
) -> Result<(Vec<DeadLetter>, bool)> {
    let mut letters = Vec::new();
    let has_more = find_each(connection, source, wanted, |found| {
        if let Found::Letter(letter) = found {
            letters.push(*letter);
        }
        Ok(())
    })
    .await?;
    Ok((letters, has_more))
}

/// Looks for dead letters, and gives each to `take`, oldest first. Returns whether more would have matched.
///
/// # Errors
/// Errors of the server or of `take`.
pub async fn find_each(
    connection: &Connection,
    source: &Source,
    wanted: &Letters,
    mut take: impl FnMut(Found) -> Result<()>,
) -> Result<bool> {
    if !wanted.ids.is_empty() {
        by_id(connection, source, wanted, take).await?;
        return Ok(false);
    }
    let mut room = wanted.count_max;
    let mut pager = LetterPager::new(connection, source, wanted);
    while let Some(page) = pager.page().await? {
        for doubt in pager.take_doubts() {
            take(Found::Doubt(doubt))?;
        }
        let has_more = page.len() > room;
        for letter in page.into_iter().take(room) {
            room -= 1;
            take(Found::Letter(Box::new(letter)))?;
        }
        if has_more {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn by_id(
    connection: &Connection,
    source: &Source,
    wanted: &Letters,
    mut take: impl FnMut(Found) -> Result<()>,
) -> Result<()> {
    let mut ids = wanted.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    Bodies::of(connection, &source.dead_letter)
        .fetch(&ids, |place, fields| {
            let id = ids[place];
            let letter = fields.map(|fields| wanted.letter(source, Entry { id, fields }));
            take(match letter.transpose() {
                Ok(Some(Some(letter))) => Found::Letter(Box::new(letter)),
                Ok(_) => Found::Absent(id),
                Err(doubt) => Found::Doubt(doubt),
            })
        })
        .await
}
