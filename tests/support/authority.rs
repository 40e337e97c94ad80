//! Certificates made for a test.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// An authority of its own, with a directory for what it signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: TempDir,
    ca: PathBuf,
}

/// A certificate and its key, as files.
pub struct Pair {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        Self::named("an authority of a test")
    }

    pub fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        let dir = super::directory();
        let ca = dir.path().join("ca.pem");
        fs::write(&ca, certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            dir,
            ca,
        }
    }

    /// The file to trust it by.
    pub fn ca(&self) -> &str {
        self.ca.to_str().unwrap()
    }

    /// A certificate for these names, valid now.
    pub fn sign(&self, file: &str, names: &[&str]) -> Pair {
        self.sign_until(file, names, 2090)
    }

    /// A certificate for these names, valid from 2020 until the first day of `year`.
    pub fn sign_until(&self, file: &str, names: &[&str], year: i32) -> Pair {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pair = Pair {
            cert: self.dir.path().join(format!("{file}.pem")),
            key: self.dir.path().join(format!("{file}.key")),
        };
        fs::write(&pair.cert, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }
}
