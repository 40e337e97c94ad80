//! Counts dead letters by the values they share.

use super::{LetterPager, Letters, Source};
use crate::model::Name;
use crate::streams::pending::{Cluster, Clusters};
use crate::wire::{self, Connection};

/// The greatest number of dead letters that are read to count them by their values.
pub const CLUSTERED_MAX: u64 = 10_000;

/// Dead letters counted by the values of fields.
#[derive(Debug)]
pub struct Common {
    clusters: Clusters,
    by: Vec<Name>,
    /// How many were looked at.
    pub looked_at: u64,
    /// Whether there are more.
    pub has_more: bool,
}

impl Common {
    /// Counts by the values of these names: fields, paths into fields that hold JSON, and `reason` (its last line that
    /// is not empty), `group`, `stream` and `consumer` of the dead letter.
    pub fn new(by: &[Name]) -> Self {
        Self {
            clusters: Clusters::new(by),
            by: by.to_vec(),
            looked_at: 0,
            has_more: false,
        }
    }

    /// Counts the matching dead letters of one stream, page by page, up to the limit.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn count(
        &mut self,
        connection: &Connection,
        source: &Source,
        wanted: &Letters,
    ) -> wire::Result<Vec<super::Doubt>> {
        let mut pager = LetterPager::new(connection, source, wanted);
        let most = CLUSTERED_MAX.min(wanted.count_max as u64);
        while let Some(page) = pager.page().await? {
            for letter in page {
                if self.looked_at == most {
                    self.has_more = true;
                    return Ok(pager.take_doubts());
                }
                let places = self.by.iter().map(Name::as_bytes);
                self.clusters.count(Some(&letter.seen_by(places)));
                self.looked_at += 1;
            }
        }
        Ok(pager.take_doubts())
    }

    /// The most frequent combinations first, at most `shown_max`; one more row counts the rest.
    pub fn rows(self, shown_max: usize) -> Vec<Cluster> {
        self.clusters.rows(shown_max)
    }
}
