//! Connects over TCP, TLS or unix sockets, with a deadline, then authenticates and selects the database.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::connection::Connection;
use super::endpoint::{Endpoint, Transport};
use super::error::{Error, ErrorKind, Result};
use super::lane::Lane;
use super::race;
use super::socket::Socket;
use super::tls::{self, Secured};

/// `ENFILE` and `EMFILE`, which are the same on every system that this tool runs on.
const NO_DESCRIPTOR: [i32; 2] = [23, 24];

/// Asks for a password when a server requires one that was not given. Asked only once for all clones.
#[derive(Clone)]
pub struct PasswordPrompt {
    ask: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    typed: Arc<OnceLock<String>>,
}

impl PasswordPrompt {
    /// A prompt that calls `ask`, which may block; `None` means that there is nobody to ask.
    pub fn new(ask: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            ask: Arc::new(ask),
            typed: Arc::default(),
        }
    }

    fn ask(&self) -> bool {
        (self.ask)().is_some_and(|password| self.typed.set(password).is_ok())
    }
}

impl fmt::Debug for PasswordPrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordPrompt").finish_non_exhaustive()
    }
}

/// Opens connections to one server, each within `timeout`.
#[derive(Clone, Debug)]
pub struct Dialer {
    endpoint: Endpoint,
    timeout: Duration,
    client_name: Option<String>,
    asks: Option<PasswordPrompt>,
}

impl Dialer {
    /// A dialer for `endpoint`; `timeout` limits the time for connecting and for every reply.
    pub fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        Self {
            endpoint,
            timeout,
            client_name: None,
            asks: None,
        }
    }

    /// The same dialer, whose connections have this `name` in `CLIENT LIST` if the server allows it.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// The same dialer, which asks for a password when the server requires one and none was given.
    #[must_use]
    pub fn asking(mut self, prompt: PasswordPrompt) -> Self {
        self.asks = Some(prompt);
        self
    }

    /// The same dialer with another deadline for connecting and for each reply.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The server that this dialer connects to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The time limit for connecting and for each reply.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A connection for commands.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`], [`ErrorKind::Timeout`], [`ErrorKind::Tls`], [`ErrorKind::TlsMismatch`] or
    /// [`ErrorKind::Auth`], naming the address.
    pub async fn connect(&self) -> Result<Connection> {
        let stream = self.lane().await?.into_stream();
        Ok(Connection::over(stream, self.timeout))
    }

    /// A separate connection for bulk and blocking work.
    ///
    /// # Errors
    /// As [`Dialer::connect`].
    pub async fn lane(&self) -> Result<Lane> {
        match self.open_in_time().await {
            Err(error) if error.kind == ErrorKind::Auth && self.ask_password() => {
                self.open_in_time().await
            }
            outcome => outcome,
        }
    }

    /// Whether a password has been given now that was not there before. The deadline does not apply, because people
    /// type slowly.
    fn ask_password(&self) -> bool {
        let Some(prompt) = &self.asks else {
            return false;
        };
        self.password().is_none() && prompt.ask()
    }

    fn password(&self) -> Option<&str> {
        let typed = || self.asks.as_ref()?.typed.get().map(String::as_str);
        self.endpoint.password.as_deref().or_else(typed)
    }

    async fn open_in_time(&self) -> Result<Lane> {
        match timeout(self.timeout, self.open()).await {
            // Which of its greetings went unanswered says nothing to anybody.
            Ok(Err(error)) if error.kind == ErrorKind::Timeout => Err(self.no_answer()),
            Ok(result) => result,
            Err(_) => Err(self.no_answer()),
        }
    }

    fn no_answer(&self) -> Error {
        let (address, timeout) = (self.endpoint.address(), self.timeout);
        let text = format!("cannot connect to {address}: no answer in {timeout:?}");
        Error::new(ErrorKind::Timeout, "", text)
    }

    async fn open(&self) -> Result<Lane> {
        let socket = match &self.endpoint.transport {
            Transport::Unix(path) => {
                Box::new(self.reached(UnixStream::connect(path).await)?) as Box<dyn Socket>
            }
            Transport::Tcp { host, port } if self.endpoint.tls => {
                return self.open_secured(host, *port).await;
            }
            Transport::Tcp { host, port } => Box::new(self.tcp(host, *port).await?),
        };
        let mut lane = Lane::over(socket, self.timeout);
        match self.introduce(&mut lane).await {
            Ok(()) => Ok(lane),
            Err(error) => Err(self.not_a_server(self.unless_tls_is_wanted(error).await)),
        }
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream> {
        let stream = self.reached(race::connect(host, port).await)?;
        self.reached(stream.set_nodelay(true))?;
        Ok(stream)
    }

    fn reached<T>(&self, outcome: io::Result<T>) -> Result<T> {
        outcome.map_err(|error| self.connect_error(&error))
    }

    async fn open_secured(&self, host: &str, port: u16) -> Result<Lane> {
        let address = self.endpoint.address();
        let secured = self.secured(host, port, &address).await?;
        let client = secured.client;
        let mut lane = Lane::over(Box::new(secured.stream), self.timeout);
        let introduced = async {
            self.introduce(&mut lane).await?;
            // One exchange at least: only after the handshake does a server say that it misses a certificate.
            match lane.call_ok("PING", &[b"PING"]).await {
                Err(error) if error.kind.is_connection_lost() => Err(error),
                _ => Ok(()),
            }
        };
        match introduced.await {
            Ok(()) => Ok(lane),
            Err(error) => Err(tls::refused_client(error, &address, client)),
        }
    }

    /// The TLS handshake. A server without TLS may wait for more data instead of answering, so after a while, and
    /// after some failures, the server is tested for that.
    async fn secured(&self, host: &str, port: u16, address: &str) -> Result<Secured> {
        let stream = self.tcp(host, port).await?;
        let handshake = tls::secure(stream, host, address, &self.endpoint.tls_options);
        let mut handshake = std::pin::pin!(handshake);
        let outcome = match timeout(self.timeout / 4, &mut handshake).await {
            Ok(outcome) => outcome,
            Err(_) if tls::without_tls_here(host, port).await => {
                return Err(no_tls_spoken(address));
            }
            Err(_) => return handshake.await,
        };
        match outcome {
            Err(error)
                if matches!(error.kind, ErrorKind::TlsMismatch | ErrorKind::Closed)
                    && tls::without_tls_here(host, port).await =>
            {
                Err(no_tls_spoken(address))
            }
            outcome => outcome,
        }
    }

    /// Recognises a server that answers in another protocol.
    fn not_a_server(&self, error: Error) -> Error {
        if error.kind != ErrorKind::Protocol {
            return error;
        }
        let address = self.endpoint.address();
        let text = format!("{address} does not answer as a Redis or Valkey server does");
        Error::new(ErrorKind::Connect, "", text).next_step(
            "name a server with --url or $UCP_STREAMS_URL; -v says where this address came from",
        )
    }

    /// Recognises a server that requires TLS: without it, the server closes the connection, or answers in TLS.
    async fn unless_tls_is_wanted(&self, error: Error) -> Error {
        let Transport::Tcp { host, port } = &self.endpoint.transport else {
            return error;
        };
        if !matches!(error.kind, ErrorKind::Closed | ErrorKind::Protocol)
            || !tls::is_spoken(host, *port).await
        {
            return error;
        }
        let address = self.endpoint.address();
        let text = format!("{address} uses TLS, and this connection does not");
        Error::new(ErrorKind::TlsMismatch, "", text)
            .next_step("connect with rediss:// instead of redis://")
    }

    /// Sends protocol, password, database and name. The name is optional: a user without that permission can still
    /// connect.
    async fn introduce(&self, lane: &mut Lane) -> Result<()> {
        let user = self.endpoint.username.as_deref();
        if self.password().is_some() || user.is_some() {
            // A user without a password is still that user, and not the server's default.
            let password = self.password().unwrap_or_default();
            let mut args: Vec<&[u8]> = vec![b"AUTH"];
            args.extend(user.map(str::as_bytes));
            args.push(password.as_bytes());
            lane.call_ok("AUTH", &args)
                .await
                .map_err(|error| self.auth_error(error))?;
        }
        if self.endpoint.resp3 {
            match lane.call_ok("HELLO", &[b"HELLO", b"3"]).await {
                // Both protocols are read: where this one is refused, the other stays.
                Err(error) if error.kind.is_refusal() => {}
                answer => answer.map_err(|error| self.auth_error(error))?,
            }
        }
        if self.endpoint.db != 0 {
            let db = self.endpoint.db.to_string();
            match lane.call_ok("SELECT", &[b"SELECT", db.as_bytes()]).await {
                Err(error) if error.kind == ErrorKind::Server => {
                    let text = format!("the server has no database {db}: {}", error.text);
                    return Err(Error::new(ErrorKind::NoDatabase, "", text));
                }
                answer => answer?,
            }
        }
        if let Some(name) = &self.client_name {
            match lane
                .call_ok("CLIENT SETNAME", &[b"CLIENT", b"SETNAME", name.as_bytes()])
                .await
            {
                // Without a password nothing else would be answered either.
                Err(error) if error.kind == ErrorKind::TooManyClients => return Err(error),
                Err(error) if error.kind.is_connection_lost() || error.kind == ErrorKind::Auth => {
                    return Err(self.auth_error(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn connect_error(&self, error: &io::Error) -> Error {
        if error
            .raw_os_error()
            .is_some_and(|code| NO_DESCRIPTOR.contains(&code))
        {
            let address = self.endpoint.address();
            let text = format!("cannot connect to {address}: no file descriptor is left: {error}");
            return Error::new(ErrorKind::Connect, "", text)
                .next_step("raise the limit of open files (ulimit -n, LimitNOFILE=)");
        }
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
        if error.kind.is_connection_lost() || error.kind == ErrorKind::TooManyClients {
            return error;
        }
        if self.password().is_none() {
            let address = self.endpoint.address();
            let whose = self.endpoint.username.as_ref();
            let whose = whose.map_or_else(String::new, |user| format!(" for user `{user}`"));
            let text = format!("{address} requires a password{whose}: {}", error.text);
            return Error::new(ErrorKind::Auth, "", text);
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

fn no_tls_spoken(address: &str) -> Error {
    let text = format!("{address} does not use TLS");
    Error::new(ErrorKind::TlsMismatch, "", text)
        .next_step("connect with redis:// instead of rediss://, or use the server's TLS port")
}
