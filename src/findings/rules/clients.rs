//! The number of connected clients is close to the server's limit.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "connected clients are over 90 % of `maxclients`",
    why: "Further clients will be refused, including workers that reconnect.",
    remedy: "See the clients with CLIENT LIST, and close some or raise maxclients.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    let (clients, most) = (server.number("connected_clients")?, server.number("maxclients")?);
    if clients.saturating_mul(10) <= most.saturating_mul(9) {
        return None;
    }
    let summary = format!("{} of at most {} clients are connected", with_commas(clients), with_commas(most));
    let next = redis_cli("CLIENT").arg("LIST");
    Some(Finding::of_server(Severity::Critical, summary, &next)
        .with("connected_clients", clients.to_string(), "INFO clients")
        .with("maxclients", most.to_string(), "INFO clients"))
}
