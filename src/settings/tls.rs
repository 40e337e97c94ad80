//! Whom to trust and as whom to appear over TLS.

use std::fs::File;
use std::path::Path;

use super::Origin;
use crate::cli::Globals;
use crate::model::{Kind, Problem, escaped};
use crate::wire::Endpoint;

/// Puts the flags into `endpoint`. They make a connection that is given without a scheme one with TLS.
pub(super) fn apply(
    globals: &Globals,
    endpoint: &mut Endpoint,
    origin: Origin,
) -> Result<(), Problem> {
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
            "a client certificate and its key go together: --tls-cert FILE --tls-key FILE",
        ));
    }
    let Some(flag) = flag else { return Ok(()) };
    if matches!(origin, Origin::Flag("--host" | "--port" | "--db")) {
        endpoint.tls = true;
    }
    if endpoint.tls {
        return Ok(());
    }
    Err(Problem::usage(format!(
        "{flag} is for a connection with TLS, and {endpoint} is none"
    ))
    .hint("connect with rediss:// instead"))
}

/// Looked at before anything is dialled: a wrong path is a local mistake, not the server's.
fn readable(flag: &str, file: &Path) -> Result<(), Problem> {
    File::open(file).map(|_| ()).map_err(|error| {
        let file = escaped(file.as_os_str().as_encoded_bytes());
        Problem::new(Kind::Local, format!("{flag}: cannot read {file}: {error}"))
    })
}

/// What `-v` says of it.
pub(super) fn describe(endpoint: &Endpoint) -> Option<String> {
    let options = &endpoint.tls_options;
    let path = |file: &Path| escaped(file.as_os_str().as_encoded_bytes());
    let trusted = options
        .ca
        .as_deref()
        .map_or_else(|| "the system's authorities".to_owned(), path);
    let shown = options.cert.as_deref().map_or_else(
        || "no client certificate".to_owned(),
        |file| format!("client certificate {}", path(file)),
    );
    endpoint
        .tls
        .then(|| format!("TLS trusts {trusted}; {shown}"))
}
