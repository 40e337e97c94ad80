//! How redis-cli connects to the server that this tool uses.

use crate::model::quoted;
use crate::wire::{Endpoint, Transport};

/// The options with which redis-cli reaches the same server.
pub(in crate::commands) fn options_of_redis_cli(endpoint: &Endpoint) -> String {
    let address = address_of_redis_cli(endpoint);
    let user = endpoint.username.as_ref();
    let user = user.map(|it| format!(" --user {}", quoted(it.as_bytes())));
    format!("{address}{}", user.unwrap_or_default())
}

/// The same for another user.
pub(in crate::commands) fn address_of_redis_cli(endpoint: &Endpoint) -> String {
    let address = match &endpoint.transport {
        Transport::Unix(path) => format!("-s {}", quoted(path.as_os_str().as_encoded_bytes())),
        Transport::Tcp { host, port } => format!("-h {} -p {port}", quoted(host.as_bytes())),
    };
    let tls = if endpoint.tls { " --tls" } else { "" };
    format!("{address}{tls}")
}
