//! A server as hosted ones are: some commands are refused, in words of its own. A proxy on the loopback that passes
//! commands on one by one.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A running proxy. Its connections end with the server or the client.
#[derive(Debug)]
pub struct Refusing {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Refusing {
    /// In front of the server on this unix socket: `commands` (`INFO`, `COMMAND INFO`) are answered with `line`, which is
    /// an error reply without its end (`-ERR no`).
    pub fn before(server: &Path, commands: &[&str], line: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let server: PathBuf = server.to_owned();
        let commands: Vec<String> = commands.iter().map(|it| (*it).to_owned()).collect();
        let rule = Arc::new((commands, format!("{line}\r\n")));
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let (server, rule) = (server.clone(), Arc::clone(&rule));
                // A side that has gone ends it.
                thread::spawn(move || pass(client, &server, &rule.0, &rule.1));
            }
        });
        Self { address, is_over }
    }

    /// The value for `--url` and `$UCP_STREAMS_URL`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn pass(client: TcpStream, server: &Path, commands: &[String], line: &str) -> io::Result<()> {
    let server = UnixStream::connect(server)?;
    let mut requests = BufReader::new(client.try_clone()?);
    let mut replies = BufReader::new(server.try_clone()?);
    let (mut client, mut server) = (client, server);
    loop {
        let mut request = Vec::new();
        copy(&mut requests, &mut request)?;
        let said = words(&request);
        let is_refused = commands
            .iter()
            .any(|it| said == *it || said.starts_with(&format!("{it} ")));
        if is_refused {
            client.write_all(line.as_bytes())?;
            continue;
        }
        server.write_all(&request)?;
        let mut reply = Vec::new();
        copy(&mut replies, &mut reply)?;
        client.write_all(&reply)?;
    }
}

/// The words of a request: every second line.
fn words(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request).to_uppercase();
    let words: Vec<&str> = text.split("\r\n").skip(2).step_by(2).collect();
    words.join(" ")
}

/// One value of the protocol, whole.
fn copy(from: &mut impl BufRead, into: &mut Vec<u8>) -> io::Result<()> {
    let start = into.len();
    if from.read_until(b'\n', into)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let head = String::from_utf8_lossy(&into[start..])
        .trim_end()
        .to_owned();
    let size = head
        .get(1..)
        .and_then(|size| size.parse::<i64>().ok())
        .unwrap_or(0);
    let parts = match head.as_bytes().first() {
        Some(b'$' | b'=' | b'!') if size >= 0 => {
            let bytes = u64::try_from(size).expect("a size") + 2;
            from.take(bytes).read_to_end(into)?;
            0
        }
        Some(b'*' | b'~' | b'>') => size.max(0),
        Some(b'%' | b'|') => 2 * size,
        _ => 0,
    };
    for _ in 0..parts {
        copy(from, into)?;
    }
    Ok(())
}
