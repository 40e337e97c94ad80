//! What a bridge to Kafka sends and where to, and how it says that it cannot.

use std::time::Duration;

use super::begun::Begun;
use super::shape::Shape;
use crate::kafka::{Compression, Error};
use crate::model::{EntryId, Kind, Name, Problem, counted, format_duration_short};

/// What is sent, and where to.
#[derive(Clone, Debug)]
pub struct Sending {
    /// How entries become records.
    pub shape: Shape,
    /// The group whose entries they are.
    pub group: Name,
    /// The topic.
    pub topic: String,
    /// How batches are compressed.
    pub compression: Compression,
    /// How long Kafka may be away before the bridge gives up; `None` for any time.
    pub patience: Option<Duration>,
}

impl Sending {
    fn about(&self, id: EntryId) -> String {
        format!(
            "entry {id} of stream `{}`, group `{}`",
            self.shape.stream, self.group
        )
    }

    pub(super) fn refused(&self, id: EntryId, error: &Error) -> Problem {
        let about = self.about(id);
        if error.is_too_big {
            let text = format!(
                "{about} is bigger than topic `{}` takes: {error}",
                self.topic
            );
            return Problem::new(error.kind, text).hint(format!(
                "raise max.message.bytes of the topic, or set the entry aside with: ucp-streams dlq add {} {id} --stream {} --reason too-big; then run the bridge again",
                self.group, self.shape.stream
            ));
        }
        let text = format!("{about} was not written to topic `{}`: {error}", self.topic);
        Problem::new(error.kind, text).hint(format!(
            "{}; nothing after it was acknowledged, and the bridge goes on there when it is run again",
            error.hint()
        ))
    }

    pub(super) fn gave_up(&self, id: EntryId, waited: Duration) -> Problem {
        let text = format!(
            "{} was not confirmed by topic `{}` for {}",
            self.about(id),
            self.topic,
            format_duration_short(waited)
        );
        Problem::new(Kind::Unavailable, text)
            .hint("check that the brokers run; the bridge goes on there when it is run again")
    }

    pub(super) fn tell_waiting(&self, first: EntryId, count: usize, waited: Duration) {
        tracing::warn!(
            stream = %self.shape.stream, group = %self.group, topic = self.topic, %first,
            waited = %format_duration_short(waited),
            "Kafka has not confirmed {}: still trying, and nothing overtakes them",
            counted(count as u64, "record", "records")
        );
    }

    pub(super) fn other_partitions(&self, count: u32) -> Problem {
        let begun = Begun {
            topic: self.topic.clone(),
            partitions: self.shape.partitions,
        };
        begun.other_partitions(&self.shape.stream, &self.group, count)
    }

    pub(super) fn no_topic(&self, error: &Error) -> Problem {
        let text = format!(
            "topic `{}` of the bridge of stream `{}`, group `{}`, is gone: {error}",
            self.topic, self.shape.stream, self.group
        );
        Problem::not_found(text).hint(error.hint())
    }

    pub(super) fn cannot_look(&self, error: &Error) -> Problem {
        let text = format!(
            "the bridge of stream `{}`, group `{}`, cannot use topic `{}`: {error}",
            self.shape.stream, self.group, self.topic
        );
        Problem::new(error.kind, text).hint(error.hint())
    }
}
