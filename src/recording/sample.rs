//! One sample: what was observed at one time, or why nothing could be.

use serde::{Deserialize, Serialize};

use crate::findings::{DoctorReport, Sought};
use crate::model::{Name, Time};
use crate::streams::inspect::{GroupReport, Judgement, Observation, StreamReport};

/// The greatest number of characters of an error that is kept.
const ERROR_CHARS_MAX: usize = 500;

/// What was observed at one time.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When, by the recorder's clock.
    pub at: Time,
    /// What was observed.
    pub look: Look,
}

/// What came of an attempt to observe.
#[derive(Clone, Debug)]
pub enum Look {
    /// It succeeded.
    Seen(Box<Seen>),
    /// Nothing could be observed, for this reason.
    Failed(String),
}

/// What was observed.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The streams of the topology, with their groups, as `info` prints them.
    pub streams: Vec<StreamReport>,
    /// The streams that the user may not access.
    pub denied: Vec<Denied>,
    /// What the rules found, as `doctor` prints it.
    pub doctor: DoctorReport,
}

/// A stream that the user may not access.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Denied {
    /// The stream.
    pub stream: Name,
    /// The server's error.
    pub error: String,
}

impl Sample {
    /// Of an observation that succeeded, with what the rules found in it.
    pub fn seen(at: Time, observation: &Observation, doctor: &DoctorReport) -> Self {
        let denied = observation.denied.iter().map(|it| Denied {
            stream: it.stream.clone(),
            error: it.error.to_string(),
        });
        let seen = Seen {
            streams: observation.streams.clone(),
            denied: denied.collect(),
            doctor: doctor.clone(),
        };
        Self {
            at,
            look: Look::Seen(Box::new(seen)),
        }
    }

    /// Of one that failed because of `error`, of which not more than some hundred characters are kept.
    pub fn failed(at: Time, error: &str) -> Self {
        let error = error.chars().take(ERROR_CHARS_MAX).collect();
        Self {
            at,
            look: Look::Failed(error),
        }
    }

    /// What was observed; `None` when nothing could be.
    pub fn as_seen(&self) -> Option<&Seen> {
        match &self.look {
            Look::Seen(seen) => Some(seen),
            Look::Failed(_) => None,
        }
    }
}

impl Seen {
    /// The groups of all streams.
    pub fn groups(&self) -> impl Iterator<Item = &GroupReport> {
        self.streams.iter().flat_map(|it| &it.groups)
    }
}

/// The stored form, whose keys are those of the reports' JSON. What the alerts of the groups were decided from, which that
/// does not have, stands beside it, group by group.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Written<'s> {
    Seen {
        streams: &'s [StreamReport],
        judged: Vec<Judgement>,
        denied: &'s [Denied],
        doctor: &'s DoctorReport,
    },
    Failed {
        error: &'s str,
    },
}

/// The stored form as it is read. A key that is not known is passed over; one that is added later must have a default.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    Seen {
        streams: Vec<StreamReport>,
        judged: Vec<Judgement>,
        denied: Vec<Denied>,
        doctor: DoctorReport,
    },
    Failed {
        error: String,
    },
}

impl Look {
    /// The bytes to store.
    pub(super) fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let written = match self {
            Self::Seen(seen) => Written::Seen {
                judged: seen.groups().map(Judgement::from).collect(),
                streams: &seen.streams,
                denied: &seen.denied,
                doctor: &seen.doctor,
            },
            Self::Failed(error) => Written::Failed { error },
        };
        serde_json::to_vec(&written)
    }

    /// What `bytes` store.
    pub(super) fn of_bytes(bytes: &[u8]) -> serde_json::Result<Self> {
        Ok(match serde_json::from_slice(bytes)? {
            Kept::Seen {
                mut streams,
                judged,
                denied,
                doctor,
            } => {
                let groups = streams.iter_mut().flat_map(|it| &mut it.groups);
                for (group, then) in groups.zip(judged) {
                    group.judge_as_then(then);
                }
                Self::Seen(Box::new(Seen {
                    streams,
                    denied,
                    doctor,
                }))
            }
            Kept::Failed { error } => Self::Failed(error),
        })
    }
}

/// The findings of a stored sample, without anything else of it.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Brief {
    Seen { doctor: BriefReport },
    Failed {},
}

#[derive(Deserialize)]
struct BriefReport {
    findings: Vec<Sought>,
}

/// What the findings were in the sample that `bytes` store; `None` when nothing could be observed.
pub(super) fn found_in(bytes: &[u8]) -> serde_json::Result<Option<Vec<Sought>>> {
    Ok(match serde_json::from_slice(bytes)? {
        Brief::Seen { doctor } => Some(doctor.findings),
        Brief::Failed {} => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample as the first version stored it. When this fails, recordings of today's users can no longer be read: give the
    /// new field a default, or make a new format.
    const STORED: &str = include_str!("sample_format_1.json");

    /// Without what is not known, as fields that were added since are not.
    fn known(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value::{Array, Object};
        match value {
            Array(items) => Array(items.into_iter().map(known).collect()),
            Object(fields) => {
                let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
                Object(fields.map(|(name, value)| (name, known(value))).collect())
            }
            value => value,
        }
    }

    #[test]
    fn what_was_stored_is_read_and_stored_again_alike() {
        let look = Look::of_bytes(STORED.as_bytes()).expect("is read");
        let again = look.to_bytes().expect("is stored");
        let value = |bytes: &[u8]| -> serde_json::Value { serde_json::from_slice(bytes).unwrap() };
        // What was added since has its default.
        let mut again = value(&again);
        let found = again["seen"]["doctor"]["findings"].as_array_mut();
        for finding in found
            .unwrap()
            .iter_mut()
            .filter_map(|it| it.as_object_mut())
        {
            for key in ["began", "is_older", "trend"] {
                finding.remove(key).expect("it is stored");
            }
        }
        let streams = again["seen"]["streams"].as_array_mut().unwrap();
        for group in { streams.iter_mut() }
            .flat_map(|it| it["groups"].as_array_mut().unwrap())
            .filter_map(|it| it.as_object_mut())
        {
            let was = group.remove("is_temporary").expect("it is stored");
            assert_eq!(was, false);
        }
        assert_eq!(known(again), known(value(STORED.as_bytes())));
        let found = found_in(STORED.as_bytes()).unwrap().unwrap();
        let Look::Seen(seen) = look else {
            panic!("it was seen");
        };
        let troubled = seen.groups().find(|it| !it.alerts.is_empty()).unwrap();
        assert!(troubled.severity.is_some());
        assert!(!seen.doctor.findings.is_empty());
        let all: Vec<Sought> = seen.doctor.findings.iter().map(Sought::from).collect();
        assert_eq!(found, all);
    }

    #[test]
    fn a_long_error_is_cut() {
        let sample = Sample::failed(Time::from_ms(1), &"é".repeat(10_000));
        let Look::Failed(error) = sample.look else {
            panic!("it failed");
        };
        assert_eq!(error.chars().count(), ERROR_CHARS_MAX);
    }
}
