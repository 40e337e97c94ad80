//! What an archive has, and what of it is damaged.

use super::destination::Destination;
use super::load::{Loaded, load, manifest_of, newest_groups};
use super::manifest::Manifest;
use super::walk::{Walk, streams_of};
use crate::model::{EntryId, Name, Problem, Time, report, states};

states! {
    /// What is known of a segment.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum SegmentState {
        /// It has a manifest. Whether it is as that says was not looked at.
        Confirmed = "confirmed" in Ok,
        /// All of it is as its manifest says.
        Whole = "whole" in Ok,
        /// It has no manifest: its writer was killed, or is at work. The next `archive` checks it and takes it over.
        Unconfirmed = "unconfirmed" in Warn,
        /// It is not as its manifest says, or missing.
        Damaged = "damaged" in Bad,
    }
}

report! {
    /// A segment of an archive.
    #[derive(Clone, Debug)]
    pub struct SegmentRow {
        /// Its name, as a path in the archive.
        pub segment: String => whole("SEGMENT"),
        /// The stream.
        pub stream: Name => text("STREAM", wide),
        /// What is known of it.
        pub state: SegmentState => whole("STATE"),
        /// Its entries; `None` when nothing says how many.
        pub entries: Option<u64> => number("ENTRIES", unknown),
        /// The id of its first entry.
        pub first_id: EntryId => whole("FIRST", wide),
        /// When that was added, by its id.
        pub first_time: Option<Time> => whole("FROM"),
        /// The id of its last entry; `None` when nothing says it.
        pub last_id: Option<EntryId> => whole("LAST"),
        /// Its size in bytes.
        pub bytes: Option<u64> => bytes("SIZE", unknown),
        /// Its size in bytes when it is expanded.
        pub expanded_bytes: Option<u64> => bytes("EXPANDED", wide, unknown),
        /// Its checksum.
        pub sha256: Option<String> => text("SHA256", wide),
        /// What is wrong with it.
        pub problem: Option<String> => text("PROBLEM", sparse),
        /// The first and the last id of each part that is damaged, and its entries.
        pub damaged: Vec<DamagedPart>,
    }
}

/// A part of a segment that cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct DamagedPart {
    /// The id of its first entry.
    pub first_id: EntryId,
    /// The id of its last entry.
    pub last_id: EntryId,
    /// Its entries.
    pub entries: u64,
}

impl SegmentRow {
    fn new(key: String, stream: &Name, first_id: EntryId, manifest: Option<&Manifest>) -> Self {
        Self {
            segment: key,
            stream: stream.clone(),
            state: SegmentState::Confirmed,
            entries: manifest.map(|it| it.entries),
            first_id,
            first_time: first_id.time(),
            last_id: manifest.map(|it| it.last_id),
            bytes: manifest.map(|it| it.bytes),
            expanded_bytes: manifest.map(|it| it.expanded_bytes),
            sha256: manifest.map(|it| it.sha256.clone()),
            problem: None,
            damaged: Vec::new(),
        }
    }

    /// Marks it as damaged, unless that is known.
    fn damage(&mut self, problem: impl Into<String>) {
        self.state = SegmentState::Damaged;
        self.problem.get_or_insert(problem.into());
    }

    /// How many entries it has that cannot be read any more.
    pub fn lost(&self) -> u64 {
        self.damaged.iter().map(|it| it.entries).sum()
    }
}

/// The segments of an archive: of this stream, or of all.
///
/// # Errors
/// Those of the destination; not found when it has no such stream.
pub async fn list(
    destination: &Destination,
    stream: Option<&Name>,
) -> Result<Vec<SegmentRow>, Problem> {
    let mut rows = Vec::new();
    for stream in wanted(destination, stream).await? {
        let mut walk = Walk::forwards(destination, &stream, EntryId::MIN);
        while let Some(found) = walk.next().await? {
            let (key, first) = (found.name.segment(), found.name.first);
            if !found.has_manifest {
                let mut row = SegmentRow::new(key, &stream, first, None);
                row.state = SegmentState::Unconfirmed;
                rows.push(row);
                continue;
            }
            let manifest = manifest_of(destination, &found).await?;
            let mut row = SegmentRow::new(key, &stream, first, manifest.as_ref().ok());
            if let Err(problem) = manifest {
                row.damage(problem);
            }
            if !found.has_segment {
                row.damage("it is missing");
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The streams to look at.
async fn wanted(destination: &Destination, stream: Option<&Name>) -> Result<Vec<Name>, Problem> {
    let streams = streams_of(destination).await?;
    let Some(stream) = stream else {
        return Ok(streams);
    };
    require_stream(destination, &streams, stream)?;
    Ok(vec![stream.clone()])
}

/// The stream of the archive that is meant: the one called `named`, that of the same name as `like`, or the only one.
///
/// # Errors
/// Those of the destination; not found when it has none; a usage error when it has several.
pub async fn stream_meant(
    destination: &Destination,
    named: Option<&Name>,
    like: Option<&Name>,
) -> Result<Name, Problem> {
    let streams = streams_of(destination).await?;
    let named = named.or_else(|| streams.iter().find(|it| Some(*it) == like));
    match (&streams[..], named) {
        (_, Some(name)) => Ok(name.clone()),
        ([only], None) => Ok(only.clone()),
        ([], None) => {
            let text = format!("the archive in {} has no stream", destination.shown());
            Err(Problem::not_found(text))
        }
        (several, None) => {
            let listed: Vec<String> = several.iter().map(|it| format!("`{it}`")).collect();
            let text = format!(
                "the archive in {} has several streams: {}",
                destination.shown(),
                listed.join(", ")
            );
            Err(Problem::usage(text).hint("say which one with --stream"))
        }
    }
}

/// Refuses a stream that the archive does not have.
pub(super) fn require_stream(
    destination: &Destination,
    streams: &[Name],
    stream: &Name,
) -> Result<(), Problem> {
    if streams.contains(stream) {
        return Ok(());
    }
    let text = format!(
        "the archive in {} has no stream `{stream}`",
        destination.shown()
    );
    let names: Vec<String> = streams.iter().map(|it| format!("`{it}`")).collect();
    let problem = Problem::not_found(text);
    Err(match &names[..] {
        [] => problem.hint("it has none"),
        names => problem.hint(format!("it has {}", names.join(", "))),
    })
}

/// Reads an archive from end to end, and says of each segment whether it is whole; `told` is given its entries.
///
/// # Errors
/// Those of the destination; not found when it has no such stream; refused when a segment is larger than `expanded_max`
/// bytes.
pub async fn verify(
    destination: &Destination,
    stream: Option<&Name>,
    expanded_max: u64,
    told: impl Fn(u64),
) -> Result<Vec<SegmentRow>, Problem> {
    let mut rows = Vec::new();
    for stream in wanted(destination, stream).await? {
        rows.extend(verify_stream(destination, &stream, expanded_max, &told).await?);
    }
    Ok(rows)
}

async fn verify_stream(
    destination: &Destination,
    stream: &Name,
    expanded_max: u64,
    told: &impl Fn(u64),
) -> Result<Vec<SegmentRow>, Problem> {
    let mut rows: Vec<SegmentRow> = Vec::new();
    let mut end = None;
    let mut walk = Walk::forwards(destination, stream, EntryId::MIN);
    while let Some(found) = walk.next().await? {
        let is_confirmed = found.has_manifest;
        let loaded = load(destination, found, expanded_max).await?;
        let mut row = verified(&loaded).await?;
        if is_confirmed {
            for before in rows.iter_mut().rev() {
                if before.state != SegmentState::Unconfirmed {
                    break;
                }
                before.damage("its manifest is missing");
            }
            let follows = loaded
                .manifest
                .as_ref()
                .filter(|_| loaded.problem.is_none());
            if let Some(manifest) = follows
                && let Some(why) = hole(end, manifest)
            {
                row.damage(why);
            }
        }
        told(row.entries.unwrap_or_default());
        end = row.last_id.or(end);
        rows.push(row);
    }
    let (groups, problems) = newest_groups(destination, stream, expanded_max).await?;
    for problem in problems {
        let (key, why) = problem.split_once(": ").unwrap_or(("", &problem));
        let mut row = SegmentRow::new(key.to_owned(), stream, EntryId::MIN, None);
        row.damage(why);
        rows.push(row);
    }
    let through = groups.and_then(|it| it.head.archived_through);
    if let Some(through) = through.filter(|it| end.is_none_or(|end| end < *it)) {
        let mut row = SegmentRow::new(
            super::name::groups_folder(stream),
            stream,
            EntryId::MIN,
            None,
        );
        row.damage(format!(
            "the segments after it, up to {through}, are missing"
        ));
        rows.push(row);
    }
    Ok(rows)
}

/// What is missing between `end` and a segment; `None` when it follows.
fn hole(end: Option<EntryId>, manifest: &Manifest) -> Option<String> {
    match (end, manifest.follows) {
        (None, Some(follows)) => Some(format!(
            "the segments before it, up to {follows}, are missing"
        )),
        (Some(end), Some(follows)) if end < follows => Some(format!(
            "the segments between {end} and it, up to {follows}, are missing"
        )),
        _ => None,
    }
}

/// The row of a segment whose frames are looked at.
async fn verified(loaded: &Loaded) -> Result<SegmentRow, Problem> {
    let name = &loaded.found.name;
    let manifest = loaded.manifest.as_ref();
    let mut row = SegmentRow::new(name.segment(), &name.stream, name.first, manifest);
    row.state = if loaded.found.has_manifest {
        SegmentState::Whole
    } else {
        SegmentState::Unconfirmed
    };
    let frames = manifest.map_or(&[][..], |it| &it.frames);
    for frame in frames {
        let whole = match &loaded.segment {
            Some(segment) => segment.unpacked(frame.clone()).await?,
            None => Err("it is missing".to_owned()),
        };
        if let Err(why) = whole {
            row.damaged.push(DamagedPart {
                first_id: frame.first_id,
                last_id: frame.last_id,
                entries: frame.entries,
            });
            row.damage(why);
        }
    }
    if let Some(problem) = &loaded.problem {
        row.damage(problem);
    }
    Ok(row)
}
