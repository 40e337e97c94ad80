//! `info`: streams, then groups, then consumers.

use serde::Serialize;

use crate::model::{Column, Problem, Row as _};
use crate::streams::consumers::Member;
use crate::streams::inspect::{GroupReport, StreamReport};
use crate::view::{Report, Section};

/// The whole output of `info`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Info<'a> {
    streams: &'a [StreamReport],
    #[serde(skip)]
    with_consumers: bool,
}

impl<'a> Info<'a> {
    /// The output for these streams; consumers, which can be many, are in a list of their own if requested.
    pub const fn new(streams: &'a [StreamReport], with_consumers: bool) -> Self {
        Self {
            streams,
            with_consumers,
        }
    }
}

impl Report for Info<'_> {
    const TABLES: &'static [&'static [Column]] =
        &[StreamReport::COLUMNS, GroupReport::COLUMNS, Member::COLUMNS];
    const NDJSON_HAS_ROWS: bool = true;

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        section.list(self.streams)?;
        let groups: Vec<&GroupReport> = self.streams.iter().flat_map(|it| &it.groups).collect();
        if !groups.is_empty() || section.picks() {
            section.heading("groups");
            section.list(&groups)?;
        }
        let consumers: Vec<Member> = groups
            .iter()
            .flat_map(|group| {
                let of = |it| Member::new(&group.stream, &group.group, it);
                group.consumers.iter().map(of)
            })
            .collect();
        if self.with_consumers && !consumers.is_empty() || section.picks() {
            section.heading("consumers");
            section.list(&consumers)?;
        }
        Ok(())
    }
}
