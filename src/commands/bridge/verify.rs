//! `bridge verify`: compares a stream with what a topic has of it.

use anyhow::Result;

use super::connect;
use crate::bridge::{Differs, Verified, Verifying, verify};
use crate::cli::{self, Impact, KafkaArgs, Position, Prints};
use crate::commands::shared::Context;
use crate::exit::Exit;
use crate::model::{EntryId, Name, Time, entries};
use crate::streams::names::require_stream;
use crate::streams::read::place;

/// Compare a stream with what a topic has of it
///
/// Both sides are counted and hashed by key and fields a minute; the entries of minutes that differ are then compared one by one, and
/// the first that differ are named. Exit code 9: an entry is missing, changed, repeated, or only in the topic. Exit code 7:
/// the stream has entries after the last one that is in the topic, which a bridge may still send.
///
/// What one side does not have any more cannot be compared, and is counted: TRIMMED in the stream, REMOVED in the topic.
/// Of different fields the order does not count, since a JSON object does not keep it together with repeats.
///
/// A stream that `bridge from-kafka` wrote is compared with --origin, the stream that the records are of.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::one::<Verified>(), after_help = "\
Examples:
  ucp-streams bridge verify events.normalized --topic events --until -1m
  ucp-streams bridge verify events.normalized --topic events \\
      --from -2h --until -1h -o json
  ucp-streams bridge verify events.again --topic events \\
      --origin events.normalized")]
pub(super) struct Args {
    /// Stream to compare
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Name,

    /// The topic
    #[arg(long, value_name = "TOPIC")]
    topic: String,

    /// Where to begin [default: the first entry]
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    from: Option<Position>,

    /// Where to end; this position is included [default: the last entry]
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    until: Option<Position>,

    /// The field whose value is the key
    #[arg(long, value_name = "FIELD", default_value = "brand_id", value_parser = cli::name())]
    key: Name,

    /// The field that was sent, if the bridge sends one instead of all
    #[arg(long, value_name = "FIELD", value_parser = cli::name())]
    value: Option<Name>,

    /// The stream that the records are of [default: STREAM]
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    origin: Option<Name>,

    #[command(flatten)]
    kafka: KafkaArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let connection = context.connect().await?;
    let stream = args.stream;
    require_stream(&connection, context.known_names(), &stream).await?;
    let mut lane = context.lane().await?;
    let now_ms = Time::now().ms;
    let from = match args.from {
        Some(from) => place(&mut lane, &stream, from.range_start(now_ms)).await?,
        None => Some(EntryId::MIN),
    };
    let until = match args.until {
        Some(until) => place(&mut lane, &stream, until.range_end(now_ms)).await?,
        None => None,
    };
    let client = connect(&args.kafka, context).await?;
    let verifying = Verifying {
        origin: args.origin.unwrap_or_else(|| stream.clone()),
        stream,
        topic: args.topic,
        key: args.key,
        value: args.value,
        window: (from.unwrap_or(EntryId::MAX), until.unwrap_or(EntryId::MAX)),
    };
    let row = verify(&client, (&connection, &mut lane), &verifying).await?;
    context.console.show_one(&row)?;
    tell(&row, context);
    Ok(if !row.agrees {
        Exit::DataLoss
    } else if row.behind > 0 {
        Exit::Partial
    } else {
        Exit::Done
    })
}

/// Says which entries differ, and what could not be compared.
fn tell(row: &Verified, context: &Context) {
    let console = &context.console;
    for it in &row.differences {
        let what = match it.what {
            Differs::Missing => "is not in the topic",
            Differs::Changed => "has another key or other fields in the topic",
            Differs::Repeated => "is in the topic more than once",
            Differs::Extra => "is in the topic and not in the stream",
        };
        let key = it.key.as_ref();
        let key = key.map(|key| format!(", key `{key}`,")).unwrap_or_default();
        console.warn(&format!("entry {}{key} {what}", it.id));
    }
    if row.is_cut {
        console.warn("more entries differ than are counted one by one: compare a part at a time with --from and --until");
    }
    if row.behind > 0 {
        let text = format!(
            "{} after the last one that is in the topic: let the bridge send them, or give --until",
            entries(row.behind)
        );
        console.note(&text);
    }
    if row.trimmed > 0 {
        let text = format!(
            "{} in the topic were trimmed from the stream, and not compared",
            entries(row.trimmed)
        );
        console.note(&text);
    }
    if row.removed > 0 {
        let text = format!(
            "{} cannot be judged: the first records of a partition were removed from the topic",
            entries(row.removed)
        );
        console.note(&text);
    }
}
