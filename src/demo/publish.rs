//! A generated day through the platform's front door, and the odd ones among it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};

use super::Scene;
use crate::model::{EntryId, Fields, Name, Time};
use crate::topology::generate::{Generated, platform_day};
use crate::topology::normalize::normalize_event;
use crate::topology::{
    EVENTS_NORMALIZED, EVENTS_RAW, MERGE_REQUESTS, PREDICTION_REQUESTS, features,
};
use crate::wire::{
    Connection, GroupStart, Output, Request, ScriptCall, add_together, xadd, xgroup_create,
};

/// Entries sent in one write.
const CHUNK: usize = 256;
/// Profiles that the ML service of the demonstration has trouble with; see [`super::MlService`].
pub(super) const CURSED_PROFILE: &str = "00000000-0000-7000-8000-00000000dead";
pub(super) const SHY_PROFILE: &str = "00000000-0000-7000-8000-000000005417";

/// The distinct ids that were published, by stream.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// Ids by stream.
    pub ids: BTreeMap<Name, BTreeSet<EntryId>>,
    /// How many entries were made to fail for good.
    pub poison: u64,
}

impl Published {
    fn add(&mut self, stream: &Name, id: EntryId) {
        self.ids.entry(stream.clone()).or_default().insert(id);
    }
}

/// Creates the groups, ingests and publishes a day of `count` entries made from `seed`, and adds a few poison messages.
///
/// # Errors
/// Whatever the server answers.
pub async fn publish(
    scene: &mut Scene,
    connection: &Connection,
    seed: u64,
    count: u64,
) -> Result<Published> {
    for group in &scene.topology.groups {
        let start = GroupStart::After(EntryId::MIN);
        connection
            .run(xgroup_create(&group.stream, &group.name, start))
            .await?;
    }
    let mut published = Published::default();
    let mut day = platform_day(seed, Time::now(), count);
    loop {
        let chunk: Vec<Generated> = day.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        ingest(scene, connection, &chunk, &mut published).await?;
        append(connection, typed(scene, &chunk), &mut published).await?;
    }
    let poison = poison(scene);
    published.poison = poison.len() as u64 - 1;
    append(connection, poison, &mut published).await?;
    Ok(published)
}

/// Raw events go in as they are and, in the same script, in their normal form.
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
            .map_err(|invalid| anyhow!("a generated event is not valid: {invalid:?}"))?;
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

fn output(scene: &Scene, stream: &Name, fields: Fields) -> Output {
    Output {
        stream: stream.clone(),
        maxlen: scene.topology.stream(stream).and_then(|spec| spec.maxlen),
        fields,
    }
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

/// Messages that no handler can handle, and one that is handled at the second attempt (the last).
fn poison(scene: &Scene) -> Vec<Output> {
    let now = Time::now().to_string();
    let fields = |pairs: &[(&str, &str)]| -> Fields {
        let owned =
            |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        pairs
            .iter()
            .map(owned)
            .chain([(b"timestamp".to_vec(), now.clone().into_bytes())])
            .collect()
    };
    let prediction = |profile, kind| {
        fields(&[
            ("profile_id", profile),
            ("brand_id", "aurora-coffee"),
            ("request_type", kind),
        ])
    };
    let (normalized, merges, predictions) = (
        scene.named(EVENTS_NORMALIZED),
        scene.named(MERGE_REQUESTS),
        scene.named(PREDICTION_REQUESTS),
    );
    vec![
        // An event without a brand, a merge request that nobody decided, a request the service does not know.
        output(
            scene,
            &normalized,
            fields(&[("event_type", "purchase"), ("normalized_payload", "{}")]),
        ),
        output(
            scene,
            &merges,
            fields(&[
                ("brand_id", "aurora-coffee"),
                ("requires_manual_review", "perhaps"),
            ]),
        ),
        output(
            scene,
            &predictions,
            prediction("00000000-0000-7000-8000-000000000001", "fortune"),
        ),
        // The service fails on this profile every time.
        output(scene, &predictions, prediction(CURSED_PROFILE, "churn")),
        // And on this one once.
        output(scene, &predictions, prediction(SHY_PROFILE, "ltv")),
    ]
}

/// Reads one entry of the group and acknowledges it without handling it: what the proof must notice.
///
/// # Errors
/// Whatever the server answers.
pub async fn drop_one(
    scene: &Scene,
    dialer: &crate::wire::Dialer,
    connection: &Connection,
) -> Result<EntryId> {
    let group = scene.group_on(EVENTS_NORMALIZED)?;
    let consumer = Name::from("demo-thief");
    let mut lane = dialer.lane().await?;
    let read = crate::wire::GroupRead {
        stream: &group.stream,
        group: &group.name,
        consumer: &consumer,
        count_max: 1,
        block: None,
    };
    let reply = lane.read_group(read, &[]).await?;
    anyhow::ensure!(!reply.batch.is_empty(), "there is no entry to drop");
    let id = reply.batch.id(0);
    connection
        .run(crate::wire::xack(&group.stream, &group.name, &[id]))
        .await?;
    Ok(id)
}
