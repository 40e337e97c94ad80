//! Where an archive is: a directory. Files are named by keys whose parts are joined by `/`; one that is there is never
//! written again.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::directory::Directory;
use super::stored::{Listed, Put};
use crate::model::{Kind, Problem};

/// The place of an archive. A copy is the same place.
#[derive(Clone, Debug)]
pub struct Destination(Arc<Directory>);

impl Destination {
    /// The archive at `place`, to read it.
    ///
    /// # Errors
    /// Not found; refused when it is a link; local when it cannot be opened.
    pub fn open(place: &Path) -> Result<Self, Problem> {
        Ok(Self(Arc::new(Directory::open(place)?)))
    }

    /// The archive at `place`, to write it; a directory is made if it is not there.
    ///
    /// # Errors
    /// Refused when it is a link or belongs to somebody else; local when it cannot be written.
    pub fn open_to_write(place: &Path) -> Result<Self, Problem> {
        Ok(Self(Arc::new(Directory::open_to_write(place)?)))
    }

    /// The place as text that is safe on a terminal.
    pub fn shown(&self) -> String {
        self.0.shown()
    }

    /// Keeps others from writing the archive of a stream, where that is possible, as long as the file is open.
    pub(super) async fn lock(&self, key: String) -> Result<File, Problem> {
        self.work(move |it| it.lock(&key)).await
    }

    pub(super) async fn put(&self, key: String, bytes: Arc<Vec<u8>>) -> Result<Put, Problem> {
        self.work(move |it| it.put(&key, &bytes)).await
    }

    pub(super) async fn get(
        &self,
        key: String,
        bytes_max: u64,
    ) -> Result<Option<Vec<u8>>, Problem> {
        self.work(move |it| it.get(&key, bytes_max)).await
    }

    pub(super) async fn list(&self, key: String) -> Result<Vec<Listed>, Problem> {
        self.work(move |it| it.list(&key)).await
    }

    /// Disks are awaited on a thread of their own.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Directory) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let directory = Arc::clone(&self.0);
        in_background(move || work(&directory)).await?
    }
}

/// Runs `work` on a thread of its own.
///
/// # Errors
/// A bug when it panicked.
pub(super) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::new(Kind::Bug, format!("the archive's thread ended: {error}")))
}
