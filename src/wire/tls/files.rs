//! Reads certificates and keys from PEM files and the system's store.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::TlsOptions;
use crate::model::{escaped, without_mark};
use crate::wire::error::{Error, ErrorKind, Result};

/// The trusted authorities: those in the file, or else the system's.
pub(super) fn authorities(options: &TlsOptions) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    let Some(file) = &options.ca else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            return Err(
                wrong("this machine trusts no certificate authority".to_owned())
                    .next_step("name the file of the server's authority with --tls-ca"),
            );
        }
        return Ok(store);
    };
    for certificate in certificates(
        file,
        "give --tls-ca the certificate of the server's authority",
    )? {
        store.add(certificate).map_err(|error| {
            wrong(format!(
                "{} holds a certificate that cannot be used as an authority: {error}",
                shown(file)
            ))
        })?;
    }
    Ok(store)
}

/// The client's certificate with its key, when one was given.
pub(super) fn client_key(
    options: &TlsOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<CertifiedKey>> {
    let (Some(cert), Some(key)) = (&options.cert, &options.key) else {
        return Ok(None);
    };
    let chain = certificates(cert, "give --tls-cert the client's certificate")?;
    let private = pem(key).and_then(|pem| PrivateKeyDer::from_pem_slice(&pem));
    let private = private.map_err(|error| {
        unreadable(key, "private key", &error)
            .next_step("give --tls-key the private key of the certificate that --tls-cert names")
    })?;
    let client = CertifiedKey::from_der(chain, private, provider).map_err(|error| {
        wrong(format!(
            "the key {} does not belong to the certificate {}: {error}",
            shown(key),
            shown(cert)
        ))
        .next_step("name two files that belong together with --tls-cert and --tls-key")
    })?;
    Ok(Some(client))
}

/// The certificates in the file, at least one; `step` is the next step when there is none.
fn certificates(file: &Path, step: &'static str) -> Result<Vec<CertificateDer<'static>>> {
    let bad = |error| unreadable(file, "certificate", &error).next_step(step);
    let found = CertificateDer::pem_slice_iter(&pem(file).map_err(bad)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(bad)?;
    if found.is_empty() {
        return Err(bad(PemError::NoItemsFound));
    }
    Ok(found)
}

/// Reads a file in PEM form, which must be small.
fn pem(file: &Path) -> Result<Vec<u8>, PemError> {
    let bytes = std::fs::read(file).map_err(PemError::Io)?;
    let pem = without_mark(&bytes).map_err(|error| PemError::Io(error.into()))?;
    Ok(pem.to_vec())
}

fn unreadable(file: &Path, what: &str, error: &PemError) -> Error {
    let file = shown(file);
    wrong(match error {
        PemError::Io(error) => format!("cannot read {file}: {error}"),
        PemError::NoItemsFound => format!("{file} contains no {what} in PEM form"),
        error => format!("{file} is not a PEM file: {error}"),
    })
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Tls, "", text)
}

fn shown(file: &Path) -> String {
    escaped(file.as_os_str().as_encoded_bytes())
}
