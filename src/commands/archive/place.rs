//! Where an archive is, as it is given on the command line: a directory, or `s3://BUCKET/PREFIX`.

use std::path::Path;

use crate::archive::{Access, Destination};
use crate::commands::shared::proxy::proxy_for;
use crate::model::Problem;
use crate::settings::Settings;
use crate::streams::archive::open_bucket;

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
pub(super) fn open_to_write(place: &Path) -> Result<Destination, Problem> {
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
