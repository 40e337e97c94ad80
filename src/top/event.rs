//! What happens to the screen, and what it wants done.

use super::action::{Action, Proposal};
use super::view::{Answer, Question};
use crate::findings::DoctorReport;
use crate::model::{CommandLine, Key, Name, Time, Tone};
use crate::streams::about::{About, Memory};
use crate::streams::audit::AuditRow;
use crate::streams::inspect::StreamReport;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// The screen has so many columns and rows.
    Resized(u16, u16),
    /// The server was looked at.
    Looked(Box<Look>),
    /// The server could not be looked at, for this reason; it is tried again.
    Failed(String),
    /// The server answered a question, or did not.
    Answered(Question, Result<Answer, Unanswered>),
    /// A plan was made, or could not be made: why, line by line.
    Planned(Result<Box<Proposal>, Vec<String>>),
    /// So many entries of the change that is under way were tried.
    Progressed(u64),
    /// A change has ended: how, line by line.
    Applied(Vec<(Tone, String)>),
    /// Nothing but time has passed.
    Waited,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The error, and what to do about it.
    pub why: String,
    /// Whether it is about the server, which is away, and not about what was asked.
    pub is_away: bool,
}

/// Something that is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Leave the screen.
    Quit,
    /// Draw the whole screen anew, whatever the terminal shows.
    Redraw,
    /// Ask the server.
    Ask(Question),
    /// Plan a change.
    Plan(Action),
    /// Show the sample of a recording that is so many further.
    Step(isize),
    /// Let a recording stand still, or go on.
    Hold,
    /// Make the change that was planned last, if this that was typed is consent to it.
    Apply(String),
}

/// What one look at the server brought.
#[derive(Clone, Debug)]
pub struct Look {
    /// When it was made, by this machine's clock.
    pub at: Time,
    /// What the server says about itself.
    pub about: About,
    /// The server's memory, if it says.
    pub memory: Option<Memory>,
    /// The streams with their groups.
    pub streams: Vec<StreamReport>,
    /// The streams that this user may not read.
    pub denied: Vec<Name>,
    /// The verdict and the findings.
    pub doctor: DoctorReport,
    /// The last change, by the audit records.
    pub last_change: Option<LastChange>,
}

/// A change that somebody made, and how it is undone.
#[derive(Clone, Debug)]
pub struct LastChange {
    /// Its record.
    pub row: AuditRow,
    /// The command that undoes it; `None` where its snapshot is not kept here.
    pub undo: Option<CommandLine>,
}
