//! How a Kafka cluster is reached.

use std::fmt;
use std::path::PathBuf;

/// A cluster and how to reach it.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// The brokers to ask first, as `host:port,host:port`.
    pub brokers: String,
    /// TLS, when the connections use it.
    pub tls: Option<Tls>,
    /// The credentials, when the brokers ask for some.
    pub sasl: Option<Sasl>,
}

/// The files of TLS.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The certificates of the authorities to trust, in PEM; `None` trusts the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate and its private key, in PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Credentials for SASL.
#[derive(Clone)]
pub struct Sasl {
    /// How they are proven.
    pub mechanism: Mechanism,
    /// The user's name.
    pub user: String,
    /// The password, which is never shown.
    pub password: String,
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// How a password is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mechanism {
    /// The password is sent: only with TLS is it hidden on the way.
    Plain,
    /// SCRAM with SHA-256.
    ScramSha256,
    /// SCRAM with SHA-512.
    #[default]
    ScramSha512,
}

/// How batches of records are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip: small, and slow to write.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4: fast.
    #[default]
    Lz4,
}
