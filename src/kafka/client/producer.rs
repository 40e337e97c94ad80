//! Writing.

use std::time::Duration;

use krafka::admin::{ConfigResource, DescribeConfigsOptions};
use krafka::producer::{Acks, RecordMetadata};
use tokio::time::{sleep, timeout};

use super::{ASK_TIMEOUT, Client, signed};
use crate::kafka::meaning::error_of;
use crate::kafka::{Compression, Error, Place, Record};
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
/// The pause before a record is handed over again, when the topic's leaders are not known at the moment.
const PAUSE: Duration = Duration::from_millis(500);
impl Client {
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

const fn codec(compression: Compression) -> krafka::Compression {
    match compression {
        Compression::None => krafka::Compression::None,
        Compression::Gzip => krafka::Compression::Gzip,
        Compression::Snappy => krafka::Compression::Snappy,
        Compression::Lz4 => krafka::Compression::Lz4,
    }
}
