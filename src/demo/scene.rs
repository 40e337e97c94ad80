//! The demonstration's own streams, groups and keys, with a prefix of their own on a server that it did not start.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::model::{Fields, Name, Problem};
use crate::platform::{
    EVENTS_NORMALIZED, EVENTS_RAW, MERGE_REQUESTS, MERGES, PREDICTION_REQUESTS, PREDICTION_RESULTS,
    REVIEW_QUEUE,
};
use crate::topology::{GroupSpec, Topology, inflight_key, losses_key, policy_key};
use crate::wire::{Connection, Output, del, key_type};

/// The streams that are published to, and those that handlers write.
const STREAMS: [&str; 7] = [
    EVENTS_RAW,
    EVENTS_NORMALIZED,
    MERGE_REQUESTS,
    PREDICTION_REQUESTS,
    REVIEW_QUEUE,
    MERGES,
    PREDICTION_RESULTS,
];

/// The built-in topology with a prefix, and every key that the demonstration creates.
#[derive(Clone, Debug)]
pub struct Scene {
    prefix: String,
    /// The streams and groups, prefixed.
    pub topology: Topology,
    keys: BTreeSet<Name>,
}

impl Scene {
    /// The platform's names after `prefix`, which may be empty. A prefix that is a hash tag (`{demo-1}:`) keeps all
    /// keys in one slot.
    pub fn new(prefix: &str) -> Self {
        let mut topology = Topology::default();
        let named = |name: &Name| Name::new([prefix.as_bytes(), name.as_bytes()].concat());
        for stream in &mut topology.streams {
            stream.name = named(&stream.name);
            stream.dead_letter = stream.name.derived(":dlq");
        }
        for group in &mut topology.groups {
            group.stream = named(&group.stream);
        }
        let mut keys: BTreeSet<Name> = STREAMS
            .iter()
            .map(|name| named(&Name::from(*name)))
            .collect();
        keys.extend(
            topology
                .streams
                .iter()
                .map(|stream| stream.dead_letter.clone()),
        );
        keys.extend(topology.groups.iter().map(GroupSpec::lease_key));
        for GroupSpec { stream, name, .. } in &topology.groups {
            keys.extend([policy_key, inflight_key, losses_key].map(|key| key(stream, name)));
        }
        Self {
            prefix: prefix.to_owned(),
            topology,
            keys,
        }
    }

    /// One of the platform's names with the prefix.
    pub fn named(&self, name: &str) -> Name {
        Name::from(format!("{}{name}", self.prefix))
    }

    /// The group of one of the platform's streams.
    ///
    /// # Errors
    /// A bug when there is none.
    pub fn group_on(&self, stream: &str) -> Result<GroupSpec> {
        let stream = self.named(stream);
        let group = self.topology.groups_of(&stream).next().cloned();
        group.ok_or_else(|| anyhow::anyhow!("the built-in topology has no group on {stream}"))
    }

    /// Records a key that a handler creates, so that it is removed at the end.
    pub fn add_key(&mut self, key: Name) {
        self.keys.insert(key);
    }

    /// Refuses a server that already has one of the keys, because that key belongs to somebody else.
    ///
    /// # Errors
    /// [`Problem`] of kind `Refused` that names the key; errors of the server.
    pub async fn refuse_existing(&self, connection: &Connection) -> Result<()> {
        let requests = self.keys.iter().map(key_type).collect();
        for (key, kind) in self.keys.iter().zip(connection.run_all(requests).await?) {
            if kind? != b"none" {
                return Err(Problem::refused(format!(
                    "the key `{key}` exists already and is not the demonstration's"
                ))
                .hint("run the demonstration without -u, on a private server of its own")
                .into());
            }
        }
        Ok(())
    }

    /// Refuses a server on which nothing could be removed afterwards. It finds out by removing a key that is never
    /// created.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn require_removal(&self, connection: &Connection) -> Result<()> {
        connection.run(del(&[self.named("none")])).await?;
        Ok(())
    }

    /// Removes every key that the demonstration created, and no other. Returns how many there were.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn remove(&self, connection: &Connection) -> Result<u64> {
        let requests = self
            .keys
            .iter()
            .map(|key| del(std::slice::from_ref(key)))
            .collect();
        let mut removed = 0;
        for outcome in connection.run_all(requests).await? {
            removed += outcome?;
        }
        Ok(removed)
    }
}

/// An entry for one of its streams, with the stream's limit.
pub(super) fn output(scene: &Scene, stream: &Name, fields: Fields) -> Output {
    Output {
        stream: stream.clone(),
        maxlen: scene.topology.stream(stream).and_then(|spec| spec.maxlen),
        fields,
    }
}
