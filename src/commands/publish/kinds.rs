//! The platform's four kinds of entries. Each field has a flag; FIELD=VALUE works as for any stream.
#![expect(clippy::doc_markdown, reason = "the docs are the help text")]

use std::ffi::OsString;

use super::Common;
use crate::cli::{FieldValue, bytes_of, field_value};
use crate::model::{Fields, Name, Problem};
use crate::platform::{EVENTS_NORMALIZED, EVENTS_RAW, MERGE_REQUESTS, PREDICTION_REQUESTS};

/// The arguments given for a kind.
struct Parts {
    flags: Vec<(&'static str, Option<OsString>)>,
    fields: Vec<FieldValue>,
    common: Common,
}

/// Defines the arguments of a kind: a flag for each field of its schema, none of which goes together with --file.
macro_rules! kind {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident),+ $(,)? }) => {
        #[derive(Debug, clap::Args)]
        #[allow(clippy::struct_field_names, reason = "the fields are the schema's")]
        $(#[$about])*
        pub(crate) struct $name {
            $($(#[$doc])* #[arg(long, value_name = "VALUE", conflicts_with = "file", allow_hyphen_values = true)]
            $field: Option<OsString>,)+
            /// Fields as name=value, instead of the flags; the platform's camelCase names are accepted
            #[arg(value_name = "FIELD=VALUE", value_parser = field_value(), conflicts_with = "file")]
            fields: Vec<FieldValue>,
            #[command(flatten)]
            common: Common,
        }

        impl $name {
            fn parts(self) -> Parts {
                Parts {
                    flags: vec![$((stringify!($field), self.$field)),+],
                    fields: self.fields,
                    common: self.common,
                }
            }
        }
    };
}

kind! {
    /// Publish an event as it was received, to events.raw
    #[command(after_help = "\
Examples:
  ucp-streams publish raw --brand-id aurora --event-type purchase \\
      --payload '{\"total\": 12.5}'
  ucp-streams publish raw --file events.ndjson")]
    Raw {
        /// The event's id; a new UUID when it is not given
        event_id,
        /// The brand's id
        brand_id,
        /// What happened: purchase, page_view or whatsapp_message
        event_type,
        /// The event as JSON
        payload,
        /// When it happened (ISO 8601); now when it is not given
        timestamp,
    }
}

kind! {
    /// Publish a normalised event, to events.normalized
    #[command(after_help = "\
Examples:
  ucp-streams publish normalized --brand-id aurora --event-type page_view \\
      --identifiers '{}' --normalized-payload '{}'
  ucp-streams publish normalized --file normalized.ndjson --maxlen none")]
    Normalized {
        /// The event's id; a new UUID when it is not given
        event_id,
        /// The brand's id
        brand_id,
        /// The kind of event
        event_type,
        /// The event's profile (a UUID), if it is already known
        profile_id,
        /// The identifiers of the person, as a JSON object
        identifiers,
        /// The event's normalised payload, as JSON
        normalized_payload,
        /// When it happened (ISO 8601); now when it is not given
        timestamp,
    }
}

kind! {
    /// Publish a request to merge profiles, to profiles.merge_requests
    #[command(after_help = "\
Examples:
  ucp-streams publish merge-request --brand-id aurora \\
      --profile-ids '[\"p1\",\"p2\"]' --reason identifier_match \\
      --requires-manual-review false
  ucp-streams publish merge-request --file merges.ndjson --dry-run")]
    MergeRequest {
        /// The brand's id
        brand_id,
        /// The profiles to merge, as a JSON array
        profile_ids,
        /// The reason for the merge: identifier_match or manual_review
        reason,
        /// Whether a person must review it: true or false
        requires_manual_review,
        /// The time of the request (ISO 8601); now when it is not given
        timestamp,
    }
}

kind! {
    /// Publish a request for a prediction, to predictions.requests
    #[command(after_help = "\
Examples:
  ucp-streams publish prediction-request --brand-id aurora \\
      --profile-id 5f0c9a4e-7c1f-4f0e-9d53-0d4a3b0f2c11 --request-type churn
  ucp-streams publish prediction-request --file requests.ndjson")]
    PredictionRequest {
        /// The profile to make a prediction for (a UUID)
        profile_id,
        /// The brand's id
        brand_id,
        /// What to predict: churn, ltv, segment or all
        request_type,
        /// The time of the request (ISO 8601); now when it is not given
        timestamp,
    }
}

/// The names of the kinds, as subcommands.
pub(super) fn names() -> Vec<String> {
    let tree = <Kind as clap::Subcommand>::augment_subcommands(clap::Command::new("publish"));
    let names = tree.get_subcommands().map(clap::Command::get_name);
    names.map(str::to_owned).collect()
}

/// One of the kinds.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Kind {
    Raw(Raw),
    Normalized(Normalized),
    MergeRequest(MergeRequest),
    PredictionRequest(PredictionRequest),
}

impl Kind {
    /// The stream, the given fields (flags in the order of the schema, then the others), and the other options.
    pub(super) fn resolve(self) -> Result<(Name, Fields, Common), Problem> {
        let (stream, parts) = match self {
            Self::Raw(args) => (EVENTS_RAW, args.parts()),
            Self::Normalized(args) => (EVENTS_NORMALIZED, args.parts()),
            Self::MergeRequest(args) => (MERGE_REQUESTS, args.parts()),
            Self::PredictionRequest(args) => (PREDICTION_REQUESTS, args.parts()),
        };
        let mut fields = Fields::new();
        for (name, value) in parts.flags {
            if let Some(value) = value {
                let value = bytes_of(value).map_err(|shown| {
                    Problem::usage(format!("{name}: `{shown}` is not Unicode text"))
                })?;
                fields.push((name.as_bytes().to_vec(), value));
            }
        }
        let given = |it: FieldValue| (it.field.as_bytes().to_vec(), it.value);
        fields.extend(parts.fields.into_iter().map(given));
        Ok((stream.into(), fields, parts.common))
    }
}
