//! Deliberate faults: messages that no handler can handle, and one that is acknowledged without being handled.

use anyhow::Result;

use super::Scene;
use super::scene::output;
use crate::model::{EntryId, Fields, Name, Time};
use crate::platform::{EVENTS_NORMALIZED, MERGE_REQUESTS, PREDICTION_REQUESTS};
use crate::wire::{Connection, Output};

/// The greatest number of deliberately faulty messages.
pub(super) const POISON_MAX: usize = 8;
/// Profiles for which the mock ML service fails; see [`super::MlService`].
pub(super) const CURSED_PROFILE: &str = "00000000-0000-7000-8000-00000000dead";
pub(super) const SHY_PROFILE: &str = "00000000-0000-7000-8000-000000005417";

/// Messages that no handler can handle, and one (the last) that is handled at the second attempt.
pub(super) fn poison(scene: &Scene) -> Vec<Output> {
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

/// Reads one entry of the group and acknowledges it without handling it, which the accounting must detect.
///
/// # Errors
/// Errors of the server.
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
        deleted: None,
    };
    let reply = lane.read_group(read, &[]).await?;
    anyhow::ensure!(!reply.batch.is_empty(), "there is no entry to drop");
    let id = reply.batch.id(0);
    connection
        .run(crate::wire::xack(&group.stream, &group.name, &[id]))
        .await?;
    Ok(id)
}
