//! How the reports of operations are shown: their columns and the order of these.

mod check;
mod consumers;
mod dead_letters;
mod groups;
mod history;
mod info;
mod memory;
mod pending;
mod permissions;
mod publish;
mod repair;
mod standing;
mod stats;

pub use check::plugin_line;
pub use dead_letters::WholeLetter;
pub use groups::{Behind, Listed};
pub use history::{About, HistoryView};
pub use info::Info;
pub use memory::MemoryView;
pub use pending::{Pending, PendingPages, PendingParts};
pub use permissions::Rules;
pub use publish::IdWriter;
pub use repair::Changed;
pub use standing::searched_text;
pub use stats::StatsView;
