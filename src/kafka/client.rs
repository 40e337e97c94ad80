//! The client, on `krafka`: its types end here.

use std::path::Path;
use std::time::Duration;

use krafka::admin::{
    AdminClient, ConfigResource, DescribeConfigsOptions, DescribeTopicsOptions, ListOffsetsOptions,
    OffsetSpec, TopicPartition,
};
use krafka::auth::{AuthConfig, TlsConfig};
use krafka::consumer::{AutoOffsetReset, Consumer, IsolationLevel};
use krafka::producer::{Acks, RecordMetadata};
use krafka::{Kafka, KrafkaError};
use tokio::time::{sleep, timeout};

use super::meaning::{error_of, no_topic};
use super::{
    Bounds, Cluster, Compression, Error, Headers, Mechanism, Place, Record, Sasl, Stored, Tls,
};
use crate::model::Kind;

/// The bytes that one request may have; Kafka's own default is a hundredth of it.
const REQUEST_MAX: usize = 100 * 1024 * 1024;
/// What the producer holds at most. The caller keeps to less.
const BUFFER: usize = 128 * 1024 * 1024;
/// The bytes of records that make one batch. Brokers take a mebibyte, unless they are told otherwise.
const BATCH: usize = 1_000_000;
/// The setting of a topic that says how large a batch may be.
const LARGEST_BATCH: &str = "max.message.bytes";
/// How long a batch waits for more records when nobody asks for it to be sent: [`Producer::send`] does.
const LINGER: Duration = Duration::from_millis(500);
/// How long a record is tried. Retries within one producer are recognised by the broker, and those of another one are not,
/// so it is tried until the caller gives up.
const TRIED_FOR: Duration = Duration::from_hours(24 * 30);
/// How long a request waits for its answer before it is sent again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to learn something of a topic.
const ASK_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause before a record is handed over again, when the topic's leaders are not known at the moment.
const PAUSE: Duration = Duration::from_millis(500);
/// How many records one poll returns at most.
const POLLED_MAX: i32 = 5000;

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

    /// Reads the topic's partitions, each from its offset. What an open or aborted transaction wrote is not read.
    ///
    /// # Errors
    /// As [`Self::partitions`].
    pub async fn reader(&self, topic: &str, from: &[(u32, i64)]) -> Result<Reader, Error> {
        let builder = self.kafka.consumer_without_group();
        let consumer = builder
            .auto_offset_reset(AutoOffsetReset::None)
            .enable_auto_commit(false)
            .isolation_level(IsolationLevel::ReadCommitted)
            .max_poll_records(POLLED_MAX)
            .max_buffered_records(POLLED_MAX)
            .build()
            .await
            .map_err(|error| error_of(&error))?;
        let partitions = from.iter().map(|(partition, _)| signed(*partition));
        let assigned = consumer.assign(topic, partitions.collect()).await;
        assigned.map_err(|error| error_of(&error))?;
        for (partition, offset) in from {
            let sought = consumer.seek(topic, signed(*partition), *offset).await;
            sought.map_err(|error| error_of(&error))?;
        }
        Ok(Reader {
            consumer,
            topic: topic.to_owned(),
        })
    }

    /// A producer of records of this topic. Every copy of a record must be confirmed by all replicas in sync, and what it
    /// sends again is recognised by the broker.
    ///
    /// # Errors
    /// Errors of the client; denied when the user may not write idempotently.
    pub async fn producer(&self, topic: &str, compression: Compression) -> Result<Producer, Error> {
        let building = self
            .kafka
            .producer()
            .acks(Acks::All)
            .idempotent(true)
            .compression(codec(compression))
            .batch_size(BATCH)
            .linger(LINGER)
            .delivery_timeout(TRIED_FOR)
            .max_request_size(REQUEST_MAX)
            .buffer_memory(BUFFER)
            .build();
        let built = timeout(ASK_TIMEOUT, building).await;
        let producer = built.map_err(|_| {
            let text = "no broker gave the producer an id in time";
            Error::new(Kind::Unavailable, true, text)
        })?;
        let producer = producer.map_err(|error| error_of(&error))?;
        let largest = self.largest_batch(topic).await;
        Ok(Producer {
            client: producer,
            topic: topic.to_owned(),
            batch_bytes: largest.map_or(BATCH, |it| it.min(BATCH)) * 9 / 10,
        })
    }

    /// The size of the largest batch that the topic takes; `None` when the brokers do not say, as to who may not ask.
    async fn largest_batch(&self, topic: &str) -> Option<usize> {
        let resource = ConfigResource::topic(topic);
        let options = DescribeConfigsOptions::default()
            .timeout(ASK_TIMEOUT)
            .config_names(vec![LARGEST_BATCH.to_owned()]);
        let admin = self.admin();
        let asked = admin.describe_configs([resource.clone()], options);
        let entries = asked.await.ok()?.remove(&resource)?.ok()?;
        let found = entries.into_iter().find(|it| it.name == LARGEST_BATCH)?;
        found.value?.parse().ok()
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
                None => {
                    let text = format!("no broker said where partition {partition} ends");
                    Err(Error::new(Kind::Unavailable, true, text))
                }
            }
        });
        offsets.collect()
    }
}

/// Reads records of a topic in the order of each partition.
pub struct Reader {
    consumer: Consumer,
    topic: String,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// The next records, at most 5,000 of them; none when there are none within `wait`. Dropping it loses none.
    ///
    /// # Errors
    /// Errors of the client; not found when the offset is not there any more.
    pub async fn poll(&mut self, wait: Duration) -> Result<Vec<Stored>, Error> {
        let records = self.consumer.poll(wait).await;
        let records = records.map_err(|error| error_of(&error))?;
        let stored = records.into_iter().map(|record| Stored {
            partition: record.partition.try_into().unwrap_or_default(),
            offset: record.offset,
            timestamp_ms: record.timestamp,
            key: record.key.map(|it| it.to_vec()),
            value: record.value.map(|it| it.to_vec()),
            headers: own(record.headers),
        });
        Ok(stored.collect())
    }

    /// The offset that is read next in this partition: beyond markers of transactions, which are no records.
    pub async fn position(&self, partition: u32) -> Option<i64> {
        self.consumer.position(&self.topic, signed(partition)).await
    }

    /// Closes it.
    pub async fn close(self) {
        // Nothing is committed, so nothing can be lost.
        let _ = self.consumer.close().await;
    }
}

/// Writes records to a topic.
pub struct Producer {
    client: krafka::producer::Producer,
    topic: String,
    batch_bytes: usize,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl Producer {
    /// The bytes of records (see [`Record::bytes`]) of one partition that go in one batch, which is written as a whole or
    /// not at all. A larger record goes alone.
    pub fn batch_bytes(&self) -> usize {
        self.batch_bytes
    }

    /// Sends records and waits until the broker has confirmed or refused each; the answers are in their order. What a lost
    /// connection or a broker that is away makes fail is tried again for as long as this is waited for.
    pub async fn send(&self, records: Vec<Record>) -> Vec<Result<Place, Error>> {
        let count = records.len();
        let mut handles = Vec::with_capacity(count);
        let mut failure = None;
        for record in records {
            match self.enqueue(record).await {
                Ok(handle) => handles.push(handle),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        // It would wait for more records otherwise.
        let _ = self.client.flush().await;
        let mut answers = Vec::with_capacity(count);
        for handle in handles {
            answers.push(match handle.await {
                Ok(written) => Ok(place(&written)),
                Err(error) => Err(error_of(&error)),
            });
        }
        if let Some(error) = failure {
            answers.resize(count, Err(error));
        }
        answers
    }

    async fn enqueue(&self, record: Record) -> Result<krafka::producer::DeliveryHandle, Error> {
        if record.bytes() > REQUEST_MAX {
            let text = format!(
                "the record has {} bytes, and {REQUEST_MAX} can be sent",
                record.bytes()
            );
            return Err(Error::too_big(text));
        }
        let sent = krafka_record(&self.topic, record);
        loop {
            match self.client.enqueue(sent.clone()).await {
                Ok(handle) => return Ok(handle),
                Err(error) if error.is_retriable() => {
                    tracing::warn!(topic = %self.topic, "cannot hand a record over: {error}; trying again");
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error_of(&error)),
            }
        }
    }
}

fn krafka_record(topic: &str, record: Record) -> krafka::Record {
    let mut sent = krafka::Record::new(topic, Vec::new())
        .partition(signed(record.partition))
        .timestamp(record.timestamp_ms);
    sent = match record.value {
        Some(value) => sent.value(value),
        None => sent.without_value(),
    };
    if let Some(key) = record.key {
        sent = sent.key(key);
    }
    for (name, value) in record.headers {
        sent = match value {
            Some(value) => sent.header(name, value),
            None => sent.null_header(name),
        };
    }
    sent
}

fn place(written: &RecordMetadata) -> Place {
    Place {
        partition: written.partition.try_into().unwrap_or_default(),
        offset: written.is_success().then_some(written.offset),
    }
}

fn own(headers: krafka::Headers) -> Headers {
    let headers = headers.into_iter();
    headers
        .map(|(name, value)| (name, value.map(|it| it.to_vec())))
        .collect()
}

fn signed(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

const fn codec(compression: Compression) -> krafka::Compression {
    match compression {
        Compression::None => krafka::Compression::None,
        Compression::Gzip => krafka::Compression::Gzip,
        Compression::Snappy => krafka::Compression::Snappy,
        Compression::Lz4 => krafka::Compression::Lz4,
    }
}

fn security(cluster: &Cluster) -> AuthConfig {
    let secured = match &cluster.sasl {
        None => AuthConfig::plaintext(),
        Some(Sasl {
            mechanism,
            user,
            password,
        }) => match mechanism {
            Mechanism::Plain => AuthConfig::sasl_plain(user, password),
            Mechanism::ScramSha256 => AuthConfig::sasl_scram_sha256(user, password),
            Mechanism::ScramSha512 => AuthConfig::sasl_scram_sha512(user, password),
        },
    };
    match &cluster.tls {
        None => secured,
        Some(tls) => secured.with_tls(tls_config(tls)),
    }
}

fn tls_config(tls: &Tls) -> TlsConfig {
    let path = |file: &Path| file.to_string_lossy().into_owned();
    let mut config = match &tls.ca {
        Some(ca) => TlsConfig::new().with_ca_cert(path(ca)),
        None => TlsConfig::new().with_native_roots(),
    };
    if let Some((cert, key)) = &tls.identity {
        config = config.with_client_cert(path(cert), path(key));
    }
    config
}

fn unanswered(cluster: &Cluster, wait: Duration) -> Error {
    let text = format!(
        "no Kafka broker of {} answered within {wait:?}",
        cluster.brokers
    );
    Error::new(Kind::Unavailable, true, text)
}
