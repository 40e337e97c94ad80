//! `bridge status`: where bridges to Kafka stand.

use anyhow::Result;

use super::connect;
use crate::bridge::status;
use crate::cli::{self, Impact, KafkaArgs, Limited, Prints};
use crate::commands::shared::Context;
use crate::exit::Exit;
use crate::model::{Kind, Name, Problem};
use crate::settings::Settings;
use crate::streams::names::{existing, require_stream};

/// Show how far bridges to Kafka are
///
/// A row for each partition: the last id of the stream that is in it, beside the end of the stream, what the bridge has not
/// read and not acknowledged yet, and the worker that sends. Without brokers only what is known in Redis is shown.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<crate::bridge::BridgeRow>(), after_help = "\
Examples:
  ucp-streams bridge status --brokers kafka-1:9092
  ucp-streams bridge status events.normalized -o json")]
pub(super) struct Args {
    /// Stream to look at [default: all that have a bridge]
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

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
    let client = if args.kafka.brokers.is_some() || Settings::names_kafka() {
        Some(connect(&args.kafka, context).await?)
    } else {
        context
            .console
            .note("no Kafka brokers are named: what the topics have is not shown");
        None
    };
    let rows = status(&connection, topology, &streams, client.as_ref()).await?;
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
