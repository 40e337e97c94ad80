//! What a bridge from Kafka takes and where to: the topic, the stream, the lease, and how far each partition was taken.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::time::timeout;

use crate::kafka::{Client, Error};
use crate::model::{Name, Problem, report};
use crate::streams::names::not_a_stream;
use crate::topology::{bridge_from_key, bridge_from_lease};
use crate::wire::{Connection, Fence, LeaseHolder, drop_lease, hgetall, key_type, take_lease};

/// How long letting go of the lease may take.
const WAIT: Duration = Duration::from_millis(500);

/// A topic and the stream that it is taken into.
#[derive(Clone, Debug)]
pub struct Receiving {
    /// The topic.
    pub topic: String,
    /// The stream.
    pub stream: Name,
    /// The lease of the bridge that is at work.
    pub(super) fence: Fence,
    /// How long the lease lasts when it is not renewed.
    pub(super) time_to_live: Duration,
}

report! {
    /// What a bridge from Kafka has taken since it began.
    #[derive(Clone, Debug)]
    pub struct Received {
        /// The topic.
        pub topic: String => text("TOPIC"),
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// Records that became entries.
        pub records: u64 => number("RECORDS"),
        /// Entries that have the id that they had when a bridge sent them to Kafka.
        pub own_ids: u64 => number("OWN IDS"),
        /// Records that no bridge wrote.
        pub foreign: u64 => number("FOREIGN"),
        /// Records without a value.
        pub tombstones: u64 => number("TOMBSTONES"),
        /// Records, at most, that were removed from the topic before they could be taken.
        pub lost: u64 => number("LOST"),
    }
}

impl Receiving {
    /// A bridge of `topic` to `stream`, whose worker has this name.
    pub fn new(topic: String, stream: Name, consumer: &Name, time_to_live: Duration) -> Self {
        let consumer = String::from_utf8_lossy(consumer.as_bytes());
        Self {
            fence: Fence {
                key: bridge_from_lease(&stream, &topic),
                token: format!("{consumer} {}", uuid::Uuid::new_v4().simple()),
            },
            topic,
            stream,
            time_to_live,
        }
    }

    /// Nothing was taken so far.
    pub fn nothing(&self) -> Received {
        Received {
            topic: self.topic.clone(),
            stream: self.stream.clone(),
            records: 0,
            own_ids: 0,
            foreign: 0,
            tombstones: 0,
            lost: 0,
        }
    }

    /// Where each partition ends for a bridge that takes records up to this time: at the first one that is later.
    ///
    /// # Errors
    /// Not found when there is no such topic; errors of the client.
    pub async fn ends_at(&self, client: &Client, time_ms: u64) -> Result<Vec<i64>, Error> {
        let bounds = client.bounds(&self.topic).await?;
        let later = client.since(&self.topic, time_ms.saturating_add(1)).await?;
        let ends = bounds.iter().zip(later);
        Ok(ends.map(|(it, later)| later.unwrap_or(it.end)).collect())
    }

    /// Makes sure that the stream can get entries: it is there, or nothing is.
    ///
    /// # Errors
    /// Not found when the key holds something else; errors of the server.
    pub async fn require_target(&self, connection: &Connection) -> Result<()> {
        let kind = connection.run(key_type(&self.stream)).await?;
        match kind.as_slice() {
            b"stream" | b"none" => Ok(()),
            other => Err(not_a_stream(&self.stream, other).into()),
        }
    }

    /// Takes the lease, or renews it; the name of the bridge that has it, if another one does.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn hold(&self, connection: &Connection) -> Result<Option<String>> {
        let call = take_lease(&self.fence, self.time_to_live);
        let LeaseHolder::Other { token, .. } = connection.call(call).await? else {
            return Ok(None);
        };
        let name = token.rsplit_once(' ').map_or(&*token, |(name, _)| name);
        Ok(Some(name.to_owned()))
    }

    /// Lets another bridge begin at once. Without it the lease expires.
    pub async fn release(&self, connection: &Connection) {
        let _ = timeout(WAIT, connection.call(drop_lease(&self.fence))).await;
    }

    pub(super) fn offsets(&self) -> Name {
        bridge_from_key(&self.stream, &self.topic)
    }

    /// How far each partition was taken.
    pub(super) async fn kept(&self, connection: &Connection) -> Result<BTreeMap<u32, i64>> {
        let key = self.offsets();
        let kept = connection.run(hgetall(&key)).await?;
        let mut offsets = BTreeMap::new();
        for (partition, offset) in kept {
            let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse().ok();
            let place = number(partition.as_bytes()).zip(number(&offset));
            let Some((partition, offset)) = place else {
                let text = format!(
                    "key `{key}` does not say how far topic `{}` was taken",
                    self.topic
                );
                let hint = format!(
                    "look at it, and delete it if it is of nobody: redis-cli HGETALL {key}"
                );
                return Err(Problem::refused(text).hint(hint).into());
            };
            let partition = u32::try_from(partition).unwrap_or(u32::MAX);
            offsets.insert(partition, offset);
        }
        Ok(offsets)
    }

    pub(super) fn made_again(&self, place: &str) -> anyhow::Error {
        let Self { topic, stream, .. } = self;
        let text = format!(
            "topic `{topic}` is not the one that stream `{stream}` was taken from: {place}"
        );
        let hint = format!(
            "take it into another stream, or, to take all of it into this one, delete the key that says how far it was taken: redis-cli DEL {}",
            self.offsets()
        );
        Problem::refused(text).hint(hint).into()
    }
}
