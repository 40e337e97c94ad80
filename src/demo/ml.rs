//! A mock of the platform's ML service: it answers prediction requests on a loopback port, with the faults of a real
//! one.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::poison::{CURSED_PROFILE, SHY_PROFILE};

/// The demonstration sends no requests larger than this.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The mock service, which runs until this is dropped.
#[derive(Debug)]
pub struct MlService {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl MlService {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(HashSet::new()));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Ok(Self { address, task })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/predict", self.address)
    }
}

impl Drop for MlService {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type AskedBefore = Arc<Mutex<HashSet<String>>>;

/// Serves one connection, request after request, until it is closed or receives something that is not HTTP.
async fn serve(stream: TcpStream, seen: AskedBefore) {
    let mut stream = BufReader::new(stream);
    while let Some(body) = request_body(&mut stream).await {
        let (status, answer) = answer(&body, &seen);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let written = stream
            .get_mut()
            .write_all(&[head.as_bytes(), answer.as_bytes()].concat())
            .await;
        if written.is_err() {
            return;
        }
    }
}

async fn request_body(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0usize;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value
                .trim()
                .parse()
                .ok()
                .filter(|length| *length <= BODY_BYTES_MAX)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}

/// A made-up score; 422 for an unknown kind of prediction, 500 always for one profile and once for another.
fn answer(body: &[u8], seen: &AskedBefore) -> (&'static str, Value) {
    let Ok(entry) = serde_json::from_slice::<Value>(body) else {
        return (
            "400 Bad Request",
            json!({"error": "the request is not JSON"}),
        );
    };
    let text = |name: &str| {
        entry["fields"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let (profile, kind) = (text("profile_id"), text("request_type"));
    if !crate::platform::PREDICTIONS.contains(&kind.as_str()) {
        return (
            "422 Unprocessable Entity",
            json!({"error": format!("no model for `{kind}`")}),
        );
    }
    let is_first = seen
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .insert(profile.clone());
    if profile == CURSED_PROFILE || (profile == SHY_PROFILE && is_first) {
        return (
            "500 Internal Server Error",
            json!({"error": "the model crashed"}),
        );
    }
    let score = profile.bytes().map(u32::from).sum::<u32>() % 1000;
    (
        "200 OK",
        json!({"model": kind, "score": f64::from(score) / 1000.0}),
    )
}
