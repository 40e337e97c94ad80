//! The client of a binary that was built without Kafka: it cannot be made, and says so.

use std::convert::Infallible;
use std::time::Duration;

use super::{Bounds, Cluster, Compression, Error, Place, Record, Stored};
use crate::model::Kind;

/// A client that cannot exist.
#[derive(Clone, Debug)]
pub struct Client(Infallible);

/// A reader that cannot exist.
#[derive(Debug)]
pub struct Reader(Infallible);

/// A producer that cannot exist.
#[derive(Debug)]
pub struct Producer(Infallible);

impl Client {
    /// Always fails.
    ///
    /// # Errors
    /// This binary was built without Kafka.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn connect(_: &Cluster, _: Duration) -> Result<Self, Error> {
        let text = "this binary was built without Kafka: install one that was built with the cargo feature `kafka`";
        Err(Error::new(Kind::Usage, false, text))
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn partitions(&self, _: &str) -> Result<u32, Error> {
        match self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn bounds(&self, _: &str) -> Result<Vec<Bounds>, Error> {
        match self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn since(&self, _: &str, _: u64) -> Result<Vec<Option<i64>>, Error> {
        match self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn reader(&self, _: &str, _: &[(u32, i64)]) -> Result<Reader, Error> {
        match self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn producer(&self, _: &str, _: Compression) -> Result<Producer, Error> {
        match self.0 {}
    }
}

impl Reader {
    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn poll(&mut self, _: Duration) -> Result<Vec<Stored>, Error> {
        match self.0 {}
    }

    /// Cannot be called.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn position(&self, _: u32) -> Option<i64> {
        match self.0 {}
    }

    /// Cannot be called.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn close(self) {
        match self.0 {}
    }
}

impl Producer {
    /// Cannot be called.
    pub fn batch_bytes(&self) -> usize {
        match self.0 {}
    }

    /// Cannot be called.
    #[expect(clippy::unused_async, reason = "as the client's")]
    pub async fn send(&self, _: Vec<Record>) -> Vec<Result<Place, Error>> {
        match self.0 {}
    }
}
