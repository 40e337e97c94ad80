//! Stands in for what writes Parquet in a binary without the feature `parquet`.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use super::table::{ColumnSpec, Written};
use crate::model::Entry;

/// Nothing can be written.
#[derive(Debug)]
pub(super) enum Writer {}

impl Writer {
    /// # Errors
    /// Always.
    pub(super) fn create(_: &Path, _: Vec<ColumnSpec>) -> io::Result<Self> {
        let text = "this binary was built without the feature `parquet`";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    pub(super) fn push(&mut self, _: &Entry) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn finish(self) -> io::Result<(NamedTempFile, Written)> {
        match self {}
    }
}
