//! Plain values that every layer shares: entry ids, entries, names, the server's replies about streams, groups,
//! consumers and pending entries, and the [`Problem`] an operation ends with.
//!
//! Nothing here does I/O, names a client crate, or knows how it is shown.

mod adaptive_batch;
mod backoff;
mod batch;
mod body;
mod claim_idle;
mod consent;
mod counted;
mod decimal;
mod duration;
mod edge;
mod encoded;
mod encoding;
mod entry;
mod escape;
mod fields;
mod format;
mod human;
mod id;
mod impact;
mod in_flight;
mod info;
mod instant;
mod json_text;
mod lag;
mod limit;
mod losses;
mod name;
mod name_quotes;
mod open_breaker;
mod own_fields;
mod phone;
mod plan;
mod problem;
mod report;
mod secret;
mod shell;
mod shown_name;
mod suggest;
mod time;
mod web_address;

pub use adaptive_batch::AdaptiveBatch;
pub use backoff::{Backoff, Waits};
pub use batch::Batch;
pub use body::{Body, EntryObject};
pub use claim_idle::ClaimIdle;
pub use consent::Consent;
pub use counted::{counted, entries, with_commas};
pub use duration::{
    DurationError, as_ms, format_duration, format_duration_short, parse_duration, whole_ms,
};
pub use edge::Edge;
pub use encoded::{decoded, encoded, key_of, name_of_key};
pub use encoding::{MARK, NotUtf8, text_of, without_mark};
pub use entry::Entry;
pub use escape::{escape_into, escaped};
pub use fields::{Fields, bytes_of};
pub use format::{Format, LogFormat};
pub use human::{human_bytes, human_count, human_millis};
pub use id::{EntryId, IdError};
pub use impact::Impact;
pub use in_flight::InFlight;
pub use info::{ConsumerInfo, GroupInfo, PendingEntry, PendingSummary, StreamInfo, is_fatal};
pub use instant::{Instant, Written};
pub use json_text::{JsonText, NotJson};
pub use lag::Lag;
pub use limit::Limit;
pub use losses::Losses;
pub use name::Name;
pub use name_quotes::{NameError, quoted as quoted_name};
pub use open_breaker::OpenBreaker;
pub use own_fields::{Provenance, before_moves};
pub use phone::{Country, normalize_phone};
pub use plan::{Plan, PlanDocument, PlanFacts, PlanHolder, SeenGroup};
pub use problem::{Kind, Problem};
pub use report::{Align, Cell, Column, Row, Tone, narrowed};
pub(crate) use report::{report, states};
pub use secret::{SECRET_VARIABLES, without_secrets};
pub use shell::{CommandLine, quoted};
pub use shown_name::{is_seen, shown as shown_name, shown_field};
pub use suggest::{did_you_mean, mistyped, nearest};
pub use time::Time;
pub use web_address::{TO_ENCODE, UrlSecrets, is_cut_off, shown_url};
