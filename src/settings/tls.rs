//! The TLS settings: trusted authorities and the client certificate.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::Origin;
use crate::cli::Globals;
use crate::model::{Kind, Problem, escaped};
use crate::wire::Endpoint;

/// Whether a flag about TLS was given.
pub(super) fn is_asked_for(globals: &Globals) -> bool {
    globals.tls_ca.is_some()
        || globals.tls_cert.is_some()
        || globals.tls_key.is_some()
        || globals.tls_server_name.is_some()
}

/// Applies the flags to `endpoint`, which has TLS by its scheme, or, if it has no scheme, by these flags.
pub(super) fn apply(globals: &Globals, endpoint: &mut Endpoint) -> Result<(), Problem> {
    let options = &mut endpoint.tls_options;
    let given = [
        ("--tls-ca", &globals.tls_ca, &mut options.ca),
        ("--tls-cert", &globals.tls_cert, &mut options.cert),
        ("--tls-key", &globals.tls_key, &mut options.key),
    ];
    let mut flag = None;
    for (name, file, option) in given {
        if let Some(file) = file {
            readable(name, file)?;
            *option = Some(file.clone());
            flag = Some(name);
        }
    }
    if let Some(name) = &globals.tls_server_name {
        options.server_name = Some(name.clone());
        flag = Some("--tls-server-name");
    }
    if options.cert.is_some() != options.key.is_some() {
        return Err(Problem::usage(
            "a client certificate and its key must be given together: --tls-cert FILE --tls-key FILE",
        ));
    }
    let Some(flag) = flag else { return Ok(()) };
    if endpoint.tls {
        return Ok(());
    }
    Err(Problem::usage(format!(
        "{flag} requires a TLS connection, but {endpoint} does not use TLS"
    ))
    .hint("connect with rediss:// instead"))
}

/// Checks the files before connecting, because a wrong path is a local mistake, not a mistake of the server.
pub(super) fn readable(flag: &str, file: &Path) -> Result<(), Problem> {
    File::open(file).map(|_| ()).map_err(|error| {
        let file = escaped(file.as_os_str().as_encoded_bytes());
        Problem::new(Kind::Local, format!("{flag}: cannot read {file}: {error}"))
    })
}

/// The lines about TLS for `-v`, one per value. Values that no flag gives come from the context.
pub(super) fn describe(endpoint: &Endpoint, flags: &Globals) -> Vec<String> {
    if !endpoint.tls {
        return Vec::new();
    }
    let options = &endpoint.tls_options;
    let path = |file: &Option<PathBuf>| {
        let file = file.as_deref()?;
        Some(escaped(file.as_os_str().as_encoded_bytes()))
    };
    let name = options
        .server_name
        .as_ref()
        .map(|name| escaped(name.as_bytes()));
    let given = [
        (
            "TLS trusts",
            path(&options.ca),
            "--tls-ca",
            flags.tls_ca.is_some(),
        ),
        (
            "client certificate",
            path(&options.cert),
            "--tls-cert",
            flags.tls_cert.is_some(),
        ),
        (
            "client key",
            path(&options.key),
            "--tls-key",
            flags.tls_key.is_some(),
        ),
        (
            "certificate's name",
            name,
            "--tls-server-name",
            flags.tls_server_name.is_some(),
        ),
    ];
    let said = given
        .into_iter()
        .filter_map(|(what, value, flag, is_flags)| {
            let origin = if is_flags {
                Origin::Flag(flag)
            } else {
                Origin::Context
            };
            value.map(|value| format!("{what} {value}, from {origin}"))
        });
    let system = options
        .ca
        .is_none()
        .then(|| "TLS trusts the system's authorities".to_owned());
    system.into_iter().chain(said).collect()
}
