//! TLS and credentials, as the client wants them.

use std::path::Path;

use krafka::auth::{AuthConfig, TlsConfig};

use crate::kafka::{Cluster, Mechanism, Sasl, Tls};

pub(super) fn security(cluster: &Cluster) -> AuthConfig {
    let secured = match &cluster.sasl {
        None => AuthConfig::plaintext(),
        Some(Sasl {
            mechanism,
            user,
            password,
        }) => match mechanism {
            Mechanism::Plain => AuthConfig::sasl_plain(user, password),
            Mechanism::ScramSha256 => AuthConfig::sasl_scram_sha256(user, password),
            Mechanism::ScramSha512 => AuthConfig::sasl_scram_sha512(user, password),
        },
    };
    match &cluster.tls {
        None => secured,
        Some(tls) => secured.with_tls(tls_config(tls)),
    }
}

fn tls_config(tls: &Tls) -> TlsConfig {
    let path = |file: &Path| file.to_string_lossy().into_owned();
    let mut config = match &tls.ca {
        Some(ca) => TlsConfig::new().with_ca_cert(path(ca)),
        None => TlsConfig::new().with_native_roots(),
    };
    if let Some((cert, key)) = &tls.identity {
        config = config.with_client_cert(path(cert), path(key));
    }
    config
}
