//! Publishes a generated day, ingesting its raw events, with some faulty messages among them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};

use super::Scene;
use super::poison::{POISON_MAX, poison};
use super::scene::output;
use super::standing::Standing;
use crate::model::{EntryId, Fields, Name, Time};
use crate::platform::generate::{Generated, PlatformDay, platform_day};
use crate::platform::normalize::normalize_event;
use crate::platform::{EVENTS_NORMALIZED, EVENTS_RAW, features};
use crate::topology::GroupSpec;
use crate::wire::{
    Connection, GroupStart, Output, Request, ScriptCall, add_together, create_group, xadd,
};

/// Entries sent in one write.
const CHUNK: usize = 256;

/// The distinct ids that were published, by stream.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// Ids by stream.
    pub ids: BTreeMap<Name, BTreeSet<EntryId>>,
    /// How many entries were made to fail permanently.
    pub poison: u64,
    /// The ids that were seen to be trimmed before they were delivered, by group.
    trimmed: BTreeMap<Name, BTreeSet<EntryId>>,
}

impl Published {
    fn add(&mut self, stream: &Name, id: EntryId) {
        self.ids.entry(stream.clone()).or_default().insert(id);
    }

    /// The ids that were published to `stream`.
    pub(super) fn of(&self, stream: &Name) -> &BTreeSet<EntryId> {
        static NOTHING: BTreeSet<EntryId> = BTreeSet::new();
        self.ids.get(stream).unwrap_or(&NOTHING)
    }

    /// Records what was trimmed before it was delivered, according to `standing`.
    pub(super) fn note_trimmed(&mut self, group: &GroupSpec, standing: &Standing) {
        let found: Vec<EntryId> = standing.trimmed(self.of(&group.stream)).collect();
        let trimmed = self.trimmed.entry(group.name.clone()).or_default();
        trimmed.extend(found);
    }

    /// What was recorded for `group`.
    pub(super) fn trimmed(&self, group: &GroupSpec) -> BTreeSet<EntryId> {
        self.trimmed.get(&group.name).cloned().unwrap_or_default()
    }
}

/// A generated day that is being published, no faster than the groups catch up, so that MAXLEN trims nothing that a
/// group has not processed.
#[derive(Debug)]
pub struct Day {
    events: PlatformDay,
    /// Entries for which there is no room yet.
    waiting: Vec<Generated>,
    /// What was published of it.
    pub published: Published,
}

impl Day {
    /// Creates the groups, and generates a day of `count` entries from `seed`, none of which is published yet.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn start(
        scene: &Scene,
        connection: &Connection,
        seed: u64,
        count: u64,
    ) -> Result<Self> {
        for group in &scene.topology.groups {
            let start = GroupStart::After(EntryId::MIN);
            connection
                .call(create_group(&group.stream, &group.name, start, None))
                .await?;
        }
        Ok(Self {
            events: platform_day(seed, Time::now(), count),
            waiting: Vec::new(),
            published: Published::default(),
        })
    }

    /// Ingests and publishes as many entries as there is room for, with some poison messages among the first. Returns
    /// whether that was the rest of the day.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn publish(&mut self, scene: &mut Scene, connection: &Connection) -> Result<bool> {
        loop {
            if self.waiting.is_empty() {
                self.waiting.extend(self.events.by_ref().take(CHUNK));
            }
            if self.waiting.is_empty() {
                return Ok(true);
            }
            if !self.has_room(scene, connection).await? {
                return Ok(false);
            }
            let chunk = std::mem::take(&mut self.waiting);
            ingest(scene, connection, &chunk, &mut self.published).await?;
            append(connection, typed(scene, &chunk), &mut self.published).await?;
            if self.published.poison == 0 {
                let poison = poison(scene);
                self.published.poison = poison.len() as u64 - 1;
                append(connection, poison, &mut self.published).await?;
            }
        }
    }

    /// Whether every stream can take the entries that wait for it without losing any that its group has not
    /// processed.
    async fn has_room(&mut self, scene: &Scene, connection: &Connection) -> Result<bool> {
        for group in &scene.topology.groups {
            let standing = Standing::look(connection, group).await?;
            self.published.note_trimmed(group, &standing);
            let stream = scene.topology.stream(&group.stream);
            let Some(maxlen) = stream.and_then(|spec| spec.maxlen) else {
                continue;
            };
            let published = self.published.of(&group.stream);
            let coming = self.waiting.iter();
            let coming = coming.filter(|it| scene.named(goes_to(it.stream)) == group.stream);
            let needed = standing.open(published) + (coming.count() + POISON_MAX) as u64;
            if needed > maxlen {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The stream with a group in which a generated entry ends up.
fn goes_to(stream: &'static str) -> &'static str {
    match stream {
        EVENTS_RAW => EVENTS_NORMALIZED,
        other => other,
    }
}

/// Stores raw events unchanged and, in the same script, in normalised form.
async fn ingest(
    scene: &mut Scene,
    connection: &Connection,
    chunk: &[Generated],
    published: &mut Published,
) -> Result<()> {
    let (raw, normalized) = (scene.named(EVENTS_RAW), scene.named(EVENTS_NORMALIZED));
    let mut calls: Vec<ScriptCall<_>> = Vec::new();
    for event in chunk.iter().filter(|it| it.stream == EVENTS_RAW) {
        let normal = normalize_event(&event.fields, None, None)
            .map_err(|invalid| anyhow!("a generated event is not valid: {invalid:?}"))?
            .fields;
        if let Ok(update) = features::FeatureUpdate::of(&normal) {
            let (brand, profile) = update.keys(&normalized);
            std::iter::once(brand)
                .chain(profile)
                .for_each(|key| scene.add_key(key));
        }
        calls.push(add_together(&[
            output(scene, &raw, owned(&event.fields)),
            output(scene, &normalized, normal),
        ]));
    }
    for outcome in connection.call_all(calls).await? {
        let ids = outcome?.map_err(|why| anyhow!("an event was refused: {why}"))?;
        for (stream, id) in [&raw, &normalized].into_iter().zip(ids) {
            published.add(stream, id);
        }
    }
    Ok(())
}

fn owned(fields: &[(&'static str, String)]) -> Fields {
    let owned =
        |(name, value): &(&str, String)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    fields.iter().map(owned).collect()
}

/// Merge and prediction requests.
fn typed(scene: &Scene, chunk: &[Generated]) -> Vec<Output> {
    chunk
        .iter()
        .filter(|it| it.stream != EVENTS_RAW)
        .map(|it| output(scene, &scene.named(it.stream), owned(&it.fields)))
        .collect()
}

async fn append(
    connection: &Connection,
    outputs: Vec<Output>,
    published: &mut Published,
) -> Result<()> {
    let requests: Vec<Request<EntryId>> = outputs
        .iter()
        .map(|output| xadd(&output.stream, output.maxlen, &output.fields))
        .collect();
    for (output, id) in outputs.iter().zip(connection.run_all(requests).await?) {
        published.add(&output.stream, id?);
    }
    Ok(())
}
