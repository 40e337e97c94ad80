//! `--metrics-addr`: the workers' figures over HTTP, for Prometheus and for liveness checks.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::callers::{Callers, Place};
use super::request::{Hosts, Refusal, Request};
use crate::model::{Figure as _, Kind, MetricKind, Name, Problem};
use crate::view::metrics::{CONTENT_TYPE, Family, Labels, prometheus};
use crate::worker::{Assignment, Counters};

/// The time limit for a request and its answer.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// The greatest size of a request's head.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// A worker whose figures are served.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    stream: Name,
    group: Name,
    consumer: Name,
    counters: Arc<Counters>,
}

impl Watched {
    pub(super) fn new(job: &Assignment, counters: &Arc<Counters>) -> Self {
        Self {
            stream: job.stream.clone(),
            group: job.group.clone(),
            consumer: job.consumer.clone(),
            counters: Arc::clone(counters),
        }
    }

    fn labels(&self) -> Labels {
        vec![
            ("stream", self.stream.to_string()),
            ("group", self.group.to_string()),
            ("consumer", self.consumer.to_string()),
        ]
    }
}

/// The socket on which figures are served, and the host names that requests may use.
pub(super) struct Door {
    listener: TcpListener,
    hosts: Hosts,
}

/// Warns when other machines can connect.
pub(super) fn warn_if_open(address: SocketAddr) {
    if !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            "metrics at http://{address}/metrics can be read by anyone who can reach this address; use 127.0.0.1 to serve this machine only"
        );
    }
}

/// Listens on `address`, and logs it. Requests may name this server by one of its addresses or by one of `names`.
///
/// # Errors
/// A local error when it is not possible to listen there.
pub(super) async fn listen(address: SocketAddr, names: &[String]) -> Result<Door, Problem> {
    let cannot = |error: io::Error| {
        Problem::new(
            Kind::Local,
            format!("cannot serve metrics on {address}: {error}"),
        )
        .hint("give another --metrics-addr; with port 0 the system chooses a free port")
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    tracing::info!("metrics at http://{address}/metrics");
    warn_if_open(address);
    Ok(Door {
        listener,
        hosts: Hosts::new(address.ip(), names),
    })
}

/// Answers requests. Never returns.
pub(super) async fn serve(door: Door, workers: Arc<[Watched]>) {
    let Door { listener, hosts } = door;
    let hosts = Arc::new(hosts);
    let mut callers = Callers::default();
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                let (workers, hosts) = (Arc::clone(&workers), Arc::clone(&hosts));
                callers.admit(|place| {
                    tokio::spawn(async move {
                        // Whoever is too slow, or gone, gets no answer.
                        let answered = answer(connection, &workers, &hosts, &place);
                        let _ = timeout(REQUEST_WITHIN, answered).await;
                    })
                });
            }
            // Too many open files, perhaps: not a reason to spin, and the longest silent one may go.
            Err(_) => {
                callers.send_one_away();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(
    mut connection: TcpStream,
    workers: &[Watched],
    hosts: &Hosts,
    place: &Place,
) -> io::Result<()> {
    let head = request_head(&mut connection).await?;
    place.has_asked();
    let request = head.ok_or(Refusal::TooLarge);
    let request = request.and_then(|head| Request::read(&head, hosts));
    let (status, body) = match &request {
        Ok(Request { path, .. }) => match path.as_str() {
            "/metrics" => ("200 OK", text(workers)),
            "/healthz" => ("200 OK", "ok\n".to_owned()),
            _ => (
                "404 Not Found",
                "the paths are /metrics and /healthz\n".to_owned(),
            ),
        },
        Err(refusal) => refusal.answer(),
    };
    let length = body.len();
    let is_head = request.is_ok_and(|request| request.is_head);
    let body = if is_head { "" } else { &body };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {length}\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}"
    );
    connection.write_all(answer.as_bytes()).await?;
    connection.shutdown().await
}

/// A request's head once it has arrived completely; `None` when it is too large.
async fn request_head(connection: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::with_capacity(HEAD_BYTES_MAX);
    loop {
        let looked_at = head.len().saturating_sub(3);
        if connection.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = head[looked_at..]
            .windows(4)
            .position(|end| end == b"\r\n\r\n");
        if let Some(end) = end {
            head.truncate(looked_at + end);
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if head.len() >= HEAD_BYTES_MAX {
            return Ok(None);
        }
    }
}

fn text(workers: &[Watched]) -> String {
    // What is left is known at the end only.
    let totals = workers.iter().map(|it| it.counters.summary());
    let totals = totals.map(|it| it.each().filter(|it| it.0 != "left_pending").collect());
    let present = workers.iter().map(|it| it.counters.now.each().collect());
    let mut families = families(MetricKind::Counter, workers, totals);
    families.extend(self::families(MetricKind::Gauge, workers, present));
    prometheus(families)
}

/// One metric for each figure of `each`, which has the figures of one worker after the other, all in the same order.
fn families(
    kind: MetricKind,
    workers: &[Watched],
    each: impl Iterator<Item = Vec<(&'static str, &'static str, u64)>>,
) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for (worker, figures) in workers.iter().zip(each) {
        for (at, (name, help, value)) in figures.into_iter().enumerate() {
            if families.len() == at {
                families.push(Family {
                    kind,
                    ..Family::gauge(format!("ucp_streams_worker_{name}"), help)
                });
            }
            families[at]
                .samples
                .extend(Some(worker.labels()).zip(value.figure()));
        }
    }
    families
}
