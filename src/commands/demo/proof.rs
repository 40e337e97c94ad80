//! The accounting at the end of `demo`, and how it is shown.

use crate::demo::{GroupProof, StreamProof};
use crate::model::{Column, Kind, Problem, Row as _};
use crate::streams::consumers::Member;
use crate::streams::inspect::{GroupReport, StreamReport};
use crate::view::{Info, Report, Section};

/// The accounting, for groups and for streams without a group.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(super) struct Proof {
    /// The demonstration's streams and groups as they are at the end.
    pub(super) info: Vec<StreamReport>,
    pub(super) groups: Vec<GroupProof>,
    pub(super) streams: Vec<StreamProof>,
}

impl Proof {
    /// Checks that the accounting adds up.
    ///
    /// # Errors
    /// Data loss, naming the first group or stream whose accounting does not.
    pub(super) fn verdict(&self) -> Result<(), Problem> {
        if let Some(wrong) = self.groups.iter().find(|group| !group.adds_up) {
            let astray: Vec<String> = wrong.astray.iter().map(ToString::to_string).collect();
            return Err(Problem::new(
                Kind::DataLoss,
                format!(
                    "the accounting of group `{}` does not add up: {} unaccounted for",
                    wrong.group,
                    astray.join(", ")
                ),
            ));
        }
        match self.streams.iter().find(|stream| !stream.adds_up) {
            Some(wrong) => Err(Problem::new(
                Kind::DataLoss,
                format!("the accounting of `{}` does not add up", wrong.stream),
            )),
            None => Ok(()),
        }
    }
}

impl Report for Proof {
    const TABLES: &'static [&'static [Column]] = &[
        StreamReport::COLUMNS,
        GroupReport::COLUMNS,
        Member::COLUMNS,
        GroupProof::COLUMNS,
        StreamProof::COLUMNS,
    ];

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        Info::new(&self.info, false).sections(section)?;
        section.heading("Groups: published = handled + dead + pending + undelivered + trimmed");
        section.list(&self.groups)?;
        section.heading("Streams without a group: published = length + trimmed");
        section.list(&self.streams)
    }
}
