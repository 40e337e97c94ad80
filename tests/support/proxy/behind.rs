//! What a proxy stands before.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// A server.
#[derive(Debug)]
pub(super) enum Behind {
    /// On a unix socket.
    Socket(PathBuf),
    /// A Kafka broker.
    Broker(SocketAddr),
}

impl Behind {
    pub(super) fn connect(&self) -> io::Result<Connection> {
        Ok(match self {
            Self::Socket(path) => Connection::Unix(UnixStream::connect(path)?),
            Self::Broker(address) => {
                let connection = TcpStream::connect(address)?;
                connection.set_nodelay(true)?;
                Connection::Tcp(connection)
            }
        })
    }

    /// Replaces the address that a broker says it has by the proxy's. An address that two reads share is missed; its client
    /// goes past the proxy.
    pub(super) fn disguise(&self, reply: &mut [u8]) {
        let Self::Broker(address) = self else {
            return;
        };
        let (own, proxy) = (address.ip().to_string(), Ipv4Addr::LOCALHOST.to_string());
        assert_eq!(own.len(), proxy.len(), "the reply keeps its length");
        let mut from = 0;
        while let Some(at) = reply[from..]
            .windows(own.len())
            .position(|part| part == own.as_bytes())
        {
            let begin = from + at;
            from = begin + own.len();
            reply[begin..from].copy_from_slice(proxy.as_bytes());
        }
    }
}

/// A connection to it.
#[derive(Debug)]
pub(super) enum Connection {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Connection {
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => (&mut &*stream).read(buffer),
            Self::Tcp(stream) => (&mut &*stream).read(buffer),
        }
    }

    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(stream) => (&mut &*stream).write_all(bytes),
            Self::Tcp(stream) => (&mut &*stream).write_all(bytes),
        }
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.shutdown(how),
            Self::Tcp(stream) => stream.shutdown(how),
        }
    }
}
