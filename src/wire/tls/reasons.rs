//! Explains why a TLS handshake failed, with the next step.

use std::io;
use std::path::Path;

use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{CertificateError, Error as Tls};

use super::{ClientProof, TlsOptions};
use crate::model::{Time, escaped};
use crate::wire::error::{Error, ErrorKind, tls_error_in};

/// Why a handshake with `address` failed. When it ended without a TLS message, it is a lost connection.
pub(super) fn of_handshake(
    error: &io::Error,
    address: &str,
    options: &TlsOptions,
    client: ClientProof,
) -> Error {
    match tls_error_in(error) {
        Some(Tls::InvalidCertificate(why)) => of_certificate(why, address, options),
        Some(Tls::AlertReceived(alert)) => {
            let text = format!("{address} ended the TLS handshake: {alert:?}");
            refused_client(Error::new(ErrorKind::Tls, "", text), address, client)
        }
        Some(Tls::InvalidMessage(_)) => {
            let text = format!("{address} does not answer with TLS");
            Error::new(ErrorKind::TlsMismatch, "", text)
        }
        Some(other) => Error::new(
            ErrorKind::Tls,
            "",
            format!("cannot speak TLS with {address}: {other}"),
        ),
        None => {
            let text = format!("{address} closed the connection during the TLS handshake: {error}");
            refused_client(Error::new(ErrorKind::Closed, "", text), address, client)
        }
    }
}

fn of_certificate(why: &CertificateError, address: &str, options: &TlsOptions) -> Error {
    use CertificateError as C;
    let (text, step) = match why {
        // A bad signature: an authority of the same name with another key.
        C::UnknownIssuer | C::BadSignature => unknown_authority(options.ca.as_deref()),
        C::NotValidForNameContext {
            expected,
            presented,
        } => (
            format!(
                "is for {}, not for {}",
                names(presented),
                escaped(expected.to_str().as_bytes())
            ),
            "connect with a host name that the certificate contains",
        ),
        C::NotValidForName => (
            "is for another name".to_owned(),
            "connect with a host name that the certificate contains",
        ),
        C::ExpiredContext { not_after, .. } => (
            format!("expired at {}", moment(*not_after)),
            "renew the certificate on the server; if it is still valid, correct this machine's clock",
        ),
        C::Expired => (
            "has expired".to_owned(),
            "renew the certificate on the server; if it is still valid, correct this machine's clock",
        ),
        C::NotValidYetContext { not_before, .. } => (
            format!("is not valid before {}", moment(*not_before)),
            "correct this machine's clock, or wait until the certificate is valid",
        ),
        C::NotValidYet => (
            "is not valid yet".to_owned(),
            "correct this machine's clock, or wait until the certificate is valid",
        ),
        C::Revoked => (
            "was revoked".to_owned(),
            "renew the certificate on the server",
        ),
        other => (
            format!("cannot be trusted: {other}"),
            "look at the server's certificate and its chain",
        ),
    };
    Error::new(
        ErrorKind::Tls,
        "",
        format!("the certificate of {address} {text}"),
    )
    .next_step(step)
}

fn unknown_authority(ca: Option<&Path>) -> (String, &'static str) {
    match ca {
        None => (
            "is signed by an authority that this machine does not trust".to_owned(),
            "name the file of its authority with --tls-ca",
        ),
        Some(file) => (
            format!(
                "is signed by an authority that is not in {}",
                escaped(file.as_os_str().as_encoded_bytes())
            ),
            "name the file of its own authority with --tls-ca",
        ),
    }
}

/// Why the server ended the connection after the handshake, once it had checked the client's certificate. Many
/// servers simply close it; then it is known only whether one was asked for.
pub(in crate::wire) fn refused_client(error: Error, address: &str, client: ClientProof) -> Error {
    let ended = matches!(
        error.kind,
        ErrorKind::Closed | ErrorKind::Tls | ErrorKind::Protocol
    );
    if !ended || !client.was_asked {
        return error;
    }
    let (text, step) = if client.was_given {
        ("does not accept", "look at its authority and its dates")
    } else {
        ("asks for", "give one with --tls-cert and --tls-key")
    };
    let own = if client.was_given {
        "this client certificate"
    } else {
        "a client certificate"
    };
    Error::new(
        ErrorKind::Tls,
        "",
        format!("{address} {text} {own}: {}", error.text),
    )
    .next_step(step)
}

fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "no name at all".to_owned();
    }
    let names: Vec<_> = presented
        .iter()
        .map(|name| escaped(plain(name).as_bytes()))
        .collect();
    names.join(", ")
}

/// `DnsName("a.example")` and `IpAddress(10.0.0.1)`, as the verifier writes them, without the wrapping.
fn plain(name: &str) -> &str {
    name.split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .map_or(name, |inner| inner.trim_matches('"'))
}

fn moment(time: UnixTime) -> String {
    Time::from_ms(time.as_secs().saturating_mul(1000)).to_string()
}
