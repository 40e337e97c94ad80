//! The options about the Kafka cluster that the commands of `bridge` share.

use std::path::PathBuf;

use clap::ValueHint;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::kafka::{Compression, Mechanism};

/// The heading of these options.
const KAFKA: &str = "Kafka";

/// Where Kafka is and how it is reached; what is not given is in the environment.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = KAFKA)]
pub struct KafkaArgs {
    /// The brokers to ask first [default: $UCP_STREAMS_KAFKA]
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// Connect with TLS; the other --kafka-... options about it ask for it, too
    #[arg(long)]
    pub kafka_tls: bool,
    /// Trust the authorities in this PEM file, instead of the system's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kafka_ca: Option<PathBuf>,
    /// The certificate to show, as a PEM file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "kafka_key")]
    pub kafka_cert: Option<PathBuf>,
    /// The private key of that certificate, as a PEM file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "kafka_cert")]
    pub kafka_key: Option<PathBuf>,
    /// The user to log in as [default: $UCP_STREAMS_KAFKA_USER]
    #[arg(long, value_name = "USER")]
    pub kafka_user: Option<String>,
    /// The file whose first line is the user's password [default: $UCP_STREAMS_KAFKA_PASSWORD]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kafka_password_file: Option<PathBuf>,
    /// How the password is proven
    #[arg(long, value_name = "MECHANISM", default_value = "scram-sha-512", value_parser = mechanism())]
    pub kafka_sasl: Mechanism,
}

fn mechanism() -> impl TypedValueParser<Value = Mechanism> {
    PossibleValuesParser::new(["plain", "scram-sha-256", "scram-sha-512"]).map(|word| {
        match word.as_str() {
            "plain" => Mechanism::Plain,
            "scram-sha-256" => Mechanism::ScramSha256,
            _ => Mechanism::ScramSha512,
        }
    })
}

/// How records are to be compressed.
pub fn compression() -> impl TypedValueParser<Value = Compression> {
    PossibleValuesParser::new(["none", "gzip", "snappy", "lz4"]).map(|word| match word.as_str() {
        "none" => Compression::None,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        _ => Compression::Lz4,
    })
}
