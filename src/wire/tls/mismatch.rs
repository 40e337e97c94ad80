//! Detects that one side uses TLS and the other does not. A server rarely says so: it closes the connection, or waits
//! for more data. So after a failure, and only then, a second connection is made to find out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, Error as Tls, RootCertStore};

use crate::wire::error::tls_error_in;
use crate::wire::{race, zone};

/// The time limit for that second connection.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether the server at this address uses TLS. Trusts nobody and sends nothing.
pub(in crate::wire) async fn is_spoken(host: &str, port: u16) -> bool {
    let asked = async {
        let stream = race::connect(host, port).await.ok()?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .ok()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = ServerName::try_from(zone::of_host(host).0.to_owned()).ok()?;
        let connector = TlsConnector::from(Arc::new(config));
        let outcome = connector.connect(name, stream).await;
        Some(outcome.map_or_else(|error| is_tls(&error), |_| true))
    };
    timeout(PATIENCE, asked)
        .await
        .ok()
        .flatten()
        .unwrap_or(false)
}

/// A server that answers in TLS uses TLS, whatever the answer is.
fn is_tls(error: &io::Error) -> bool {
    tls_error_in(error).is_some_and(|error| !matches!(error, Tls::InvalidMessage(_)))
}

/// Whether the server at this address answers in Redis's protocol without TLS. Sends only a PING.
pub(in crate::wire) async fn without_tls_here(host: &str, port: u16) -> bool {
    let asked = async {
        let mut stream = race::connect(host, port).await?;
        stream.write_all(b"PING\r\n").await?;
        stream.read_u8().await
    };
    matches!(timeout(PATIENCE, asked).await, Ok(Ok(b'+' | b'-')))
}
