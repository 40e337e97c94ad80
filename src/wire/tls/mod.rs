//! TLS over a connected stream: rustls with the ring provider, always verifying. The operator may choose the trusted
//! authorities and the client certificate, but never whether to verify.

mod files;
mod mismatch;
mod reasons;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, SignatureScheme};

use super::error::{Error, ErrorKind, Result};
use super::zone;
pub(super) use mismatch::{is_spoken, without_tls_here};
pub(super) use reasons::refused_client;

/// Trusted authorities and the client certificate. The files are PEM and are read at every connect, so that a renewed
/// certificate takes effect without a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The file with the certificates of the authorities to trust, instead of the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate, with the chain to its authority.
    pub cert: Option<PathBuf>,
    /// The client certificate's key.
    pub key: Option<PathBuf>,
    /// The name that the server's certificate must have, when it differs from the host.
    pub server_name: Option<String>,
}

/// A stream whose server has proved its identity.
pub(super) struct Secured {
    pub(super) stream: TlsStream<TcpStream>,
    /// What the server said about client certificates.
    pub(super) client: ClientProof,
}

/// Whether the server asked for a client certificate, and whether there was one to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientProof {
    pub(super) was_asked: bool,
    pub(super) was_given: bool,
}

/// Makes the handshake with the server behind `stream` and verifies that it is `host`. `address` is what errors name.
pub(super) async fn secure(
    stream: TcpStream,
    host: &str,
    address: &str,
    options: &TlsOptions,
) -> Result<Secured> {
    let provider = Arc::new(ring::default_provider());
    let resolver = Arc::new(Resolver::new(files::client_key(options, &provider)?));
    let config = config(provider, options, Arc::clone(&resolver))?;
    let name = options.server_name.as_deref();
    let name = name.unwrap_or(zone::of_host(host).0);
    let name = ServerName::try_from(name.to_owned()).map_err(|_| {
        Error::new(
            ErrorKind::Tls,
            "",
            format!("`{name}` cannot be the name in a certificate"),
        )
    })?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = handshake
        .await
        .map_err(|error| reasons::of_handshake(&error, address, options, resolver.proof()))?;
    Ok(Secured {
        stream,
        client: resolver.proof(),
    })
}

/// Sets the crypto provider for other users of rustls in this process; calling it more than once is harmless.
pub fn prepare_tls() {
    // An error says that it was installed before.
    let _ = ring::default_provider().install_default();
}

fn config(
    provider: Arc<CryptoProvider>,
    options: &TlsOptions,
    resolver: Arc<Resolver>,
) -> Result<ClientConfig> {
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Tls, "", error.to_string()))?
        .with_root_certificates(files::authorities(options)?)
        .with_client_cert_resolver(resolver);
    Ok(config)
}

/// Gives the client certificate when the server asks, and remembers that it was asked for. A server that misses one
/// says so only after the handshake, often by closing the connection without a message.
#[derive(Debug)]
struct Resolver {
    key: Option<Arc<CertifiedKey>>,
    was_asked: AtomicBool,
}

impl Resolver {
    fn new(key: Option<CertifiedKey>) -> Self {
        Self {
            key: key.map(Arc::new),
            was_asked: AtomicBool::new(false),
        }
    }

    fn proof(&self) -> ClientProof {
        ClientProof {
            was_asked: self.was_asked.load(Ordering::Relaxed),
            was_given: self.key.is_some(),
        }
    }
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        self.key.is_some()
    }
}
