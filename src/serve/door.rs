//! Connections to an HTTP server: who may connect, how many at a time, and how long each may take to ask.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::callers::{Callers, Place};
use super::hosts::Hosts;
use super::taken::Taken;
use crate::model::{Kind, Problem};

/// How long a caller may take to send the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// The greatest size of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most connections at a time, when nobody says otherwise: well below the file descriptors that a process has.
const CONNECTIONS_MAX: usize = 512;
/// How long answers may take that were begun before the end.
const GRACE: Duration = Duration::from_secs(3);
/// The wait after a connection could not be accepted, for lack of file descriptors perhaps.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// An open socket, and the host names by which requests may address it.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    /// The address, with the port that the system chose.
    pub address: SocketAddr,
    /// The host names that requests may use.
    pub hosts: Arc<Hosts>,
    /// The most connections at a time.
    pub connections_max: usize,
    /// Whether a connection may have more than one request.
    pub keeps_alive: bool,
}

impl Door {
    /// Listens on `address`. Requests may name this server by one of its addresses or by one of `names`. `flag` is the
    /// option that the address is from, and `what` is served there.
    ///
    /// # Errors
    /// A local error when it is not possible to listen there.
    pub async fn open(
        address: SocketAddr,
        names: &[String],
        (what, flag): (&str, &str),
    ) -> Result<Self, Problem> {
        let cannot = |error: io::Error| {
            let text = format!("cannot serve {what} on {address}: {error}");
            Problem::new(Kind::Local, text).hint(format!(
                "give another {flag}; with port 0 the system chooses a free port"
            ))
        };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok(Self {
            listener,
            address,
            hosts: Arc::new(Hosts::new(address.ip(), names)),
            connections_max: CONNECTIONS_MAX,
            keeps_alive: true,
        })
    }

    /// Answers requests with `router` until `closing` is true. Then answers that were begun may still end.
    pub async fn answer(self, router: Router, mut closing: watch::Receiver<bool>) {
        let mut callers = Callers::new(self.connections_max);
        let is_closing = closing.clone();
        let mut closed = pin!(async move {
            // A sender that is gone will not say so any more.
            let _ = closing.wait_for(|it| *it).await;
        });
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut closed => break,
            };
            match accepted {
                Ok((connection, _)) => callers.admit(|place| {
                    let (router, closing) = (router.clone(), is_closing.clone());
                    tokio::spawn(converse(
                        connection,
                        router,
                        (place, self.keeps_alive),
                        closing,
                    ))
                }),
                // Not a reason to spin, and the longest silent one may go.
                Err(_) => {
                    callers.send_one_away();
                    sleep(AFTER_FAILURE).await;
                }
            }
        }
        drop(self.listener);
        let _ = timeout(GRACE, callers.all_gone()).await;
        callers.send_all_away();
    }
}

/// Answers the requests of one connection, one after the other.
async fn converse(
    connection: TcpStream,
    router: Router,
    (place, keeps_alive): (Place, bool),
    mut closing: watch::Receiver<bool>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let (router, place) = (router.clone(), place.clone());
        place.is_answered(true);
        async move {
            let answer = router.call(request).await;
            // What goes on until the caller leaves is still being answered.
            let is_over = answer.as_ref().is_ok_and(|it| {
                let kind = it.headers().get(CONTENT_TYPE).map(AsRef::<[u8]>::as_ref);
                kind != Some(b"text/event-stream")
            });
            place.is_answered(!is_over);
            answer
        }
    });
    let conversation = http1::Builder::new()
        .keep_alive(keeps_alive)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Taken::new(connection)), service);
    let mut conversation = pin!(conversation);
    // Whoever is too slow, or gone, gets no answer.
    let mut closed = pin!(async move {
        let _ = closing.wait_for(|it| *it).await;
    });
    tokio::select! {
        _ = conversation.as_mut() => return,
        () = &mut closed => {}
    }
    conversation.as_mut().graceful_shutdown();
    let _ = timeout(GRACE, conversation).await;
}
