//! Handlers that need nothing but the entry. Each computes its verdict at once, and its output is written together
//! with the acknowledgement in one script.

use std::fmt::Debug;

use super::Verdict;
use crate::model::Country;
use crate::model::{Fields, Name, before_moves, escaped, shown_field};
use crate::planted;
use crate::platform::{self, EVENTS_NORMALIZED, features, normalize, review};
use crate::topology::validate::Invalid;
use crate::topology::{self, StreamSpec, Topology};
use crate::wire::{FeatureUpdate, Output};
use crate::worker::state::in_hand::Delivery;

/// A handler that computes its verdict at once.
pub trait Inline: Debug + Send + Sync {
    /// Decides what happens to the entry.
    fn handle(&self, delivery: &Delivery) -> Verdict;
    /// The keys that it writes to, or one example of keys that are named alike, for the check that they share a hash
    /// slot with the stream.
    fn outputs(&self) -> Vec<Name> {
        Vec::new()
    }
}

/// The built-in handlers.
#[derive(Debug)]
pub enum Builtin {
    /// Counts events per brand and profile.
    Features {
        /// The stream that the hashes are named after.
        stream: Name,
    },
    /// Forwards merge requests: to a stream for people, or to one for merging.
    ReviewQueue {
        /// The stream of requests that a person decides.
        review: Name,
        /// The stream of the other requests.
        merges: Name,
    },
    /// Normalises raw events.
    Normalize {
        /// The schema of raw events.
        schema: Option<Box<StreamSpec>>,
        /// The stream of normalised events, and its length limit.
        output: (Name, Option<u64>),
        /// The country for phone numbers without a country code.
        country: Option<Country>,
    },
    /// Copies entries to another stream.
    Forward(Name),
    /// Writes each entry to the log.
    Log,
    /// Does nothing.
    Null,
}

impl Builtin {
    /// The built-in handler that a topology names, for entries of `stream`; `named` gives names to the streams that
    /// it writes to.
    pub fn new(
        builtin: &topology::Builtin,
        stream: &Name,
        topology: &Topology,
        named: impl Fn(&str) -> Name,
    ) -> Self {
        match builtin {
            topology::Builtin::Features => Self::Features {
                stream: stream.clone(),
            },
            topology::Builtin::ReviewQueue => Self::ReviewQueue {
                review: named(platform::REVIEW_QUEUE),
                merges: named(platform::MERGES),
            },
            topology::Builtin::Normalize => {
                let output = named(EVENTS_NORMALIZED);
                let maxlen = topology.stream(&output).and_then(|spec| spec.maxlen);
                Self::Normalize {
                    schema: topology.stream(stream).cloned().map(Box::new),
                    output: (output, maxlen),
                    country: topology.default_country.clone(),
                }
            }
            topology::Builtin::Forward(stream) => Self::Forward(stream.clone()),
            topology::Builtin::Log => Self::Log,
            topology::Builtin::Null => Self::Null,
        }
    }
}

impl Inline for Builtin {
    fn handle(&self, delivery: &Delivery) -> Verdict {
        match self {
            Self::Features { stream } => count(stream, delivery),
            Self::ReviewQueue { review, merges } => route(review, merges, delivery),
            Self::Normalize {
                schema,
                output,
                country,
            } => {
                let fields: Vec<_> = delivery.fields().collect();
                match normalize::normalize_event(&fields, schema.as_deref(), country.as_ref()) {
                    Ok(normal) => {
                        for warning in normal.warnings {
                            tracing::warn!(id = %delivery.id(), "{warning}");
                        }
                        publish(&output.0, output.1, normal.fields)
                    }
                    Err(invalid) => unusable(&invalid),
                }
            }
            Self::Forward(stream) => {
                let maxlen = planted::is("cut-outputs").then_some(100);
                publish(stream, maxlen, own_fields(delivery))
            }
            Self::Log => {
                let fields: Vec<String> = delivery
                    .fields()
                    .map(|(name, value)| format!("{}={}", shown_field(name), escaped(value)))
                    .collect();
                tracing::info!(id = %delivery.id(), deliveries = delivery.deliveries, "{}", fields.join(" "));
                Verdict::Done
            }
            Self::Null => Verdict::Done,
        }
    }

    fn outputs(&self) -> Vec<Name> {
        match self {
            Self::ReviewQueue { review, merges } => vec![review.clone(), merges.clone()],
            Self::Normalize { output, .. } => vec![output.0.clone()],
            Self::Forward(stream) => vec![stream.clone()],
            Self::Features { stream } => vec![stream.derived(":features:")],
            Self::Log | Self::Null => Vec::new(),
        }
    }
}

fn count(stream: &Name, delivery: &Delivery) -> Verdict {
    let fields: Vec<_> = delivery.fields().collect();
    let update = match features::FeatureUpdate::of(&fields) {
        Ok(update) => update,
        Err(invalid) => return unusable(&[invalid]),
    };
    let (brand, profile) = update.keys(stream);
    Verdict::Count {
        update: FeatureUpdate {
            hashes: std::iter::once(brand).chain(profile).collect(),
            event_type: update.event_type,
            purchase_total: update.purchase_total,
            time: update.timestamp,
        },
        uncountable: update.uncountable,
    }
}

fn route(review_queue: &Name, merges: &Name, delivery: &Delivery) -> Verdict {
    let fields: Vec<_> = delivery.fields().collect();
    match review::merge_route(&fields) {
        Ok(stream) => {
            let mut fields = own_fields(delivery);
            fields.push((
                b"request_id".to_vec(),
                delivery.id().to_string().into_bytes(),
            ));
            let stream = if stream == platform::REVIEW_QUEUE {
                review_queue
            } else {
                merges
            };
            publish(stream, None, fields)
        }
        Err(invalid) => unusable(&[invalid]),
    }
}

/// The entry's fields without those that a requeue or a redrive added at its end.
fn own_fields(delivery: &Delivery) -> Fields {
    let fields: Vec<_> = delivery.fields().collect();
    fields[..before_moves(&fields)]
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

fn publish(stream: &Name, maxlen: Option<u64>, fields: Fields) -> Verdict {
    Verdict::Publish(vec![Output {
        stream: stream.clone(),
        maxlen,
        fields,
    }])
}

/// The verdict for an entry that would be equally invalid in another attempt.
fn unusable(invalid: &[Invalid]) -> Verdict {
    let reasons: Vec<String> = invalid.iter().map(ToString::to_string).collect();
    Verdict::dead(reasons.join("; "))
}
