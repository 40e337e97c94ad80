//! Dialling: TCP or unix, with a deadline, then authentication and database selection on the fresh stream.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::connection::Connection;
use super::endpoint::{Endpoint, Transport};
use super::error::{Error, ErrorKind, Result};
use super::lane::Lane;

/// A connected byte stream, whatever carries it.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Socket for T {}

/// Opens connections to one server, each within `timeout`.
#[derive(Clone, Debug)]
pub struct Dialer {
    endpoint: Endpoint,
    timeout: Duration,
    client_name: Option<String>,
}

impl Dialer {
    /// A dialer for `endpoint`; `timeout` bounds the connect and every reply.
    pub fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        Self {
            endpoint,
            timeout,
            client_name: None,
        }
    }

    /// The same dialer whose connections carry `name` in `CLIENT LIST`, where the server allows it.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// The server this dialer reaches.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The deadline for connecting and for each reply.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A connection for commands.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`], [`ErrorKind::Timeout`] or [`ErrorKind::Auth`], naming the address.
    pub async fn connect(&self) -> Result<Connection> {
        let stream = self.lane().await?.into_stream();
        Connection::over(stream, self.timeout).await
    }

    /// A lane for bulk and blocking work.
    ///
    /// # Errors
    /// As [`Dialer::connect`].
    pub async fn lane(&self) -> Result<Lane> {
        let address = self.endpoint.address();
        let opened = timeout(self.timeout, async {
            let stream = self
                .dial()
                .await
                .map_err(|error| self.connect_error(&error))?;
            let mut lane = Lane::over(stream, self.timeout);
            self.introduce(&mut lane).await?;
            Ok(lane)
        });
        match opened.await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                "",
                format!(
                    "cannot connect to {address}: no answer in {:?}",
                    self.timeout
                ),
            )),
        }
    }

    async fn dial(&self) -> io::Result<Box<dyn Socket>> {
        if self.endpoint.tls {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this build does not speak TLS",
            ));
        }
        match &self.endpoint.transport {
            Transport::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Transport::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        }
    }

    /// Protocol, password, database and name. The name is a courtesy: a user without that permission is fine.
    async fn introduce(&self, lane: &mut Lane) -> Result<()> {
        if let Some(password) = &self.endpoint.password {
            let user = self.endpoint.username.as_deref();
            let mut args: Vec<&[u8]> = vec![b"AUTH"];
            args.extend(user.map(str::as_bytes));
            args.push(password.as_bytes());
            lane.call_ok("AUTH", &args)
                .await
                .map_err(|error| self.auth_error(error))?;
        }
        if self.endpoint.resp3 {
            lane.call_ok("HELLO", &[b"HELLO", b"3"]).await?;
        }
        if self.endpoint.db != 0 {
            let db = self.endpoint.db.to_string();
            lane.call_ok("SELECT", &[b"SELECT", db.as_bytes()]).await?;
        }
        if let Some(name) = &self.client_name {
            match lane
                .call_ok("CLIENT SETNAME", &[b"CLIENT", b"SETNAME", name.as_bytes()])
                .await
            {
                Err(error) if error.kind.is_connection_lost() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn connect_error(&self, error: &io::Error) -> Error {
        let reason = match error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            io::ErrorKind::NotFound => "no such socket".to_owned(),
            _ => error.to_string(),
        };
        Error::new(
            ErrorKind::Connect,
            "",
            format!("cannot connect to {}: {reason}", self.endpoint.address()),
        )
    }

    fn auth_error(&self, error: Error) -> Error {
        if error.kind.is_connection_lost() {
            return error;
        }
        Error::new(
            ErrorKind::Auth,
            "",
            format!(
                "{} refused the password of user `{}`: {}",
                self.endpoint.address(),
                self.endpoint.username.as_deref().unwrap_or("default"),
                error.text
            ),
        )
    }
}
