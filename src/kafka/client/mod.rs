//! The client, on `krafka`: its types end here.

mod producer;
mod reader;
mod security;

use std::time::Duration;

use krafka::admin::{
    AdminClient, DescribeTopicsOptions, ListOffsetsOptions, OffsetSpec, TopicPartition,
};
use krafka::{Kafka, KrafkaError};
use tokio::time::timeout;

use super::meaning::{error_of, no_topic};
use super::{Bounds, Cluster, Error};
use crate::model::Kind;
use security::security;

pub use producer::Producer;
pub use reader::Reader;

/// How long a request waits for its answer before it is sent again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to learn something of a topic.
const ASK_TIMEOUT: Duration = Duration::from_secs(30);

/// A client of a cluster; clones share its connections.
#[derive(Clone)]
pub struct Client {
    kafka: Kafka,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to the first broker that answers within `wait`.
    ///
    /// # Errors
    /// Unavailable when no broker answers, denied for TLS and credentials, usage for settings that make no sense.
    pub async fn connect(cluster: &Cluster, wait: Duration) -> Result<Self, Error> {
        let builder = Kafka::builder(cluster.brokers.as_str())
            .client_id("ucp-streams-bridge")
            .request_timeout(REQUEST_TIMEOUT)
            .connect_timeout(wait.min(REQUEST_TIMEOUT))
            .security(security(cluster));
        let connecting = timeout(wait, builder.connect()).await;
        let kafka = connecting.map_err(|_| unanswered(cluster, wait))?;
        Ok(Self {
            kafka: kafka.map_err(|error| error_of(&error))?,
        })
    }

    /// How many partitions the topic has.
    ///
    /// # Errors
    /// Not found when there is no such topic; errors of the client.
    pub async fn partitions(&self, topic: &str) -> Result<u32, Error> {
        let options = DescribeTopicsOptions::default().timeout(ASK_TIMEOUT);
        let asked = self.admin().describe_topics([topic], options).await;
        let mut topics = asked.map_err(|error| error_of(&error))?;
        let described = topics
            .remove(topic)
            .unwrap_or_else(|| Err(KrafkaError::unknown_topic(topic)));
        let described = described.map_err(|error| match error_of(&error) {
            error if error.kind == Kind::NotFound => no_topic(topic),
            error => error,
        })?;
        Ok(u32::try_from(described.partitions.len()).unwrap_or(u32::MAX))
    }

    /// Where each partition of the topic begins and ends, in their order. What an open transaction wrote is not counted.
    ///
    /// # Errors
    /// As [`Self::partitions`].
    pub async fn bounds(&self, topic: &str) -> Result<Vec<Bounds>, Error> {
        let partitions = self.partitions(topic).await?;
        let begins = self
            .offsets(topic, partitions, OffsetSpec::Earliest)
            .await?;
        let ends = self.offsets(topic, partitions, OffsetSpec::Latest).await?;
        let bounds = begins.into_iter().zip(ends);
        let bounds = (0..).zip(bounds).map(|(partition, (begin, end))| Bounds {
            partition,
            begin,
            end,
        });
        Ok(bounds.collect())
    }

    fn admin(&self) -> AdminClient {
        self.kafka.admin().default_api_timeout(ASK_TIMEOUT)
    }

    async fn offsets(
        &self,
        topic: &str,
        partitions: u32,
        spec: OffsetSpec,
    ) -> Result<Vec<i64>, Error> {
        let wanted = (0..partitions).map(|it| (TopicPartition::new(topic, signed(it)), spec));
        let options = ListOffsetsOptions::default()
            .timeout(ASK_TIMEOUT)
            .read_committed(true);
        let asked = self.admin().list_offsets(wanted, options).await;
        let mut found = asked.map_err(|error| error_of(&error))?;
        let offsets = (0..partitions).map(|partition| {
            match found.remove(&TopicPartition::new(topic, signed(partition))) {
                Some(Ok(listed)) => Ok(listed.offset),
                Some(Err(error)) => Err(error_of(&error)),
                None => Err(unlisted(partition)),
            }
        });
        offsets.collect()
    }
}

fn signed(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn unlisted(partition: u32) -> Error {
    let text = format!("no broker said which records partition {partition} has");
    Error::new(Kind::Unavailable, true, text)
}

fn unanswered(cluster: &Cluster, wait: Duration) -> Error {
    let text = format!(
        "no Kafka broker of {} answered within {wait:?}",
        cluster.brokers
    );
    Error::new(Kind::Unavailable, true, text)
}
