//! A private Kafka broker for one test.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use krafka::admin::{
    AdminClient, CreatePartitionsOptions, CreateTopicsOptions, DeleteRecordsOptions, NewTopic,
    TopicPartition,
};
use krafka::error::ErrorCode;
use krafka::producer::Acks;
use krafka::{Kafka, KrafkaError};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use ucp_streams::kafka::{Client, Cluster, Stored};

use super::{PATIENCE, Proxy, directory, free_port, installed, until};

/// Not the address of [`Proxy`]s, which stand before it on the same port.
const HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// It confirms records before it has saved them.
const SAVED_AFTER: Duration = Duration::from_secs(2);

/// A broker with a directory of its own; both are gone when the value is.
#[derive(Debug)]
pub struct Broker {
    process: Child,
    /// Ends it when nobody else does.
    watch: Child,
    port: u16,
    data: TempDir,
    runtime: Runtime,
}

/// What a record is made of; the rest is chosen.
#[derive(Clone, Debug, Default)]
pub struct Planted<'r> {
    /// The partition.
    pub partition: u32,
    /// The key.
    pub key: Option<&'r [u8]>,
    /// The value; `None` for a tombstone.
    pub value: Option<&'r [u8]>,
    /// The headers, in their order.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The time, in milliseconds since 1970.
    pub timestamp_ms: i64,
}

impl Broker {
    /// Without topics.
    #[track_caller]
    pub fn start() -> Self {
        let (port, data) = (free_port(), directory());
        let process = run(port, &data);
        let watch = watch(&process);
        let runtime = Runtime::new().expect("a runtime");
        let broker = Self {
            process,
            watch,
            port,
            data,
            runtime,
        };
        broker.await_ready();
        broker
    }

    /// The value of `--brokers`.
    pub fn brokers(&self) -> String {
        self.address().to_string()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A proxy before it; its address is the value of `--brokers` for what is to go through it.
    pub fn proxy(&self) -> Proxy {
        Proxy::before_broker(self.address())
    }

    /// Makes a topic.
    #[track_caller]
    pub fn topic(&self, name: &str, partitions: i32) {
        self.topic_with(name, partitions, &[]);
    }

    /// Makes a topic with these settings.
    #[track_caller]
    pub fn topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, 1).expect("a topic");
        // Entries of tests are of 1970.
        topic.configs.insert("retention.ms".into(), "-1".into());
        for (name, value) in settings {
            topic.configs.insert((*name).into(), (*value).into());
        }
        self.runtime.block_on(async {
            let options = CreateTopicsOptions::default();
            let made = self.admin().await.create_topics([topic], options).await;
            let made = made.expect("the broker answers").remove(name);
            match made.expect("an answer for it") {
                // Asked twice, on a machine that has much else to do.
                Ok(())
                | Err(KrafkaError::Broker {
                    code: ErrorCode::TopicAlreadyExists,
                    ..
                }) => {}
                Err(error) => panic!("topic {name}: {error}"),
            }
        });
    }

    /// Gives a topic more partitions.
    #[track_caller]
    pub fn grow(&self, name: &str, partitions: i32) {
        self.runtime.block_on(async {
            let options = CreatePartitionsOptions::default();
            let admin = self.admin().await;
            let made = admin.create_partitions([(name, partitions)], options);
            let made = made.await.expect("the broker answers").remove(name);
            made.expect("an answer for it").expect("grows it");
        });
    }

    /// Removes the records of a partition before an offset, as retention does.
    #[track_caller]
    pub fn forget(&self, topic: &str, partition: i32, before: i64) {
        self.runtime.block_on(async {
            let place = TopicPartition::new(topic, partition);
            let options = DeleteRecordsOptions::default();
            let admin = self.admin().await;
            let removed = admin.delete_records([(place.clone(), before)], options);
            let removed = removed.await.expect("the broker answers").remove(&place);
            removed.expect("an answer for it").expect("removes them");
        });
    }

    /// Writes records, one after the other.
    #[track_caller]
    pub fn write(&self, topic: &str, records: &[Planted<'_>]) {
        self.runtime.block_on(async {
            let kafka = self.kafka().await;
            let producer = kafka.producer().acks(Acks::All).idempotent(true);
            let producer = producer.linger(Duration::from_millis(1)).build().await;
            let producer = producer.expect("a producer");
            let mut handles = Vec::new();
            for record in records {
                handles.push(
                    producer
                        .enqueue(record.made(topic))
                        .await
                        .expect("takes it"),
                );
            }
            producer.flush().await.expect("sends them");
            for handle in handles {
                assert!(handle.await.expect("confirms it").is_persisted());
            }
        });
    }

    /// All records of a topic: the partitions one after the other, each in its order.
    #[track_caller]
    pub fn records(&self, topic: &str) -> Vec<Stored> {
        self.records_through(self.address(), topic)
    }

    /// As [`Broker::records`], by a client that is told this address.
    #[track_caller]
    pub fn records_through(&self, address: SocketAddr, topic: &str) -> Vec<Stored> {
        self.runtime.block_on(async {
            let cluster = Cluster {
                brokers: address.to_string(),
                ..Cluster::default()
            };
            let client = Client::connect(&cluster, PATIENCE).await.expect("connects");
            let mut bounds = client.bounds(topic).await.expect("bounds");
            bounds.retain(|it| it.begin < it.end);
            let mut records = Vec::new();
            if bounds.is_empty() {
                return records;
            }
            let wanted: i64 = bounds.iter().map(|it| it.end - it.begin).sum();
            let from: Vec<_> = bounds.iter().map(|it| (it.partition, it.begin)).collect();
            let mut reader = client.reader(topic, &from).await.expect("a reader");
            while i64::try_from(records.len()).expect("fits") < wanted {
                records.extend(reader.poll(PATIENCE).await.expect("records"));
            }
            reader.close().await;
            records.sort_by_key(|it| (it.partition, it.offset));
            records
        })
    }

    /// Stops it and starts it with the same data, on the same port, after it has saved what it confirmed.
    #[track_caller]
    pub fn restart(&mut self) {
        thread::sleep(SAVED_AFTER);
        self.signal(Signal::TERM);
        self.end();
        self.process = run(self.port, &self.data);
        self.watch = watch(&self.process);
        self.await_ready();
    }

    /// SIGSTOP: connections stay and are accepted, nothing is answered.
    #[track_caller]
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    #[track_caller]
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Awaits its end, which was asked for.
    fn end(&mut self) {
        let _ = self.process.wait();
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from((HOST, self.port))
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("it runs");
    }

    #[track_caller]
    fn await_ready(&self) {
        until(PATIENCE, "the Kafka broker", || {
            TcpStream::connect(self.address()).is_ok()
        });
    }

    async fn kafka(&self) -> Kafka {
        let connecting = Kafka::builder(self.brokers().as_str()).connect().await;
        connecting.expect("connects to the broker")
    }

    async fn admin(&self) -> AdminClient {
        self.kafka().await.admin()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        self.end();
    }
}

impl Planted<'_> {
    fn made(&self, topic: &str) -> krafka::Record {
        let partition = i32::try_from(self.partition).expect("a partition");
        let mut record = krafka::Record::new(topic, self.value.unwrap_or_default().to_vec())
            .partition(partition)
            .timestamp(self.timestamp_ms);
        if self.value.is_none() {
            record = record.without_value();
        }
        if let Some(key) = self.key {
            record = record.key(key.to_vec());
        }
        for (name, value) in self.headers {
            record = record.header(*name, value.to_vec());
        }
        record
    }
}

#[track_caller]
fn run(port: u16, data: &TempDir) -> Child {
    let program = installed("kafka", "noida-db");
    let mut command = Command::new(&program);
    command
        .args(["start", "--only", "kafka", "--host", &HOST.to_string()])
        .args(["--kafka-port", &port.to_string(), "--data-dir"])
        .arg(data.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// Ends a broker that this process leaves behind: one that nobody drops, such as that of a static or of a killed test.
#[track_caller]
fn watch(broker: &Child) -> Child {
    let watch = "while kill -0 $0 && kill -0 $1; do sleep 1; done; kill -9 $1";
    Command::new("sh")
        .args(["-c", watch])
        .args([std::process::id().to_string(), broker.id().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh is there")
}
