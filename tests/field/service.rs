//! A service for `--http`, in the test's own process: it answers each request with a status that the test decides on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A listening service. Its threads end with the test.
pub(crate) struct Service {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Service {
    /// Answers a request's body with a status.
    pub(crate) fn start(status: impl Fn(&str) -> u16 + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), status)
    }

    /// As [`Service::start`], at a port that was refused until now.
    pub(crate) fn at(port: u16, status: impl Fn(&str) -> u16 + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), status)
    }

    fn on(listener: TcpListener, status: impl Fn(&str) -> u16 + Send + Sync + 'static) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (status, requests) = (Arc::new(status), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&requests);
        thread::spawn(move || {
            while let Ok((connection, _)) = listener.accept() {
                let (status, counted) = (Arc::clone(&status), Arc::clone(&counted));
                thread::spawn(move || serve(connection, &*status, &counted));
            }
        });
        Self { port, requests }
    }

    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// The URL of whatever is at a port.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/handle")
}

fn serve(connection: TcpStream, status: &(dyn Fn(&str) -> u16 + Sync), counted: &AtomicUsize) {
    let mut writer = connection.try_clone().unwrap();
    let mut reader = BufReader::new(connection);
    loop {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let header = line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        counted.fetch_add(1, Ordering::Relaxed);
        let status = status(&String::from_utf8_lossy(&body));
        let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 2\r\n\r\n{{}}");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
