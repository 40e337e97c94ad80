//! Publishing that is safe to repeat: the value of one field of each entry is its key, and the server remembers for a
//! while what was stored under that key.

mod ask;
mod send;

use std::borrow::Cow;
use std::time::Duration;

use anyhow::Result;
use sha2::{Digest as _, Sha256};

use super::Destination;
use crate::model::{CommandLine, EntryId, Fields, Kind, Name, Problem};
use crate::streams::stop::StopFlag;
use crate::topology::validate::Pair;
use crate::wire::{Dialer, Error, ErrorKind, Once, Output, ScriptCall, add_once};
use ask::{Asker, Failed};
pub use send::send_once;

/// The longest value that is part of a key's name unchanged.
const VALUE_BYTES_MAX: usize = 128;

/// The field that identifies an entry, and how long its value is remembered.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The field, which every entry must have.
    pub field: Name,
    /// How long what was stored is remembered.
    pub time_to_live: Duration,
}

/// An entry with its key.
#[derive(Clone, Debug)]
pub struct OnceEntry {
    output: Output,
    /// The name of the key in Redis that remembers it.
    memory: Name,
    /// A hash of the supplied fields.
    hash: String,
    time_to_live: Duration,
}

/// The id of a stored entry, and whether it was stored before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: EntryId,
    /// Whether it was stored before.
    pub duplicate: bool,
}

/// A hash of the fields as they were supplied, independent of their order.
pub fn hash_of(supplied: &[Pair<'_>]) -> String {
    let mut sorted: Vec<&Pair<'_>> = supplied.iter().collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut hash = Sha256::new();
    for (name, value) in sorted {
        for part in [name, value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    format!("{:x}", hash.finalize())
}

/// The value as it appears in the name of a key.
fn name_of(value: &[u8]) -> Cow<'_, [u8]> {
    if value.len() <= VALUE_BYTES_MAX {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("sha256-{:x}", Sha256::digest(value)).into_bytes())
}

/// The prefix of the keys that remember the values of `field` in the entries of `stream`.
pub fn memory_of(stream: &Name, field: &Name) -> Name {
    let mut memory = stream.derived(":once:").as_bytes().to_vec();
    memory.extend_from_slice(field.as_bytes());
    memory.push(b':');
    Name::new(memory)
}

impl Idempotency {
    /// The entry with these checked fields, where `hash` is that of the supplied fields. The checker has made sure
    /// that the field is there.
    pub fn entry(&self, target: &Destination, hash: String, fields: Fields) -> OnceEntry {
        let key = fields
            .iter()
            .find(|(name, _)| *name == self.field.as_bytes());
        let mut memory = memory_of(&target.stream, &self.field).as_bytes().to_vec();
        let value = key.map(|(_, value)| value.as_slice()).unwrap_or_default();
        memory.extend_from_slice(&name_of(value));
        OnceEntry {
            memory: Name::new(memory),
            hash,
            time_to_live: self.time_to_live,
            output: Output {
                stream: target.stream.clone(),
                maxlen: target.maxlen,
                fields,
            },
        }
    }
}

impl OnceEntry {
    fn call(&self) -> ScriptCall<Once> {
        add_once(&self.output, &self.memory, &self.hash, self.time_to_live)
    }

    fn conflict(&self, id: EntryId) -> Problem {
        let (memory, stream) = (&self.memory, &self.output.stream);
        Problem::refused(format!(
            "`{stream}`: an entry with the same key but other fields was published before, as {id} (`{memory}`)"
        ))
        .hint(format!(
            "compare it with `{}`",
            CommandLine::new("get").arg(stream).arg(id.to_string())
        ))
    }

    fn refused(&self, why: &str) -> Problem {
        let stream = &self.output.stream;
        Problem::refused(format!("`{stream}`: {why}"))
    }
}

/// Publishes one entry, and asks again when the answer is lost.
///
/// # Errors
/// A refusal when the entry's key was used for other fields; an unknown outcome when there is no answer; errors of the
/// server.
pub async fn publish_once(dialer: &Dialer, entry: &OnceEntry) -> Result<Stored> {
    let mut asker = Asker::new(dialer);
    // Whoever interrupts a single entry ends the process.
    let stop = StopFlag::default();
    let mut outcomes = match asker.ask(std::slice::from_ref(entry), None, &stop).await {
        Ok(outcomes) => outcomes,
        Err(Failed::Unsent(error)) => return Err(error.into()),
        Err(Failed::Unknown(error)) => {
            return Err(no_answer("the entry", &entry.output.stream, &error).into());
        }
    };
    let nothing = || Err(Error::new(ErrorKind::Protocol, "publish_once", "no reply"));
    match outcomes.pop().unwrap_or_else(nothing)? {
        Once::New(id) => Ok(Stored {
            id,
            duplicate: false,
        }),
        Once::Known(id) => Ok(Stored {
            id,
            duplicate: true,
        }),
        Once::Conflict(id) => Err(alone(entry.conflict(id)).into()),
        Once::Refused(why) => Err(alone(entry.refused(&why)).into()),
    }
}

/// The refusal of an entry when it is the only one.
fn alone(problem: Problem) -> Problem {
    let message = format!("{}; nothing was sent", problem.message);
    Problem { message, ..problem }
}

/// The error that it is unknown whether `what` is in `stream`.
fn no_answer(what: &str, stream: &Name, error: &Error) -> Problem {
    let message = format!(
        "the reply was lost repeatedly, so it is unknown whether {what} was stored in `{stream}`: {error}"
    );
    Problem::new(Kind::Unknown, message)
        .hint("publish the same again with the same --idempotency-field; nothing is stored twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(fields: &[(&'static str, &'static str)]) -> Vec<Pair<'static>> {
        fields
            .iter()
            .map(|(name, value)| (Cow::from(name.as_bytes()), Cow::from(value.as_bytes())))
            .collect()
    }

    #[test]
    fn a_long_value_is_a_short_key() {
        let idempotency = Idempotency {
            field: "order".into(),
            time_to_live: Duration::from_secs(1),
        };
        let target = Destination {
            stream: "s".into(),
            maxlen: None,
        };
        let memory = |value: &[u8]| {
            let fields = vec![(b"order".to_vec(), value.to_vec())];
            idempotency
                .entry(&target, String::new(), fields)
                .memory
                .to_string()
        };
        assert_eq!(memory(b"7"), "{s}:once:order:7");
        assert_eq!(memory(&[b'x'; 128]).len(), 15 + 128);
        let long = memory(&[b'x'; 129]);
        assert!(long.starts_with("{s}:once:order:sha256-") && long.len() == 15 + 7 + 64);
        assert_ne!(long, memory(&[b'x'; 130]));
    }

    #[test]
    fn the_hash_is_of_names_and_values_in_any_order() {
        let hash = |fields: &[_]| hash_of(&pairs(fields));
        assert_eq!(
            hash(&[("a", "1"), ("b", "2")]),
            hash(&[("b", "2"), ("a", "1")])
        );
        for other in [
            &[("a", "1"), ("b", "3")][..],
            &[("a", "1")],
            &[("a", "1b"), ("", "2")],
            &[("a", "1"), ("b", "2"), ("b", "2")],
            &[("a", "2"), ("b", "1")],
        ] {
            assert_ne!(hash(other), hash(&[("a", "1"), ("b", "2")]), "{other:?}");
        }
        // Of a repeated field the order counts: it is the entry's.
        assert_ne!(
            hash(&[("a", "1"), ("a", "2")]),
            hash(&[("a", "2"), ("a", "1")])
        );
    }
}
