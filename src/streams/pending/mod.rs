//! Entries that were delivered and not acknowledged: which consumer holds them, how long they have been idle, how
//! often they were delivered, and what they have in common. Changes nothing.

mod shape;

use anyhow::Result;
use serde::Serialize;

pub use shape::{Cluster, ClusterState, HistogramRow};
pub(in crate::streams) use shape::{Clusters, percent, share};

use super::inspect::deliveries_cell;
use super::select::{Bodies, Criteria, Pager};
use super::target::Target;
use crate::model::{
    Body, Cell, ConsumerInfo, EntryId, Fields, InFlight, Name, PendingEntry, Time, Tone, bytes_of,
    is_fatal, report, with_commas,
};
use crate::topology::inflight_key;
use crate::wire::{Connection, ErrorKind, allowed, hmget, time, xpending};
use shape::Histogram;

/// How many entries a histogram looks at.
const HISTOGRAM_MAX: u64 = 100_000;
/// How many entries have their bodies fetched to see what they have in common.
const CLUSTERS_MAX: u64 = 10_000;
/// How many notes of workers are fetched at a time.
const NOTES_AT_A_TIME: usize = 500;

/// What to look at.
#[derive(Clone, Debug)]
pub struct PendingQuery {
    /// The filter.
    pub filter: Criteria,
    /// Only entries added at least this many milliseconds ago, by their ids.
    pub age_min: Option<u64>,
    /// The greatest number of rows.
    pub count_max: usize,
    /// Whether to count by idle time and deliveries.
    pub with_histogram: bool,
    /// Fields by whose values to count.
    pub by: Vec<Name>,
    /// The greatest number of combinations of values; one more row counts the less frequent ones.
    pub clusters_max: usize,
}

/// The pending entries of a group.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct PendingReport {
    /// The stream.
    pub stream: Name,
    /// The group.
    pub group: Name,
    /// Pending entries in all.
    pub pending: u64,
    /// The least pending id.
    pub first_id: Option<EntryId>,
    /// The greatest pending id.
    pub last_id: Option<EntryId>,
    /// The group's consumers and their pending entries.
    pub consumers: Vec<Holding>,
    /// How many matching entries were looked at.
    pub matching: u64,
    /// How many entries are listed.
    #[serde(skip)]
    pub listed: u64,
    /// Whether the list ends because no more rows are shown, and not because no more entries were to be looked at.
    #[serde(skip)]
    pub is_limited: bool,
    /// Whether there are more matching entries.
    pub has_more: bool,
    /// How many entries match in total; `None` when they were not counted to the end.
    #[serde(skip)]
    pub total: Option<u64>,
    /// Matching entries by idle time; `None` unless asked for.
    pub idle_histogram: Option<Vec<HistogramRow>>,
    /// Matching entries by deliveries; `None` unless asked for.
    pub deliveries_histogram: Option<Vec<HistogramRow>>,
    /// Matching entries by the values of fields, the most frequent first; `None` unless asked for.
    pub clusters: Option<Vec<Cluster>>,
    /// The oldest matching entries.
    pub entries: Vec<PendingRow>,
}

report! {
    /// One consumer and its pending entries.
    #[derive(Clone, Debug)]
    pub struct Holding {
        /// The consumer.
        pub consumer: Name => text("CONSUMER"),
        /// Its pending entries.
        pub pending: u64 => number("PENDING"),
        /// Milliseconds since the consumer last asked for anything; `None` for entries that no consumer holds.
        pub idle_ms: Option<u64> => millis("IDLE"),
    }
}

report! {
    /// One pending entry.
    #[derive(Clone, Debug)]
    pub struct PendingRow {
        /// The entry.
        pub id: EntryId => whole("ID"),
        /// When it was added.
        pub time: Time => whole("TIME", wide, unknown),
        /// The consumer that holds it; `None` when the entry was released.
        pub consumer: Option<Name> => text("CONSUMER"),
        /// Milliseconds since it was last delivered; `None` when it was released.
        pub idle_ms: Option<u64> => millis("IDLE"),
        /// How often it was delivered; `None` when it was given up for good.
        pub deliveries: Option<u64> => number("DELIVERIES") by |it| deliveries_cell(it.deliveries, it.is_fatal),
        /// Whether it was given up for good (`XNACK … FATAL`).
        pub is_fatal: bool,
        /// Time since it was added, by its id; `None` for an id ahead of the clock.
        pub age_ms: Option<u64> => millis("AGE", unknown),
        /// When a handler first started with it, if a worker recorded that (at its second attempt, or after ten
        /// seconds in a handler).
        pub in_flight_since: Option<Time> => whole("SINCE", wide),
        /// Time since then.
        pub in_flight_ms: Option<u64> => millis("IN FLIGHT", sparse),
        /// Why its last attempt failed, if a worker recorded that; the end of the reason, at most 200 bytes.
        pub last_reason: Option<String> => text("REASON", sparse),
        /// Whether its body was trimmed or deleted from the stream; `None` when that was not looked up.
        pub is_trimmed: Option<bool> => whole("TRIMMED", wide),
        /// Its fields; `None` when they were not looked up, or the body is gone.
        pub fields: Option<Body> => text("FIELDS", wide) by Self::fields_cell,
    }
}

impl PendingReport {
    /// The total number of matching entries; with `true`, there may be more.
    pub fn in_all(&self) -> (u64, bool) {
        self.total
            .map_or((HISTOGRAM_MAX, true), |total| (total, false))
    }

    /// The note for a list that does not show all matching entries.
    pub fn cut(&self) -> Option<String> {
        let listed = self.listed;
        if !self.has_more || self.is_limited {
            return None;
        }
        let of = self
            .total
            .map_or_else(String::new, |total| format!(" of {}", with_commas(total)));
        Some(if listed == self.matching {
            format!(
                "only the oldest {}{of} are listed; --count N lists more",
                with_commas(listed)
            )
        } else {
            format!(
                "only the oldest {}{of} are looked at; --count N looks at more",
                with_commas(self.matching)
            )
        })
    }
}

impl PendingRow {
    fn fields_cell(&self) -> Cell {
        match (&self.fields, self.is_trimmed) {
            (Some(fields), _) => fields.clone().into(),
            (None, Some(true)) => Cell::Nothing.shown_as(Tone::Bad, "trimmed"),
            (None, _) => Cell::Nothing,
        }
    }
}

impl PendingRow {
    fn new(entry: PendingEntry, now: Time) -> Self {
        Self {
            age_ms: now.ms.checked_sub(entry.id.ms),
            in_flight_since: None,
            in_flight_ms: None,
            last_reason: None,
            id: entry.id,
            time: Time::from_ms(entry.id.ms),
            consumer: Some(entry.consumer).filter(|name| !name.is_empty()),
            idle_ms: entry.idle_ms,
            deliveries: Some(entry.deliveries).filter(|it| !is_fatal(*it)),
            is_fatal: is_fatal(entry.deliveries),
            is_trimmed: None,
            fields: None,
        }
    }

    fn add_note(&mut self, noted: InFlight, now: Time) {
        self.in_flight_since = Some(noted.since);
        self.in_flight_ms = now.ms.checked_sub(noted.since.ms);
        self.last_reason = Some(noted.reason).filter(|it| !it.is_empty());
    }
}

/// Adds the fields of their entries to the first of `rows`, until they are longer than `bytes_max` together. Returns
/// how many rows have fields now.
///
/// # Errors
/// Errors of the server.
pub async fn add_fields(
    bodies: &mut Bodies<'_>,
    rows: &mut [PendingRow],
    bytes_max: usize,
    in_pairs: bool,
) -> Result<usize> {
    let (mut done, mut bytes) = (0, 0);
    while done < rows.len() && bytes <= bytes_max {
        let end = rows.len().min(done + bodies.at_a_time());
        let next = &mut rows[done..end];
        let ids: Vec<EntryId> = next.iter().map(|row| row.id).collect();
        bodies
            .fetch(&ids, |place, fields| {
                bytes += fields.as_ref().map_or(0, bytes_of);
                next[place].is_trimmed = Some(fields.is_none());
                next[place].fields = fields.map(|fields| Body { fields, in_pairs });
                Ok(())
            })
            .await?;
        done = end;
    }
    Ok(done)
}

/// The longest idle time of all pending entries; `None` when none is pending.
///
/// # Errors
/// Not found when the group does not exist; errors of the server.
pub async fn greatest_idle(connection: &Connection, target: &Target) -> Result<Option<u64>> {
    let filter = Criteria::default();
    let mut pager = Pager::new(connection, target, &filter);
    let mut greatest = None;
    while let Some(page) = pager.page().await? {
        greatest = page.iter().filter_map(|it| it.idle_ms).max().max(greatest);
    }
    Ok(greatest)
}

/// Collects the pending entries of `target`, page by page. The rows have no fields yet: [`add_fields`] adds them.
///
/// # Errors
/// Not found when the group does not exist; errors of the server.
pub async fn look(
    connection: &Connection,
    target: &Target,
    question: &PendingQuery,
) -> Result<PendingReport> {
    let (summary, consumers, now) = tokio::join!(
        connection.run(xpending(&target.stream, &target.group)),
        target.consumers(connection),
        connection.run(time()),
    );
    let (summary, now) = (
        summary?,
        allowed(now)?.map_or_else(Time::now, Time::from_ms),
    );
    let mut question = question.clone();
    if let Some(age_min) = question.age_min {
        let ms = now.ms.checked_sub(age_min);
        question.filter.id_max = Some(ms.map_or(EntryId::MIN, |ms| EntryId::new(ms, u64::MAX)));
    }
    let mut found = Gathered::new(&question, now);
    let consumers = consumers?;
    found.known = known(&question.filter, summary.count, &consumers);
    found.collect(connection, target, &question).await?;
    add_notes(connection, target, &mut found.rows, now).await?;
    let mut holdings: Vec<Holding> = consumers
        .into_iter()
        .map(|it| Holding {
            consumer: it.name,
            pending: it.pending,
            idle_ms: Some(it.idle_ms),
        })
        .collect();
    holdings.sort_by(|a, b| b.pending.cmp(&a.pending).then(a.consumer.cmp(&b.consumer)));
    let histogram = question.with_histogram.then(|| found.histogram.rows());
    let (idle_histogram, deliveries_histogram) = histogram.unzip();
    Ok(PendingReport {
        stream: target.stream.clone(),
        group: target.group.clone(),
        pending: summary.count,
        first_id: summary.first,
        last_id: summary.last,
        consumers: holdings,
        matching: found.matching,
        listed: found.rows.len() as u64,
        is_limited: false,
        has_more: found.has_more,
        total: if found.has_more {
            found.known.or(found.total)
        } else {
            Some(found.matching)
        },
        idle_histogram,
        deliveries_histogram,
        clusters: found.clusters.map(|it| it.rows(question.clusters_max)),
        entries: found.rows,
    })
}

/// How many entries match, where the server knows that: all of them, or all of a consumer.
fn known(filter: &Criteria, all: u64, consumers: &[ConsumerInfo]) -> Option<u64> {
    let of_anybody = Criteria {
        consumer: None,
        ..filter.clone()
    };
    match &filter.consumer {
        _ if of_anybody != Criteria::default() => None,
        None => Some(all),
        Some(name) => {
            let held = consumers.iter().find(|it| it.name == *name);
            held.map(|it| it.pending)
        }
    }
}

/// Adds what workers recorded about these entries; nothing when the user may not read it.
async fn add_notes(
    connection: &Connection,
    target: &Target,
    rows: &mut [PendingRow],
    now: Time,
) -> Result<()> {
    let key = inflight_key(&target.stream, &target.group);
    for page in rows.chunks_mut(NOTES_AT_A_TIME) {
        let ids: Vec<EntryId> = page.iter().map(|row| row.id).collect();
        let values = match connection.run(hmget(&key, &ids)).await {
            Err(error) if error.kind == ErrorKind::WrongType => return Ok(()),
            values => allowed(values)?,
        };
        for (row, value) in page.iter_mut().zip(values.into_iter().flatten()) {
            if let Some(noted) = value.as_deref().and_then(InFlight::of_value) {
                row.add_note(noted, now);
            }
        }
    }
    Ok(())
}

/// What was collected from the pages so far.
struct Gathered {
    now: Time,
    rows: Vec<PendingRow>,
    matching: u64,
    has_more: bool,
    /// How many match in total, if the server knows.
    known: Option<u64>,
    total: Option<u64>,
    histogram: Histogram,
    clusters: Option<Clusters>,
    matching_max: u64,
}

impl Gathered {
    fn new(question: &PendingQuery, now: Time) -> Self {
        let clusters = (!question.by.is_empty()).then(|| Clusters::new(&question.by));
        let rows_max = question.count_max as u64;
        Self {
            now,
            rows: Vec::new(),
            matching: 0,
            has_more: false,
            known: None,
            total: None,
            histogram: Histogram::default(),
            matching_max: match (&clusters, question.with_histogram) {
                (Some(_), _) => rows_max.max(CLUSTERS_MAX),
                (None, true) => rows_max.max(HISTOGRAM_MAX),
                (None, false) => rows_max,
            },
            clusters,
        }
    }

    async fn collect(
        &mut self,
        connection: &Connection,
        target: &Target,
        question: &PendingQuery,
    ) -> Result<()> {
        if self.matching_max == 0 {
            return Ok(());
        }
        let mut pager = Pager::new(connection, target, &question.filter);
        let mut bodies = Bodies::of(connection, &target.stream);
        while let Some(mut page) = pager.page().await? {
            let room = usize::try_from(self.matching_max - self.matching).unwrap_or(usize::MAX);
            let found = page.len();
            if found > room {
                page.truncate(room);
                self.has_more = true;
            }
            self.take(&mut bodies, question, page).await?;
            if self.has_more {
                if self.known.is_none() {
                    self.total = self.count_rest(pager, found - room).await?;
                }
                break;
            }
        }
        Ok(())
    }

    /// How many entries match in total, including the `beyond` of the page that was cut; `None` when there are more
    /// than the limit on counting.
    async fn count_rest(&self, mut pager: Pager<'_>, beyond: usize) -> Result<Option<u64>> {
        let mut count = self.matching + beyond as u64;
        while count <= HISTOGRAM_MAX {
            match pager.page().await? {
                None => return Ok(Some(count)),
                Some(page) => count += page.len() as u64,
            }
        }
        Ok(None)
    }

    async fn take(
        &mut self,
        bodies: &mut Bodies<'_>,
        question: &PendingQuery,
        page: Vec<PendingEntry>,
    ) -> Result<()> {
        self.matching += page.len() as u64;
        for entry in &page {
            self.histogram.count(entry);
        }
        let rows_left = question.count_max.saturating_sub(self.rows.len());
        let ids: Vec<EntryId> = page.iter().map(|entry| entry.id).collect();
        let now = self.now;
        let rows = page.into_iter().take(rows_left);
        self.rows
            .extend(rows.map(|entry| PendingRow::new(entry, now)));
        let Some(clusters) = &mut self.clusters else {
            return Ok(());
        };
        let count = |_, body: Option<Fields>| {
            clusters.count(body.as_ref());
            Ok(())
        };
        bodies.fetch(&ids, count).await
    }
}
