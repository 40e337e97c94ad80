//! What a bridge to Kafka began with, which is kept beside its stream: a topic and its number of partitions.

use serde::{Deserialize, Serialize};

use crate::model::{Kind, Name, Problem};
use crate::topology::bridge_key;
use crate::wire::{Connection, Error, get, set_unless_there, set_value};

/// What it began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The topic.
    pub topic: String,
    /// How many partitions it had.
    pub partitions: u32,
}

impl Begun {
    /// What the bridge of this group began with; `None` when it never began.
    ///
    /// # Errors
    /// Errors of the server; a problem when the key holds something else.
    pub async fn find(
        connection: &Connection,
        stream: &Name,
        group: &Name,
    ) -> anyhow::Result<Option<Self>> {
        let key = bridge_key(stream, group);
        let Some(value) = connection.run(get(&key)).await? else {
            return Ok(None);
        };
        match serde_json::from_slice(&value) {
            Ok(begun) => Ok(Some(begun)),
            Err(error) => {
                let text = format!("key `{key}` does not say what a bridge began with: {error}");
                let hint =
                    format!("look at it, and delete it if it is of nobody: redis-cli GET {key}");
                Err(Problem::new(Kind::Refused, text).hint(hint).into())
            }
        }
    }

    /// Keeps what the bridge of this group begins with, unless it began before; what it began with.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn begin(
        self,
        connection: &Connection,
        stream: &Name,
        group: &Name,
    ) -> anyhow::Result<Self> {
        let key = bridge_key(stream, group);
        let is_new = connection
            .run(set_unless_there(&key, &self.value()))
            .await?;
        if is_new {
            return Ok(self);
        }
        let begun = Self::find(connection, stream, group).await?;
        Ok(begun.unwrap_or(self))
    }

    /// Keeps what the bridge of this group goes on with.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn go_on(
        &self,
        connection: &Connection,
        stream: &Name,
        group: &Name,
    ) -> Result<(), Error> {
        let key = bridge_key(stream, group);
        connection.run(set_value(&key, &self.value())).await
    }

    /// The problem that the topic has another number of partitions now.
    pub fn other_partitions(&self, stream: &Name, group: &Name, now: u32) -> Problem {
        let Self { topic, partitions } = self;
        let text = format!(
            "topic `{topic}` has {now} partitions, and the bridge of stream `{stream}`, group `{group}`, began with {partitions}: keys would move to other partitions, out of order"
        );
        Problem::refused(text).hint(format!(
            "send it to a topic with {partitions} partitions, or, when consumers have read all of `{topic}`, go on with --partitions {now}"
        ))
    }

    fn value(&self) -> Vec<u8> {
        // A text and a number can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}
