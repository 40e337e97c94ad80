//! What `demo` proves at the end, and how it is shown.

use crate::demo::{GroupProof, StreamProof};
use crate::model::{Kind, Problem};
use crate::streams::inspect::StreamReport;
use crate::view::{Cell, Column, Info, Report, Row, Section};

/// The accounting, of groups and of streams without one.
#[derive(Debug, serde::Serialize)]
pub(super) struct Proof {
    /// The demonstration's streams and groups as they are at the end.
    pub(super) info: Vec<StreamReport>,
    pub(super) groups: Vec<GroupProof>,
    pub(super) streams: Vec<StreamProof>,
}

impl Proof {
    /// Whether all of it adds up.
    ///
    /// # Errors
    /// Data loss, naming the first that does not.
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
    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        Info::new(&self.info, false).sections(section)?;
        section.heading("Groups: published = handled + dead + pending + undelivered + trimmed");
        section.list(&self.groups)?;
        section.heading("Streams without a group: published = length + trimmed");
        section.list(&self.streams)
    }
}

impl Row for GroupProof {
    const COLUMNS: &'static [Column] = &[
        Column::whole("group", "GROUP"),
        Column::text("stream", "STREAM").wide(),
        Column::number("published", "PUBLISHED"),
        Column::number("handled", "HANDLED"),
        Column::number("dead_lettered", "DEAD"),
        Column::number("pending", "PENDING"),
        Column::number("undelivered", "UNDELIVERED").wide(),
        Column::number("trimmed", "TRIMMED"),
        Column::whole("adds_up", "ADDS UP"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            published,
            handled,
            dead_lettered,
            pending,
            undelivered,
            trimmed,
            adds_up,
            astray: _,
        } = self;
        vec![
            group.into(),
            stream.into(),
            (*published).into(),
            (*handled).into(),
            (*dead_lettered).into(),
            (*pending).into(),
            (*undelivered).into(),
            (*trimmed).into(),
            (*adds_up).into(),
        ]
    }
}

impl Row for StreamProof {
    const COLUMNS: &'static [Column] = &[
        Column::whole("stream", "STREAM"),
        Column::number("published", "PUBLISHED"),
        Column::number("length", "LENGTH"),
        Column::number("trimmed", "TRIMMED"),
        Column::whole("adds_up", "ADDS UP"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            stream,
            published,
            length,
            trimmed,
            adds_up,
        } = self;
        vec![
            stream.into(),
            (*published).into(),
            (*length).into(),
            (*trimmed).into(),
            (*adds_up).into(),
        ]
    }
}
