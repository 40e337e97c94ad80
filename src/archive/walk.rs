//! The segments of a stream in an archive, one after the other.

use std::collections::BTreeMap;

use super::destination::Destination;
use super::name::{File, SegmentName, folders, stream_folder, stream_of};
use super::stored::{Listed, ListedKind};
use crate::model::{EntryId, Kind, Name, Problem, escaped};

/// What is there of a segment, by its name.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name.
    pub name: SegmentName,
    /// Whether the segment is there.
    pub has_segment: bool,
    /// Whether its manifest is there.
    pub has_manifest: bool,
}

/// Goes through the segments of a stream by their first ids, an hour at a time.
#[derive(Debug)]
pub struct Walk<'a> {
    destination: &'a Destination,
    stream: Name,
    is_backwards: bool,
    /// Days, hours and segments that are left, the next one last.
    days: Option<Vec<String>>,
    hours: Vec<String>,
    found: Vec<Found>,
    /// The least day and hour, as their folders.
    from: (String, String),
}

impl<'a> Walk<'a> {
    /// Through all segments that may have ids from `from` on.
    pub fn forwards(destination: &'a Destination, stream: &Name, from: EntryId) -> Self {
        Self::new(destination, stream, false, folders(from))
    }

    /// From the newest segment to the oldest.
    pub fn backwards(destination: &'a Destination, stream: &Name) -> Self {
        Self::new(destination, stream, true, folders(EntryId::MIN))
    }

    fn new(
        destination: &'a Destination,
        stream: &Name,
        is_backwards: bool,
        from: (String, String),
    ) -> Self {
        Self {
            destination,
            stream: stream.clone(),
            is_backwards,
            days: None,
            hours: Vec::new(),
            found: Vec::new(),
            from,
        }
    }

    /// The next segment; `None` after the last one.
    ///
    /// # Errors
    /// Those of the destination; data loss when a file is where its name does not belong.
    pub async fn next(&mut self) -> Result<Option<Found>, Problem> {
        loop {
            if let Some(found) = self.found.pop() {
                return Ok(Some(found));
            }
            if let Some(hour) = self.hours.pop() {
                self.found = self.segments_of(hour).await?;
                continue;
            }
            if self.days.is_none() {
                let stream = stream_folder(&self.stream)?;
                let days = self
                    .folders_of(&stream, "dt=", &self.from.0.clone())
                    .await?;
                self.days = Some(days);
            }
            let Some(day) = self.days.as_mut().and_then(Vec::pop) else {
                return Ok(None);
            };
            let is_first = day.ends_with(&self.from.0);
            let from = if is_first {
                self.from.1.clone()
            } else {
                String::new()
            };
            self.hours = self.folders_of(&day, "hour=", &from).await?;
        }
    }

    /// The folders of a key whose names begin with `prefix`, from `from` on, the next one last.
    async fn folders_of(
        &self,
        key: &str,
        prefix: &str,
        from: &str,
    ) -> Result<Vec<String>, Problem> {
        let mut folders = folders_in(self.destination, key, prefix, from).await?;
        self.next_last(&mut folders);
        Ok(folders)
    }

    async fn segments_of(&self, hour: String) -> Result<Vec<Found>, Problem> {
        let mut all = BTreeMap::<EntryId, Found>::new();
        for Listed { name, kind } in self.destination.list(hour.clone()).await? {
            let Some(file) = File::parse(&name) else {
                continue;
            };
            require(kind == ListedKind::File, &hour, &name)?;
            let (File::Segment(first) | File::Manifest(first)) = file;
            let segment = SegmentName::new(&self.stream, first);
            if segment.folder() != hour {
                let text = format!(
                    "the archive in {} is damaged: {hour}/{name} belongs into {}",
                    self.destination.shown(),
                    segment.folder()
                );
                return Err(Problem::new(Kind::DataLoss, text).hint("move it back, or remove it"));
            }
            let found = all.entry(first).or_insert(Found {
                name: segment,
                has_segment: false,
                has_manifest: false,
            });
            match file {
                File::Segment(_) => found.has_segment = true,
                File::Manifest(_) => found.has_manifest = true,
            }
        }
        let mut found: Vec<Found> = all.into_values().collect();
        self.next_last(&mut found);
        Ok(found)
    }

    fn next_last<T>(&self, sorted: &mut [T]) {
        if !self.is_backwards {
            sorted.reverse();
        }
    }
}

/// The keys of the folders in a folder whose names begin with `prefix`, from the name `from` on, in order.
///
/// # Errors
/// Those of the destination; refused when one of them is a link.
pub(super) async fn folders_in(
    destination: &Destination,
    key: &str,
    prefix: &str,
    from: &str,
) -> Result<Vec<String>, Problem> {
    let mut folders = Vec::new();
    for Listed { name, kind } in destination.list(key.to_owned()).await? {
        if !name.starts_with(prefix) || name.as_str() < from {
            continue;
        }
        require(kind == ListedKind::Folder, key, &name)?;
        folders.push(format!("{key}/{name}"));
    }
    folders.sort_unstable();
    Ok(folders)
}

/// Refuses a name of ours that is something else, such as a link.
pub(super) fn require(is_right: bool, key: &str, name: &str) -> Result<(), Problem> {
    if is_right {
        return Ok(());
    }
    let text = format!(
        "{} in the archive is a symbolic link or of another type, which is not followed",
        escaped(format!("{key}/{name}").as_bytes())
    );
    Err(Problem::refused(text).hint("remove it, or copy what it points to into its place"))
}

/// The streams that an archive has, by name.
///
/// # Errors
/// Those of the destination.
pub async fn streams_of(destination: &Destination) -> Result<Vec<Name>, Problem> {
    let mut streams = Vec::new();
    for Listed { name, kind } in destination.list(String::new()).await? {
        if let Some(stream) = stream_of(&name) {
            require(kind == ListedKind::Folder, "", &name)?;
            streams.push(stream);
        }
    }
    streams.sort_unstable();
    Ok(streams)
}
