//! Where an archive is, as it is given on the command line: a directory, or `s3://BUCKET/PREFIX`.

use std::path::Path;

use super::proxy::proxy_for;
use crate::archive::{Access, Destination};
use crate::cli::size;
use crate::model::Problem;
use crate::settings::Settings;
use crate::streams::archive::open_bucket;

/// The limit on what is read of a segment.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::commands) struct Expanded {
    /// Refuse a segment that has more than this when it is expanded
    #[arg(long = "max-expanded", value_name = "SIZE", default_value = "1GiB", value_parser = size)]
    pub(in crate::commands) bytes: u64,
}

/// What a place in a bucket begins with.
const BUCKET: &str = "s3://";

/// The archive at `place`, to read it.
///
/// # Errors
/// As [`Destination::open`] and [`Destination::bucket`].
pub(in crate::commands) fn open(place: &Path) -> Result<Destination, Problem> {
    match bucket(place) {
        Some(bucket) => bucket,
        None => Destination::open(place),
    }
}

/// The archive at `place`, to write it.
///
/// # Errors
/// As [`Destination::open_to_write`] and [`Destination::bucket`].
pub(in crate::commands) fn open_to_write(place: &Path) -> Result<Destination, Problem> {
    match bucket(place) {
        Some(bucket) => bucket,
        None => Destination::open_to_write(place),
    }
}

/// `None` for a directory.
fn bucket(place: &Path) -> Option<Result<Destination, Problem>> {
    let place = place.to_str()?.strip_prefix(BUCKET)?;
    let open = || {
        let variables = Settings::s3_variables();
        let access = Access {
            endpoint: variables.endpoint,
            region: variables.region,
            key: variables.key,
            token: variables.token,
        };
        let endpoint = access.url();
        let proxy = proxy_for(&endpoint, &Settings::proxy_variables())?;
        open_bucket(place, &access, proxy.as_deref())
    };
    Some(open())
}
