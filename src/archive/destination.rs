//! Where an archive is: a directory, or a bucket. Files are named by keys whose parts are joined by `/`; one that is there is
//! never written again.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::access::Access;
use super::bucket::Bucket;
use super::directory::Directory;
use super::stored::{Listed, Put};
use crate::model::{Kind, Problem};

/// The place of an archive. A copy is the same place.
#[derive(Clone, Debug)]
pub struct Destination(Place);

#[derive(Clone, Debug)]
enum Place {
    Directory(Arc<Directory>),
    Bucket(Arc<Bucket>),
}

impl Destination {
    /// The archive in a directory, to read it.
    ///
    /// # Errors
    /// Not found; refused when it is a link; local when it cannot be opened.
    pub fn open(directory: &Path) -> Result<Self, Problem> {
        let directory = Directory::open(directory)?;
        Ok(Self(Place::Directory(Arc::new(directory))))
    }

    /// The archive in a directory, to write it; the directory is made if it is not there.
    ///
    /// # Errors
    /// Refused when it is a link or belongs to somebody else; local when it cannot be written.
    pub fn open_to_write(directory: &Path) -> Result<Self, Problem> {
        let directory = Directory::open_to_write(directory)?;
        Ok(Self(Place::Directory(Arc::new(directory))))
    }

    /// The archive in a bucket, as `bucket/prefix`; requests go through `proxy` if that is given. TLS must be prepared.
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// Usage for what names no bucket; denied without credentials; refused when they would be sent in clear text.
    pub fn bucket(place: &str, access: &Access, proxy: Option<&str>) -> Result<Self, Problem> {
        let bucket = Bucket::new(place, access, proxy)?;
        Ok(Self(Place::Bucket(Arc::new(bucket))))
    }

    /// The place as text that is safe on a terminal.
    pub fn shown(&self) -> String {
        match &self.0 {
            Place::Directory(directory) => directory.shown(),
            Place::Bucket(bucket) => bucket.shown().to_owned(),
        }
    }

    /// Keeps others from writing the archive of a stream as long as the file is open; `None` where that is not possible,
    /// and where two do each other no harm.
    pub(super) async fn lock(&self, key: String) -> Result<Option<File>, Problem> {
        match &self.0 {
            Place::Directory(directory) => work(directory, move |it| it.lock(&key)).await.map(Some),
            Place::Bucket(_) => Ok(None),
        }
    }

    pub(super) async fn put(&self, key: String, bytes: Arc<Vec<u8>>) -> Result<Put, Problem> {
        match &self.0 {
            Place::Directory(directory) => work(directory, move |it| it.put(&key, &bytes)).await,
            Place::Bucket(bucket) => bucket.put(&key, bytes).await,
        }
    }

    pub(super) async fn get(
        &self,
        key: String,
        bytes_max: u64,
    ) -> Result<Option<Vec<u8>>, Problem> {
        match &self.0 {
            Place::Directory(directory) => work(directory, move |it| it.get(&key, bytes_max)).await,
            Place::Bucket(bucket) => bucket.get(&key, bytes_max).await,
        }
    }

    pub(super) async fn list(&self, key: String) -> Result<Vec<Listed>, Problem> {
        match &self.0 {
            Place::Directory(directory) => work(directory, move |it| it.list(&key)).await,
            Place::Bucket(bucket) => bucket.list(&key).await,
        }
    }
}

/// Disks are awaited on a thread of their own.
async fn work<T: Send + 'static>(
    directory: &Arc<Directory>,
    work: impl FnOnce(&Directory) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let directory = Arc::clone(directory);
    in_background(move || work(&directory)).await?
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
