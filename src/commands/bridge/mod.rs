//! `bridge`: streams and topics of Kafka, and where they stand.

mod from_kafka;
mod status;
mod to_kafka;
mod verify;

use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;

use super::shared::Context;
use crate::cli::KafkaArgs;
use crate::exit::Exit;
use crate::kafka::Client;
use crate::model::Problem;
use crate::settings::Settings;

/// How long the first broker may take to answer.
const CONNECT_FOR: Duration = Duration::from_secs(10);

/// Carry streams to topics of Kafka and back, and compare them
///
/// Brokers are named by --brokers or $UCP_STREAMS_KAFKA. TLS and credentials come from files and the environment; a password
/// is never given in an argument.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: BridgeCommand,
}

#[derive(Debug, Subcommand)]
enum BridgeCommand {
    ToKafka(Box<to_kafka::Args>),
    FromKafka(Box<from_kafka::Args>),
    Status(status::Args),
    Verify(verify::Args),
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    match args.command {
        BridgeCommand::ToKafka(args) => to_kafka::run(*args, context).await,
        BridgeCommand::FromKafka(args) => from_kafka::run(*args, context).await,
        BridgeCommand::Verify(args) => verify::run(args, context).await,
        BridgeCommand::Status(args) => status::run(args, context).await,
    }
}

/// A client of the cluster that the options and the environment name.
async fn connect(args: &KafkaArgs, context: &Context) -> Result<Client> {
    let (cluster, warnings) = Settings::kafka_cluster(args)?;
    context.warn_each(warnings);
    let connected = Client::connect(&cluster, CONNECT_FOR).await;
    Ok(connected.map_err(Problem::from)?)
}
