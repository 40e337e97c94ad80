//! What JSON on its way to standard output goes through.

use super::{JqFilter, Template};
use crate::model::Problem;

/// One of the two ways.
#[derive(Debug)]
pub enum Reshape {
    /// `--jq`.
    Filter(JqFilter),
    /// `--template`.
    Template(Template),
}

impl Reshape {
    /// Appends what becomes of the whole JSON values in `json`.
    ///
    /// # Errors
    /// A usage [`Problem`], when `json` is none or when it does not suit the expression.
    pub fn apply(&self, out: &mut Vec<u8>, json: &[u8], terminal: bool) -> Result<(), Problem> {
        match self {
            Self::Filter(filter) => filter.apply(out, json, terminal),
            Self::Template(template) => template.apply(out, json),
        }
    }
}
