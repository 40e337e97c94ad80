//! `--metrics-addr`: the workers' figures over HTTP, for Prometheus and for whoever asks if the process lives.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::model::{Kind, Name, Problem};
use crate::view::metrics::{Metric, MetricKind, prometheus};
use crate::worker::{Assignment, Counters};

/// Connections at a time; more wait.
const CONNECTIONS_MAX: usize = 64;
/// How long a request and its answer may take.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// A request's head is no larger.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// A worker whose figures are shown.
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

    fn labels(&self) -> Vec<(&'static str, &Name)> {
        vec![
            ("stream", &self.stream),
            ("group", &self.group),
            ("consumer", &self.consumer),
        ]
    }
}

/// Listens on `address`, and says where.
///
/// # Errors
/// A local problem when nothing can listen there.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Problem> {
    let cannot = |error: io::Error| {
        Problem::new(
            Kind::Local,
            format!("cannot serve metrics on {address}: {error}"),
        )
        .hint("give another --metrics-addr; port 0 takes a free one")
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    tracing::info!("metrics at http://{address}/metrics");
    Ok(listener)
}

/// Answers requests. Does not end.
pub(super) async fn serve(listener: TcpListener, workers: Arc<[Watched]>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((connection, _)) => {
                let workers = Arc::clone(&workers);
                tokio::spawn(async move {
                    // Whoever is too slow, or gone, gets no answer.
                    let _ = timeout(REQUEST_WITHIN, answer(connection, &workers)).await;
                    drop(place);
                });
            }
            // Too many open files, perhaps: not a reason to spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(mut connection: TcpStream, workers: &[Watched]) -> io::Result<()> {
    let head = request_head(&mut connection).await?;
    let mut words = head.split(' ');
    let (status, body) = match (words.next(), words.next()) {
        (Some("GET" | "HEAD"), Some("/metrics")) => ("200 OK", text(workers)),
        (Some("GET" | "HEAD"), Some("/healthz")) => ("200 OK", "ok\n".to_owned()),
        (Some("GET" | "HEAD"), _) => (
            "404 Not Found",
            "there are /metrics and /healthz\n".to_owned(),
        ),
        _ => (
            "405 Method Not Allowed",
            "only GET is answered\n".to_owned(),
        ),
    };
    let length = body.len();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let body = if head.starts_with("HEAD ") { "" } else { &body };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}"
    );
    connection.write_all(answer.as_bytes()).await?;
    connection.shutdown().await
}

/// The first line of a request whose head has arrived whole.
async fn request_head(connection: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES_MAX || connection.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}

fn text(workers: &[Watched]) -> String {
    let summaries: Vec<_> = workers.iter().map(|it| it.counters.summary()).collect();
    let Some(first) = workers.first() else {
        return String::new();
    };
    let totals = first.counters.summary();
    // What is left is known at the end only.
    let running = totals
        .each()
        .enumerate()
        .filter(|(_, (name, ..))| *name != "left_pending");
    let counters = running.map(|(at, (name, help, _))| Metric {
        name: format!("ucp_streams_worker_{name}_total"),
        help,
        kind: MetricKind::Counter,
        samples: workers
            .iter()
            .zip(&summaries)
            .filter_map(|(worker, summary)| Some((worker.labels(), summary.each().nth(at)?.2)))
            .collect(),
    });
    let gauges = first
        .counters
        .now
        .each()
        .enumerate()
        .map(|(at, (name, help, _))| Metric {
            name: format!("ucp_streams_worker_{name}"),
            help,
            kind: MetricKind::Gauge,
            samples: workers
                .iter()
                .filter_map(|worker| Some((worker.labels(), worker.counters.now.each().nth(at)?.2)))
                .collect(),
        });
    prometheus(&counters.chain(gauges).collect::<Vec<_>>())
}
