//! Reads what was found of a segment, and says what is wrong with it.

use std::sync::Arc;

use super::destination::{Destination, in_background};
use super::groups::{GROUPS_BYTES_MAX, Groups};
use super::manifest::{MANIFEST_BYTES_MAX, Manifest};
use super::name::{File, groups_folder, groups_key};
use super::segment::Segment;
use super::stored::{Listed, ListedKind, too_large};
use super::walk::{Found, folders_in, require};
use crate::model::{EntryId, Kind, Name, Problem};

/// The greatest size of a segment, compressed and expanded, that is read back to go on after it.
pub(super) const READ_BACK_MAX: u64 = 4 << 30;

/// A segment that was read.
#[derive(Debug)]
pub struct Loaded {
    /// What was found.
    pub found: Found,
    /// Its manifest; `None` when nothing says what it had.
    pub manifest: Option<Manifest>,
    /// The segment; `None` when there is nothing to read.
    pub segment: Option<Arc<Segment>>,
    /// What is wrong with it as a whole; its frames are not looked at.
    pub problem: Option<String>,
}

/// The manifest of a segment; `Err` says what is wrong with it.
///
/// # Errors
/// Those of the destination; local when it is of a newer format.
pub(super) async fn manifest_of(
    destination: &Destination,
    found: &Found,
) -> Result<Result<Manifest, String>, Problem> {
    let key = found.name.manifest();
    let bytes = destination.get(key, MANIFEST_BYTES_MAX).await?;
    match bytes {
        Some(bytes) => Manifest::parse(&bytes, &found.name),
        None => Ok(Err("its manifest is missing".to_owned())),
    }
}

/// Reads a segment of at most `expanded_max` bytes.
///
/// # Errors
/// Those of the destination; refused when the segment, or what it expands to, is larger; local when it is of a newer
/// format.
pub async fn load(
    destination: &Destination,
    found: Found,
    expanded_max: u64,
) -> Result<Loaded, Problem> {
    let manifest = if found.has_manifest {
        Some(manifest_of(destination, &found).await?)
    } else {
        None
    };
    if let Some(Ok(manifest)) = &manifest
        && manifest.expanded_bytes > expanded_max
    {
        return Err(too_large(
            &manifest.segment,
            &destination.shown(),
            expanded_max,
        ));
    }
    let key = found.name.segment();
    let bytes = destination.get(key, expanded_max).await?;
    let (manifest, segment, problem) = match (manifest, bytes) {
        (Some(Ok(manifest)), Some(bytes)) => {
            let segment = Segment::new(manifest.clone(), bytes);
            let checked = in_background(move || (segment.is_whole(), segment));
            let (is_whole, segment) = checked.await?;
            let problem = (!is_whole).then(|| "its checksum is wrong".to_owned());
            (Some(manifest), Some(segment), problem)
        }
        (Some(Ok(manifest)), None) => (Some(manifest), None, Some("it is missing".to_owned())),
        (Some(Err(problem)), None) => (None, None, Some(format!("it is missing, and {problem}"))),
        (None, None) => (None, None, Some("it is missing".to_owned())),
        (manifest, Some(bytes)) => {
            let problem = manifest.and_then(Result::err);
            let name = found.name.clone();
            let described =
                in_background(move || Segment::described(&name, None, bytes, expanded_max));
            match described.await? {
                Ok(segment) => (Some(segment.manifest.clone()), Some(segment), problem),
                Err(why) => (None, None, Some(why)),
            }
        }
    };
    Ok(Loaded {
        found,
        manifest,
        segment: segment.map(Arc::new),
        problem,
    })
}

/// The newest snapshot of a stream's groups that is whole, and what is wrong with newer ones; `None` when there is none.
///
/// # Errors
/// Those of the destination; local when it is of a newer format.
pub async fn newest_groups(
    destination: &Destination,
    stream: &Name,
    expanded_max: u64,
) -> Result<(Option<Groups>, Vec<String>), Problem> {
    let mut problems = Vec::new();
    let mut days = folders_in(destination, &groups_folder(stream), "dt=", "").await?;
    while let Some(day) = days.pop() {
        let mut taken = groups_taken(destination, &day).await?;
        while let Some(id) = taken.pop() {
            let key = groups_key(stream, id);
            let Some(bytes) = destination.get(key.clone(), GROUPS_BYTES_MAX).await? else {
                continue;
            };
            let (stream, shown) = (stream.clone(), key.clone());
            let parsed = in_background(move || Groups::parse((&key, bytes), &stream, expanded_max));
            match parsed.await?? {
                Ok(groups) => return Ok((Some(groups), problems)),
                Err(why) => problems.push(format!("{shown}: {why}")),
            }
        }
    }
    Ok((None, problems))
}

/// When the newest snapshot of a stream's groups was taken; `None` when there is none.
pub(super) async fn newest_taken(
    destination: &Destination,
    stream: &Name,
) -> Result<Option<EntryId>, Problem> {
    let mut days = folders_in(destination, &groups_folder(stream), "dt=", "").await?;
    while let Some(day) = days.pop() {
        if let Some(newest) = groups_taken(destination, &day).await?.pop() {
            return Ok(Some(newest));
        }
    }
    Ok(None)
}

/// When the snapshots of groups in the folder of a day were taken, the newest last.
async fn groups_taken(destination: &Destination, day: &str) -> Result<Vec<EntryId>, Problem> {
    let mut taken = Vec::new();
    for Listed { name, kind } in destination.list(day.to_owned()).await? {
        if let Some(File::Segment(id)) = File::parse(&name) {
            require(kind == ListedKind::File, day, &name)?;
            taken.push(id);
        }
    }
    taken.sort_unstable();
    Ok(taken)
}

/// The error that a part of an archive is damaged.
pub(super) fn damaged(destination: &Destination, key: &str, why: &str) -> Problem {
    let text = format!(
        "the archive in {} is damaged: {key}: {why}",
        destination.shown()
    );
    Problem::new(Kind::DataLoss, text)
}
