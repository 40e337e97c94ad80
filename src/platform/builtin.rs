//! The platform's own streams and groups, which apply when no file says otherwise. Each value is stated only here.
//! Source: the platform's description of its event pipeline.

use crate::model::Name;
use crate::topology::{
    Builtin, FanOut, FieldSpec, FieldType, GroupSpec, Handler, HttpSpec, HttpTarget, StreamSpec,
    Thresholds, Topology, Workers,
};

/// The stream in which destructive commands are recorded.
const AUDIT: &str = "ucp:audit";
/// Events as they arrive.
pub const EVENTS_RAW: &str = "events.raw";
/// Events after normalisation.
pub const EVENTS_NORMALIZED: &str = "events.normalized";
/// Requests to merge profiles.
pub const MERGE_REQUESTS: &str = "profiles.merge_requests";
/// Requests for predictions.
pub const PREDICTION_REQUESTS: &str = "predictions.requests";
/// Merge requests that a person decides.
pub const REVIEW_QUEUE: &str = "profiles.review_queue";
/// Merge requests that go ahead.
pub const MERGES: &str = "profiles.merges";
/// The ML service's answers.
pub const PREDICTION_RESULTS: &str = "predictions.results";
/// The environment variable with the ML service's URL, unless the topology gives it.
pub const ML_URL_VARIABLE: &str = "UCP_STREAMS_ML_URL";

/// The event types the platform knows.
pub const EVENT_TYPES: [&str; 3] = ["purchase", "page_view", "whatsapp_message"];
/// The reasons for merging profiles.
pub const MERGE_REASONS: [&str; 2] = ["identifier_match", "manual_review"];
/// The kinds of predictions.
pub const PREDICTIONS: [&str; 3] = ["churn", "ltv", "segment"];
/// The request for all of [`PREDICTIONS`].
pub const ALL_PREDICTIONS: &str = "all";

impl Default for Topology {
    /// The built-in platform.
    fn default() -> Self {
        Self {
            streams: vec![
                events_raw(),
                events_normalized(),
                merge_requests(),
                prediction_requests(),
            ],
            groups: groups(),
            default_country: None,
            audit: Some(Name::from(AUDIT)),
            others: Thresholds::default(),
        }
    }
}

fn events_raw() -> StreamSpec {
    stream(
        EVENTS_RAW,
        10_000,
        vec![
            field("event_id", FieldType::Uuid),
            field("brand_id", FieldType::String),
            field("event_type", words(&EVENT_TYPES)),
            field("payload", FieldType::Json),
            field("timestamp", FieldType::Timestamp),
        ],
    )
}

fn events_normalized() -> StreamSpec {
    let profile_id = FieldSpec {
        optional: true,
        ..field("profile_id", FieldType::Uuid)
    };
    stream(
        EVENTS_NORMALIZED,
        10_000,
        vec![
            field("event_id", FieldType::Uuid),
            field("brand_id", FieldType::String),
            field("event_type", FieldType::String),
            profile_id,
            field("identifiers", FieldType::Json),
            field("normalized_payload", FieldType::Json),
            field("timestamp", FieldType::Timestamp),
        ],
    )
}

fn merge_requests() -> StreamSpec {
    stream(
        MERGE_REQUESTS,
        1000,
        vec![
            field("brand_id", FieldType::String),
            field("profile_ids", FieldType::JsonArray),
            field("reason", words(&MERGE_REASONS)),
            field("requires_manual_review", FieldType::Bool),
            field("timestamp", FieldType::Timestamp),
        ],
    )
}

fn prediction_requests() -> StreamSpec {
    let requests: Vec<&str> = PREDICTIONS.into_iter().chain([ALL_PREDICTIONS]).collect();
    stream(
        PREDICTION_REQUESTS,
        5000,
        vec![
            field("profile_id", FieldType::Uuid),
            field("brand_id", FieldType::String),
            field("request_type", words(&requests)),
            field("timestamp", FieldType::Timestamp),
        ],
    )
}

fn groups() -> Vec<GroupSpec> {
    let predict = HttpSpec {
        target: HttpTarget::Env(ML_URL_VARIABLE.to_owned()),
        results: Some(Name::from(PREDICTION_RESULTS)),
        fan_out: Some(FanOut {
            field: "request_type".to_owned(),
            value: ALL_PREDICTIONS.to_owned(),
            into: PREDICTIONS.map(str::to_owned).to_vec(),
        }),
    };
    vec![
        GroupSpec {
            handler: Some(Handler::Builtin(Builtin::Features)),
            ..GroupSpec::new("event-processors", EVENTS_NORMALIZED)
        },
        GroupSpec {
            workers: Workers::One,
            handler: Some(Handler::Builtin(Builtin::ReviewQueue)),
            ..GroupSpec::new("merge-processors", MERGE_REQUESTS)
        },
        GroupSpec {
            handler: Some(Handler::Http(predict)),
            ..GroupSpec::new("prediction-processors", PREDICTION_REQUESTS)
        },
    ]
}

fn stream(name: &str, maxlen: u64, fields: Vec<FieldSpec>) -> StreamSpec {
    StreamSpec {
        maxlen: Some(maxlen),
        fields,
        ..StreamSpec::new(name)
    }
}

fn field(name: &str, kind: FieldType) -> FieldSpec {
    FieldSpec {
        name: name.to_owned(),
        kind,
        optional: false,
    }
}

fn words(words: &[&str]) -> FieldType {
    FieldType::Words(words.iter().map(|word| (*word).to_owned()).collect())
}
