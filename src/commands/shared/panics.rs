//! How a panic is shown to an operator: one short message on standard error, and exit code 70.

use std::panic::{self, PanicHookInfo};
use std::sync::Arc;

use crate::console::Console;
use crate::model::{Kind, Problem};

/// From now on, a panic anywhere in the process is reported on `console` instead of as a raw trace.
pub(in crate::commands) fn report_to(console: &Arc<Console>) {
    let console = Arc::clone(console);
    panic::set_hook(Box::new(move |info| {
        console.error(&problem(info).into());
    }));
}

fn problem(info: &PanicHookInfo<'_>) -> Problem {
    let what = info.payload_as_str().unwrap_or("a panic without a message");
    let place = info
        .location()
        .map(|at| format!(" ({}:{})", at.file(), at.line()))
        .unwrap_or_default();
    Problem::new(Kind::Bug, format!("a bug in ucp-streams: {what}{place}")).hint(
        "the operation may be partly done; please report this line with the command you typed",
    )
}
