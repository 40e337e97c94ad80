//! What JSON passes through before it reaches standard output.

use super::{JqFilter, Template};
use crate::model::Problem;

/// One of the two transformations.
#[derive(Debug)]
pub enum Reshape {
    /// `--jq`.
    Filter(JqFilter),
    /// `--template`.
    Template(Template),
}

impl Reshape {
    /// Appends the results for the whole JSON values in `json`.
    ///
    /// # Errors
    /// A usage [`Problem`] when `json` is not JSON, or when it does not suit the expression.
    pub fn apply(&self, out: &mut Vec<u8>, json: &[u8], terminal: bool) -> Result<(), Problem> {
        match self {
            Self::Filter(filter) => filter.apply(out, json, terminal),
            Self::Template(template) => template.apply(out, json),
        }
    }
}
