//! The Kafka client's own loop, beside which `benches/history.py` measures the bridge.
//!
//! ```text
//! produce BROKERS TOPIC create PARTITIONS
//! produce BROKERS TOPIC COUNT
//! ```

#![allow(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::time::Duration;

use krafka::admin::{CreateTopicsOptions, NewTopic};
use krafka::producer::{Acks, DeliveryHandle};
use krafka::{Compression, Kafka, Record};

/// Records that are on their way at a time.
const UNDER_WAY: usize = 10_000;
const BATCH: usize = 1_000_000;
const BRANDS: [&str; 5] = ["aurora", "boreas", "cirrus", "dorado", "electra"];

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [brokers, topic, rest @ ..] = &words[..] else {
        panic!("produce BROKERS TOPIC create PARTITIONS | produce BROKERS TOPIC COUNT");
    };
    let kafka = Kafka::builder(*brokers).connect().await.unwrap();
    match rest {
        ["create", partitions] => {
            let new = NewTopic::new(*topic, partitions.parse().unwrap(), 1).unwrap();
            let options = CreateTopicsOptions::default();
            let made = kafka.admin().create_topics([new], options).await.unwrap();
            for one in made.into_values() {
                one.unwrap();
            }
        }
        [count] => produce(&kafka, topic, count.parse().unwrap()).await,
        _ => panic!("create PARTITIONS, or COUNT"),
    }
}

async fn produce(kafka: &Kafka, topic: &str, count: u64) {
    let producer = kafka
        .producer()
        .acks(Acks::All)
        .idempotent(true)
        .compression(Compression::Lz4)
        .batch_size(BATCH)
        .linger(Duration::from_millis(5))
        .build()
        .await
        .unwrap();
    let mut under_way = std::collections::VecDeque::new();
    for number in 0..count {
        let brand = BRANDS[usize::try_from(number).unwrap() % BRANDS.len()];
        let value = format!(
            "{{\"brand_id\":\"{brand}\",\"event_type\":\"purchase\",\"normalized_payload\":\
             \"{{\\\"total\\\":\\\"{number}\\\",\\\"currency\\\":\\\"EUR\\\"}}\"}}"
        );
        let record = Record::new(topic, value)
            .key(brand)
            .header("redis-id", format!("{number}-1").into_bytes())
            .header("redis-stream", b"events.normalized".to_vec());
        under_way.push_back(producer.enqueue(record).await.unwrap());
        if under_way.len() == UNDER_WAY {
            confirmed(under_way.pop_front().unwrap()).await;
        }
    }
    producer.flush().await.unwrap();
    for handle in under_way {
        confirmed(handle).await;
    }
    producer.close().await.unwrap();
}

async fn confirmed(handle: DeliveryHandle) {
    assert!(handle.await.unwrap().is_success());
}
