//! `serve`: what the command line shows, over HTTP: the platform's endpoints, metrics, events as they come, and a page. It
//! changes nothing. One observation a tick is shared by everyone who asks.
//!
//! ```text
//! socket -> door (connections) -> guard (host, method, size, token) -> routes -> ticker (one look for all)
//!                                                                            |-> tails (one reader for all)
//!                                                                            |-> entries (bounded, few at a time)
//!                                                                            '-> history (a recording, which keeper writes)
//! ```

mod callers;
mod door;
mod entries;
mod guard;
mod history;
mod hosts;
mod keeper;
mod limits;
mod openapi;
mod page;
mod past;
mod query;
mod refusal;
mod routes;
mod scale;
mod served;
mod tails;
mod taken;
mod ticker;

pub use door::Door;
pub use guard::{Guard, Token, guarded};
pub use history::HistoryAnswer;
pub use keeper::Recorded;
pub use refusal::Refusal;
pub use ticker::Figures;

use std::path::PathBuf;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use tokio::sync::watch;

use keeper::Keeper;
use limits::Limits;
use past::Past;
use routes::routes;
use served::Served;
use tails::Tails;

use crate::recording::Recorder;
use crate::watching::Watched;

/// What is recorded of what is observed, and read again.
#[derive(Debug)]
pub struct Records {
    /// Writes a sample in each of these times, if it is to.
    pub recorder: Option<(Recorder, Duration)>,
    /// The directory that `/api/history` reads, if there is one.
    pub directory: Option<PathBuf>,
    /// The name of the server in a recording.
    pub server: String,
}

/// How long the last sample may take to be written at the end.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// Serves through `door` what `watched` names, until `closing` is true.
pub async fn serve(
    door: Door,
    guard: Guard,
    watched: Watched,
    records: Records,
    closing: watch::Receiver<bool>,
) {
    let (sender, ticks) = watch::channel(None);
    let (keeper, written) = records
        .recorder
        .map(|(recorder, every)| Keeper::start(recorder, every))
        .unzip();
    let past = Past::new(records.directory, records.server);
    let served = Served {
        dialer: watched.dialer.clone(),
        tails: Tails::new(watched.dialer.clone()),
        topology: watched.topology.clone(),
        ticks,
        limits: Limits::default(),
        past: past.clone(),
        closing: closing.clone(),
    };
    let router = routes(served).layer(from_fn_with_state(guard, guarded));
    let past = Some(past).filter(Past::is_there);
    let ticking = ticker::tick(watched, keeper, past, sender);
    tokio::select! {
        () = door.answer(router, closing) => {}
        () = ticking => {}
    }
    if let Some(written) = written {
        let _ = tokio::time::timeout(WRITTEN_WITHIN, written).await;
    }
}
