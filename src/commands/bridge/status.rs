//! `bridge status`: where bridges to Kafka stand.

use anyhow::Result;

use super::connect;
use crate::bridge::status;
use crate::cli::{self, Impact, KafkaArgs, Limited, Prints};
use crate::commands::shared::Context;
use crate::exit::Exit;
use crate::model::{EntryId, Kind, Name, Problem};
use crate::settings::Settings;
use crate::streams::names::{existing, require_stream};

/// Show how far bridges to Kafka are
///
/// A row for each partition: the last id of the stream that is in it, beside the end of the stream, what the bridge has not
/// read and not acknowledged yet, and the worker that sends. Without brokers only what is known in Redis is shown.
///
/// With --after, OFFSET is where a consumer of the topic begins that has had everything up to that entry.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<crate::bridge::BridgeRow>(), after_help = "\
Examples:
  ucp-streams bridge status --brokers kafka-1:9092
  ucp-streams bridge status events.normalized -o json
  # Where consumers begin that go on after an entry, for Kafka's own tools
  ucp-streams bridge status events.normalized --after 1700000000000-0 \\
      --columns topic,partition,offset -o csv --no-headers")]
pub(super) struct Args {
    /// Stream to look at [default: all that have a bridge]
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    /// Show the offset of the first record after this entry in each partition
    #[arg(long, value_name = "ID", requires = "stream")]
    after: Option<EntryId>,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    kafka: KafkaArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let connection = context.connect().await?;
    let topology = context.known_names();
    let streams = match &args.stream {
        Some(stream) => {
            require_stream(&connection, topology, stream).await?;
            vec![stream.clone()]
        }
        None => existing(&connection, topology).await,
    };
    let asks_kafka = args.kafka.brokers.is_some() || args.after.is_some();
    let client = if asks_kafka || Settings::names_kafka() {
        Some(connect(&args.kafka, context).await?)
    } else {
        context
            .console
            .note("no Kafka brokers are named: what the topics have is not shown");
        None
    };
    let kafka = (client.as_ref(), args.after);
    let rows = status(&connection, topology, &streams, kafka).await?;
    if rows.is_empty() {
        let of = args.stream.map_or_else(
            || "no stream has a bridge to Kafka".to_owned(),
            |stream| format!("stream `{stream}` has no bridge to Kafka"),
        );
        let next = "begin one with: ucp-streams bridge to-kafka STREAM --topic TOPIC";
        return Err(Problem::new(Kind::NotFound, of).hint(next).into());
    }
    context.console.show(&rows, args.limit.rows())?;
    Ok(Exit::Done)
}
