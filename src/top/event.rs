//! What happens to the screen, and what it wants done.

use crate::findings::DoctorReport;
use crate::model::{Key, Name, Time};
use crate::streams::about::{About, Memory};
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
    /// Nothing but time has passed.
    Waited,
}

/// Something that is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Leave the screen.
    Quit,
    /// Draw the whole screen anew, whatever the terminal shows.
    Redraw,
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
}
