//! A service that handles messages over HTTP, as the workers of `--http` ask it: it keeps the handlers' ledger, and is
//! busy where a message says so, or away.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::handler::ledger_of;
use crate::ledger::{Ledger, now_ms};
use crate::message::{BUSY, Plan, sha_of};

/// A service that listens. It ends with the process.
#[derive(Clone, Debug)]
pub struct Service {
    state: Arc<State>,
    url: String,
}

#[derive(Debug)]
struct State {
    dir: PathBuf,
    /// The worker that asks, for the ledger.
    worker: AtomicU32,
    /// Whether it hangs up on whoever asks.
    is_away: AtomicBool,
}

impl Service {
    /// Listens on a port of its own; its ledger is in `dir`.
    pub fn start(dir: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/handle", listener.local_addr().unwrap());
        let state = Arc::new(State {
            dir: dir.to_owned(),
            worker: AtomicU32::new(0),
            is_away: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || state.serve(connection));
            }
        });
        Self { state, url }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Says which worker asks.
    pub fn is_asked_by(&self, worker: u32) {
        self.state.worker.store(worker, Ordering::Relaxed);
    }

    /// From now on it hangs up on whoever asks, or no more.
    pub fn be_away(&self, is_away: bool) {
        self.state.is_away.store(is_away, Ordering::Relaxed);
    }
}

impl State {
    /// Answers requests of one connection until it ends.
    fn serve(&self, connection: TcpStream) {
        connection
            .set_read_timeout(Some(Duration::from_mins(2)))
            .unwrap();
        let mut reader = BufReader::new(connection);
        while let Some((head, body)) = request(&mut reader) {
            if self.is_away.load(Ordering::Relaxed) {
                return;
            }
            let answer = self.handle(&head, &body);
            if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn handle(&self, head: &[String], body: &[u8]) -> String {
        let entry: Value = serde_json::from_slice(body).unwrap();
        let field = |name: &str| entry["fields"][name].as_str().unwrap_or("-").to_owned();
        let deliveries = header(head, "ucp-deliveries").unwrap_or("0");
        let plan: Plan = field("do").parse().unwrap_or(Plan::Plain);
        let words = format!(
            "{} {} {} {} {deliveries} {} 0 {}",
            entry["stream"].as_str().unwrap(),
            header(head, "ucp-group").unwrap_or("-"),
            field("key"),
            entry["id"].as_str().unwrap(),
            self.worker.load(Ordering::Relaxed),
            sha_of(&field("body")),
        );
        let mut ledger = Ledger::open(&ledger_of(&self.dir));
        ledger.append(&format!("start {} {words}\n", now_ms()));
        if plan == Plan::Busy && deliveries == "1" {
            let after = BUSY.as_millis();
            ledger.append(&format!("fail {} {words} {after}\n", now_ms()));
            let seconds = BUSY.as_secs();
            return format!(
                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\r\n"
            );
        }
        ledger.append(&format!("done {} {words}\n", now_ms()));
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()
    }
}

/// The lines before the body, and the body; `None` at the connection's end.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(Vec<String>, Vec<u8>)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let length = header(&head, "content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    head.iter().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
