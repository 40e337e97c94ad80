//! Reading.

use std::time::Duration;

use krafka::consumer::{AutoOffsetReset, Consumer, IsolationLevel};

use super::{Client, signed, unlisted};
use crate::kafka::meaning::error_of;
use crate::kafka::{Error, Headers, Stored};

/// How many records one poll returns at most.
const POLLED_MAX: i32 = 5000;

impl Client {
    /// Reads the topic's partitions, each from its offset. What an open or aborted transaction wrote is not read.
    ///
    /// # Errors
    /// As [`Self::partitions`].
    pub async fn reader(&self, topic: &str, from: &[(u32, i64)]) -> Result<Reader, Error> {
        let consumer = self.consumer().await?;
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

    /// The first offset of each partition whose record is not earlier than `ms` milliseconds after 1970, in their order;
    /// `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::partitions`].
    pub async fn since(&self, topic: &str, ms: u64) -> Result<Vec<Option<i64>>, Error> {
        let partitions = self.partitions(topic).await?;
        let wanted = (0..partitions).map(|it| (topic, signed(it)));
        let wanted: Vec<_> = wanted.collect();
        let consumer = self.consumer().await?;
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        let mut found = consumer.offsets_for_times(&wanted, ms).await;
        let _ = consumer.close().await;
        let offsets = (0..partitions).map(|partition| {
            match found.remove(&(topic.to_owned(), signed(partition))) {
                Some(Ok(offset)) => Ok(Some(offset).filter(|it| *it >= 0)),
                Some(Err(error)) => Err(error_of(&error)),
                None => Err(unlisted(partition)),
            }
        });
        offsets.collect()
    }

    async fn consumer(&self) -> Result<Consumer, Error> {
        let builder = self.kafka.consumer_without_group();
        let building = builder
            .auto_offset_reset(AutoOffsetReset::None)
            .enable_auto_commit(false)
            .isolation_level(IsolationLevel::ReadCommitted)
            .max_poll_records(POLLED_MAX)
            .max_buffered_records(POLLED_MAX)
            .build();
        building.await.map_err(|error| error_of(&error))
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

fn own(headers: krafka::Headers) -> Headers {
    let headers = headers.into_iter();
    headers
        .map(|(name, value)| (name, value.map(|it| it.to_vec())))
        .collect()
}
