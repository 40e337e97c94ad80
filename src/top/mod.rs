//! `top`: the pipeline on a full screen, live. Pure: what happened goes in as an [`Event`], what is to be done comes out
//! as [`Effect`]s, and [`draw()`] draws the [`State`]. Whoever drives it looks at the server and has the terminal.
//!
//! ```text
//! Event -> State::on -> Effect     (asked, looked, planned, applied by the driver: commands/top)
//!            '-> draw -> a frame of ratatui (written by the console)
//! ```

mod action;
mod cursor;
mod dialogs;
mod draw;
mod event;
mod groups;
mod history;
mod keys;
mod lists;
mod rows;
mod state;
mod view;

pub use action::{Access, Action, Consented, Proposal, Selected};
pub use draw::draw;
pub use event::{Effect, Event, LastChange, Look, Unanswered};
pub use groups::RATE_SECONDS_MIN;
pub use state::State;
pub use view::{Answer, Question};
