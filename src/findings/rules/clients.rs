//! The server has almost as many clients as it takes.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "connected clients are over 90 % of `maxclients`",
    why: "Further clients are refused: workers that reconnect, and you.",
    remedy: "See with CLIENT LIST who they are; raise maxclients.",
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
