//! `bridge to-kafka`: carries a stream to a topic.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::connect;
use crate::bridge::{Begun, Sender, Sending, Shape, Value};
use crate::cli::{self, Impact, KafkaArgs, Prints, compression, parse_duration};
use crate::commands::shared::Context;
use crate::commands::worker::{Watching, WorkerRow, of_bridge, work_on};
use crate::exit::Exit;
use crate::kafka::{Client, Compression};
use crate::model::{LogFormat, Name, Problem};
use crate::streams::names::require_stream;
use crate::topology::BRIDGE_GROUP;
use crate::worker::handler::Handler;
use crate::worker::{Assignment, Mode};

/// How long Kafka may be away before `--once` gives up.
const PATIENCE: Duration = Duration::from_mins(2);

/// Carry the entries of a stream to a topic of Kafka, in their order
///
/// Each entry becomes a record: its key is the value of --key, its partition the one that Java's client chooses for that key,
/// its time the entry's, its value the fields as a JSON object, and its headers are redis-id and redis-stream. An entry is
/// acknowledged after the brokers have confirmed its record. One bridge sends at a time; another one of the same group stands by.
/// What cannot be sent is tried again, and nothing overtakes it; what Kafka never takes ends the bridge with the entry's id.
///
/// After a crash the bridge looks at the ends of the partitions for what it wrote, and sends only the rest: each entry is in
/// the topic once, as long as one bridge writes. Where a partition's last records were removed, records may repeat, and that
/// is said. So they may, one batch of a partition, when a bridge stood still for longer than its lease, or its network did, while
/// that was under way: it can arrive after another bridge has sent the same. `bridge verify` names what repeats. The topic must be there: its number of partitions is kept in {STREAM}:bridge-to:GROUP, and a change is refused,
/// because keys would move.
///
/// Repeated fields become arrays, and bytes that are no text {"base64": ...}; --envelope keeps fields as pairs in their order,
/// as `archive` does. The group is made at the beginning of the stream, when it is not there.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::list::<WorkerRow>(), after_help = "\
Examples:
  ucp-streams bridge to-kafka events.normalized --topic events \\
      --brokers kafka-1:9092,kafka-2:9092
  # From cron: send what is there, then exit (7: some left, 9: some lost)
  ucp-streams bridge to-kafka events.raw --topic raw --once --envelope
  # With TLS, as a user whose password is in a file
  ucp-streams bridge to-kafka events.raw --topic raw --kafka-tls \\
      --kafka-user bridge --kafka-password-file /run/secrets/kafka")]
pub(super) struct Args {
    /// Stream to carry
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Name,

    /// The topic, which must be there
    #[arg(long, value_name = "TOPIC")]
    topic: String,

    /// The field whose value is the key; an entry without it has none
    #[arg(long, value_name = "FIELD", default_value = "brand_id", value_parser = cli::name())]
    key: Name,

    /// The group that reads the stream for the bridge
    #[arg(long, value_name = "GROUP", default_value = BRIDGE_GROUP, value_parser = cli::name())]
    group: Name,

    /// Send the value of this field, instead of all fields
    #[arg(long, value_name = "FIELD", value_parser = cli::name(), conflicts_with = "envelope")]
    value: Option<Name>,

    /// Send the entry as a line of an archive, which loses nothing
    #[arg(long)]
    envelope: bool,

    /// How batches are compressed
    #[arg(long, value_name = "CODEC", default_value = "lz4", value_parser = compression())]
    compression: Compression,

    /// Go on with this number of partitions, which the topic has now
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,

    /// Send what is there, then exit
    #[arg(long)]
    once: bool,

    /// How long to wait for what is under way when told to stop
    #[arg(long, value_name = "DUR", default_value = "30s", value_parser = parse_duration)]
    grace: Duration,

    /// Serve /metrics for Prometheus, and /healthz, at this address, such as 127.0.0.1:9121
    #[arg(long, value_name = "ADDR")]
    metrics_addr: Option<SocketAddr>,

    /// A host name that metrics requests may use, besides localhost and addresses; may be repeated
    #[arg(long, value_name = "NAME", requires = "metrics_addr")]
    metrics_host: Vec<String>,

    /// Log lines on standard error: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,

    #[command(flatten)]
    kafka: KafkaArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    context.console.start_logs(args.log_format);
    let client = connect(&args.kafka, context).await?;
    let partitions = begin(&args, &client, context).await?;
    let Args { stream, group, .. } = &args;
    let sending = Sending {
        shape: Shape {
            stream: stream.clone(),
            key: args.key.clone(),
            value: match &args.value {
                _ if args.envelope => Value::Envelope,
                Some(field) => Value::Field(field.clone()),
                None => Value::Object,
            },
            partitions,
        },
        group: group.clone(),
        topic: args.topic.clone(),
        compression: args.compression,
        patience: args.once.then_some(PATIENCE),
    };
    let sender = Box::new(Sender::start(client, sending));
    let mut job = of_bridge(stream, group, Arc::new(Handler::Ordered(sender)), context)?;
    job.policy.grace = args.grace;
    if args.once {
        job.mode = Mode::Once;
        job.connect_for = context.settings.timeout.value;
    }
    let Assignment { consumer, .. } = &job;
    tracing::info!(
        %stream, %group, topic = args.topic, partitions, %consumer,
        server = %context.settings.server_shown(), version = env!("CARGO_PKG_VERSION"), "bridge starts"
    );
    let watching = Watching {
        address: args.metrics_addr,
        hosts: &args.metrics_host,
    };
    work_on(job, "ucp-streams-bridge", watching, context).await
}

/// Finds out how many partitions the topic has, and that this is what the bridge began with.
async fn begin(args: &Args, client: &Client, context: &Context) -> Result<u32> {
    let Args {
        stream,
        group,
        topic,
        ..
    } = args;
    let connection = context.connect().await?;
    require_stream(&connection, context.topology()?, stream).await?;
    let partitions = client.partitions(topic).await.map_err(Problem::from)?;
    if args.partitions.is_some_and(|wanted| wanted != partitions) {
        let text = format!("topic `{topic}` has {partitions} partitions");
        let hint = format!("give --partitions {partitions} if it is to go on with these");
        return Err(Problem::refused(text).hint(hint).into());
    }
    let now = Begun {
        topic: topic.clone(),
        partitions,
    };
    let begun = now.clone().begin(&connection, stream, group).await?;
    if begun == now {
        return Ok(partitions);
    }
    if begun.topic != *topic {
        let text = format!(
            "group `{group}` of stream `{stream}` carries it to topic `{}` already",
            begun.topic
        );
        let hint = format!("give the bridge to `{topic}` a group of its own with --group");
        return Err(Problem::refused(text).hint(hint).into());
    }
    if args.partitions.is_none() {
        return Err(begun.other_partitions(stream, group, partitions).into());
    }
    now.go_on(&connection, stream, group).await?;
    context.console.warn(&format!(
        "topic `{topic}` has {partitions} partitions now instead of {}: keys move to other partitions, and what was pending may repeat",
        begun.partitions
    ));
    Ok(partitions)
}
