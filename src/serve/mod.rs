//! `serve`: what the command line shows, over HTTP: the platform's endpoints, metrics, events as they come, and a page. It
//! changes nothing. One observation a tick is shared by everyone who asks.
//!
//! ```text
//! socket -> door (connections) -> guard (host, method, size, token) -> routes -> ticker (one look for all)
//!                                                                            |-> tails (one reader for all)
//!                                                                            '-> entries (bounded, few at a time)
//! ```

mod callers;
mod door;
mod entries;
mod guard;
mod hosts;
mod limits;
mod openapi;
mod page;
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
pub use refusal::Refusal;
pub use ticker::Figures;

use axum::middleware::from_fn_with_state;
use tokio::sync::watch;

use limits::Limits;
use routes::routes;
use served::Served;
use tails::Tails;

use crate::watching::Watched;

/// Serves through `door` what `watched` names, until `closing` is true.
pub async fn serve(door: Door, guard: Guard, watched: Watched, closing: watch::Receiver<bool>) {
    let (sender, ticks) = watch::channel(None);
    let served = Served {
        dialer: watched.dialer.clone(),
        tails: Tails::new(watched.dialer.clone()),
        topology: watched.topology.clone(),
        ticks,
        limits: Limits::default(),
        closing: closing.clone(),
    };
    let router = routes(served).layer(from_fn_with_state(guard, guarded));
    let ticking = ticker::tick(watched, sender);
    tokio::select! {
        () = door.answer(router, closing) => {}
        () = ticking => {}
    }
}
