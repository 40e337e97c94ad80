//! `--metrics-addr`: the workers' figures over HTTP, for Prometheus and for liveness checks.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::sync::watch;

use crate::model::{Figure as _, MetricKind, Name, Problem};
use crate::serve::{Door, Guard, Refusal, guarded};
use crate::view::metrics::{CONTENT_TYPE as TEXT, Family, Labels, prometheus};
use crate::worker::{Assignment, Counters};

/// The most connections at a time.
const CONNECTIONS_MAX: usize = 64;

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
    let mut door = Door::open(address, names, ("metrics", "--metrics-addr")).await?;
    let address = door.address;
    tracing::info!("metrics at http://{address}/metrics");
    warn_if_open(address);
    door.connections_max = CONNECTIONS_MAX;
    door.keeps_alive = false;
    Ok(door)
}

/// Answers requests. Never returns.
pub(super) async fn serve(door: Door, workers: Arc<[Watched]>) {
    let guard = Guard {
        hosts: Arc::clone(&door.hosts),
        host_flag: "--metrics-host",
        token: None,
    };
    let metrics = async move || ([(CONTENT_TYPE, TEXT)], text(&workers));
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .fallback(async || {
            Refusal::new(StatusCode::NOT_FOUND, "the paths are /metrics and /healthz")
        })
        .layer(from_fn_with_state(guard, guarded));
    // It ends with the process.
    let (_open, closing) = watch::channel(false);
    door.answer(router, closing).await;
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
