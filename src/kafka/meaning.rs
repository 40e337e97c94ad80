//! What errors of the client mean, in the kinds of this tool.

use krafka::KrafkaError;
use krafka::error::ErrorCode;

use super::Error;
use crate::model::Kind;

/// The error of a topic that is not there.
pub(super) fn no_topic(topic: &str) -> Error {
    let text = format!("Kafka has no topic `{topic}`");
    Error::new(Kind::NotFound, false, text)
}

/// An error in the kinds of this tool.
pub(super) fn error_of(error: &KrafkaError) -> Error {
    let text = format!("Kafka: {error}");
    let may_pass = error.is_retriable();
    match error {
        KrafkaError::Auth { .. } => Error::new(Kind::Denied, false, text),
        KrafkaError::UnknownTopic { topic } => no_topic(topic),
        KrafkaError::Broker { code, .. } => of_broker(*code, may_pass, text),
        KrafkaError::Config { .. }
        | KrafkaError::Compression { .. }
        | KrafkaError::Serialization { .. } => Error::new(Kind::Usage, false, text),
        KrafkaError::NoOffset { .. } => Error::new(Kind::NotFound, false, text),
        KrafkaError::IllegalState { .. } | KrafkaError::Wakeup => {
            Error::new(Kind::Bug, false, text)
        }
        KrafkaError::Fenced { .. } => Error::new(Kind::Refused, false, text),
        // With TLS 1.3 a broker refuses a certificate when the client takes itself to be connected.
        KrafkaError::Network(_) if is_refused_certificate(&text) => {
            Error::new(Kind::Denied, false, text)
        }
        _ => Error::new(Kind::Unavailable, may_pass, text),
    }
}

/// Whether a broker ended the connection because of the client's certificate, or for want of one.
fn is_refused_certificate(text: &str) -> bool {
    let alert = text.split_once("received fatal alert: ");
    alert.is_some_and(|(_, alert)| {
        let refusals = ["Certificate", "BadCertificate", "UnknownCA", "AccessDenied"];
        refusals.iter().any(|it| alert.starts_with(it))
    })
}

fn of_broker(code: ErrorCode, may_pass: bool, text: String) -> Error {
    match code {
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => Error::too_big(text),
        ErrorCode::UnknownTopicOrPartition => Error::new(Kind::NotFound, may_pass, text),
        ErrorCode::OffsetOutOfRange => Error::new(Kind::NotFound, false, text),
        ErrorCode::InvalidTopic
        | ErrorCode::InvalidTimestamp
        | ErrorCode::InvalidRecord
        | ErrorCode::InvalidConfig
        | ErrorCode::PolicyViolation
        | ErrorCode::UnsupportedCompressionType => Error::new(Kind::Usage, false, text),
        ErrorCode::TopicAuthorizationFailed
        | ErrorCode::GroupAuthorizationFailed
        | ErrorCode::ClusterAuthorizationFailed
        | ErrorCode::TransactionalIdAuthorizationFailed
        | ErrorCode::SaslAuthenticationFailed
        | ErrorCode::UnsupportedSaslMechanism
        | ErrorCode::IllegalSaslState => Error::new(Kind::Denied, false, text),
        _ => Error::new(Kind::Unavailable, may_pass, text),
    }
}
