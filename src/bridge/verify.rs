//! Compares a stream with what a topic has of it.
//!
//! Both sides are read once for a count and a sum of hashes a minute, and once more for the entries of those minutes whose
//! sums differ. So memory depends on the minutes and on the differences, not on the entries.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::sides::{Verifying, first_field, own_id};
use crate::kafka::{Bounds, Client};
use crate::model::{Entry, EntryId, Name, Problem, report};
use crate::wire::{Connection, Lane, xinfo_stream};

const MINUTE_MS: u64 = 60_000;
/// Minutes that are compared: almost four years.
const MINUTES_MAX: usize = 2_000_000;
/// Entries of minutes that differ which are compared one by one.
const ENTRIES_MAX: usize = 200_000;
/// Differences that are named.
const NAMED_MAX: usize = 20;
/// How an entry differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Differs {
    /// It is in the stream, and not in the topic.
    Missing,
    /// Its key or its fields are other ones.
    Changed,
    /// It is in the topic more than once.
    Repeated,
    /// It is in the topic, and not in the stream.
    Extra,
}

/// An entry that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Difference {
    /// Its id.
    pub id: EntryId,
    /// Its key, if it has one.
    pub key: Option<Name>,
    /// How it differs.
    pub what: Differs,
}

report! {
    /// What a comparison found: entries in the stream = the same in the topic + missing + changed + behind + removed.
    #[derive(Clone, Debug)]
    pub struct Verified {
        /// The stream.
        pub stream: Name => whole("STREAM"),
        /// The topic.
        pub topic: String => text("TOPIC"),
        /// Entries of the window in the stream.
        pub entries: u64 => number("ENTRIES"),
        /// Records of the window in the topic.
        pub records: u64 => number("RECORDS"),
        /// Minutes that have some.
        pub minutes: u64 => number("MINUTES", wide),
        /// Entries that are not in the topic.
        pub missing: u64 => number("MISSING"),
        /// Entries whose key or fields are other ones in the topic.
        pub changed: u64 => number("CHANGED"),
        /// Entries that are in the topic more than once.
        pub repeated: u64 => number("REPEATED"),
        /// Records of entries that are not in the stream.
        pub extra: u64 => number("EXTRA"),
        /// Entries after the last one that is in the topic: a bridge may still send them.
        pub behind: u64 => number("BEHIND"),
        /// Records of entries before the first one that is in the stream: what was trimmed cannot be compared.
        pub trimmed: u64 => number("TRIMMED"),
        /// Entries not in the topic that may have been there, in a partition whose first records were removed.
        pub removed: u64 => number("REMOVED"),
        /// Records that no bridge wrote, or of other streams, which are not compared.
        pub others: u64 => number("OTHERS", wide),
        /// Whether all that could be compared is the same.
        pub agrees: bool => whole("AGREES"),
        /// Whether there were more differences than can be counted one by one, so that there are more of them than this.
        pub is_cut: bool,
        /// The first entries that differ.
        pub differences: Vec<Difference>,
    }
}

/// A count and a sum of hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    hashes: u128,
}

impl Sum {
    fn add(&mut self, hash: u128) {
        self.count += 1;
        self.hashes = self.hashes.wrapping_add(hash);
    }
}

/// The sums of both sides.
type Minutes = BTreeMap<u64, [Sum; 2]>;

/// An entry of a minute that differs.
#[derive(Default)]
struct Pair {
    entry: Option<u128>,
    records: Sum,
    is_same: bool,
    key: Option<Name>,
}

/// What can be compared, as it was when the comparison began.
#[derive(Clone, Copy)]
struct Judged {
    /// The first id of the stream.
    first: EntryId,
    /// The least and the greatest id in the topic.
    ends: Option<(EntryId, EntryId)>,
    /// Before this id a record may have been removed.
    removed_before: EntryId,
}

/// Where an entry is in what can be compared.
enum Place {
    /// Within it.
    Within,
    /// After all that is in the topic.
    Behind,
    /// Before all that is in the topic, where that may be removed.
    Removed,
}

impl Judged {
    fn place_of(self, id: EntryId) -> Place {
        match self.ends {
            Some((_, last)) if id > last => Place::Behind,
            Some((least, _)) if id >= least => Place::Within,
            _ if id < self.removed_before => Place::Removed,
            Some(_) => Place::Within,
            None => Place::Behind,
        }
    }
}

/// Compares the stream with the topic.
///
/// # Errors
/// Usage when the window has too many minutes; not found when there is no such topic; errors of both sides.
pub async fn verify(
    client: &Client,
    (connection, lane): (&Connection, &mut Lane),
    verifying: &Verifying,
) -> Result<Verified> {
    let Verifying { stream, topic, .. } = verifying;
    let bounds = client.bounds(topic).await.map_err(Problem::from)?;
    let mut found = Verified {
        stream: stream.clone(),
        topic: topic.clone(),
        entries: 0,
        records: 0,
        minutes: 0,
        missing: 0,
        changed: 0,
        repeated: 0,
        extra: 0,
        behind: 0,
        trimmed: 0,
        removed: 0,
        others: 0,
        agrees: false,
        is_cut: false,
        differences: Vec::new(),
    };
    let first = first_of(connection, stream).await?;
    let (mut minutes, mut is_long) = (Minutes::new(), false);
    let mut add = |side: usize, id: EntryId, hash: u128| {
        is_long |= minutes.len() >= MINUTES_MAX;
        if !is_long {
            minutes.entry(id.ms / MINUTE_MS).or_default()[side].add(hash);
        }
    };
    let shown = verifying
        .read_topic(client, &bounds, |id, record| {
            found.records += 1;
            if id < first {
                found.trimmed += 1;
            } else {
                add(1, id, verifying.hash_of_record(record));
            }
        })
        .await
        .map_err(Problem::from)?;
    found.others = shown.others;
    let judged = Judged {
        first,
        ends: shown.ends,
        removed_before: shown.removed_before(&bounds),
    };
    verifying
        .read_stream(lane, |id, fields| {
            found.entries += 1;
            match judged.place_of(id) {
                Place::Within => add(0, id, verifying.hash_of_entry(fields)),
                Place::Behind => found.behind += 1,
                Place::Removed => found.removed += 1,
            }
        })
        .await?;
    if is_long {
        let text = format!("the window has more than {MINUTES_MAX} minutes with entries");
        let hint = "compare a part at a time with --from and --until";
        return Err(Problem::usage(text).hint(hint).into());
    }
    found.minutes = minutes.len() as u64;
    minutes.retain(|_, sums| sums[0] != sums[1]);
    let differing: BTreeSet<u64> = minutes.into_keys().collect();
    if !differing.is_empty() {
        let sides = (client, connection, lane);
        let within = (&*bounds, &differing, judged);
        name_differences(sides, verifying, within, &mut found).await?;
    }
    let differences = found.missing + found.changed + found.repeated + found.extra;
    found.agrees = differences == 0 && !found.is_cut;
    Ok(found)
}

/// Reads both sides again, for the entries of these minutes.
async fn name_differences(
    (client, connection, lane): (&Client, &Connection, &mut Lane),
    verifying: &Verifying,
    (bounds, minutes, judged): (&[Bounds], &BTreeSet<u64>, Judged),
    found: &mut Verified,
) -> Result<()> {
    let mut pairs: BTreeMap<EntryId, Pair> = BTreeMap::new();
    let mut is_cut = false;
    let is_open = |pairs: &BTreeMap<EntryId, Pair>, is_cut: &mut bool, id: EntryId| {
        if !minutes.contains(&(id.ms / MINUTE_MS)) {
            return false;
        }
        let is_open = pairs.len() < ENTRIES_MAX || pairs.contains_key(&id);
        *is_cut |= !is_open;
        is_open
    };
    verifying
        .read_stream(lane, |id, fields| {
            let is_within = matches!(judged.place_of(id), Place::Within);
            if is_within && is_open(&pairs, &mut is_cut, id) {
                let pair = pairs.entry(id).or_default();
                pair.entry = Some(verifying.hash_of_entry(fields));
                pair.key = first_field(fields, &verifying.key).map(Name::from);
            }
        })
        .await?;
    // What is beyond those entries cannot be judged.
    let last_judged = is_cut
        .then(|| pairs.last_key_value().map(|(id, _)| *id))
        .flatten();
    let shown = verifying
        .read_topic(client, bounds, |id, record| {
            let is_within = id >= judged.first && last_judged.is_none_or(|last| id <= last);
            if is_within && is_open(&pairs, &mut is_cut, id) {
                let hash = verifying.hash_of_record(record);
                let pair = pairs.entry(id).or_default();
                pair.records.add(hash);
                pair.is_same |= pair.entry == Some(hash);
                if pair.key.is_none() {
                    pair.key = record.key.as_deref().map(Name::from);
                }
            }
        })
        .await
        .map_err(Problem::from)?;
    found.is_cut = is_cut;
    let first = first_of(connection, &verifying.stream).await?;
    let removed_before = shown.removed_before(bounds);
    for (id, pair) in pairs {
        let what = match (pair.entry, pair.records.count) {
            (None, _) if id < first => {
                found.trimmed += pair.records.count;
                continue;
            }
            (Some(_), 0) if id < removed_before => {
                found.removed += 1;
                continue;
            }
            (None, 0) => continue,
            (None, _) => Differs::Extra,
            (Some(_), 0) => Differs::Missing,
            (Some(_), _) if !pair.is_same => Differs::Changed,
            (Some(_), 1) => continue,
            (Some(_), _) => Differs::Repeated,
        };
        *match what {
            Differs::Missing => &mut found.missing,
            Differs::Changed => &mut found.changed,
            Differs::Repeated => &mut found.repeated,
            Differs::Extra => &mut found.extra,
        } += 1;
        if found.differences.len() < NAMED_MAX {
            let key = pair.key;
            found.differences.push(Difference { id, key, what });
        }
    }
    Ok(())
}

/// The first id of a stream: where it begins, or would.
async fn first_of(connection: &Connection, stream: &Name) -> Result<EntryId> {
    let info = connection.run(xinfo_stream(stream)).await?;
    let after = info.last_generated_id.next().unwrap_or(EntryId::MAX);
    let own = |first: Entry| {
        let fields = first.fields.last()?;
        own_id(&fields.0, &fields.1)
    };
    Ok(match info.first {
        Some(first) => {
            let id = first.id;
            own(first).unwrap_or(id)
        }
        None => after,
    })
}
