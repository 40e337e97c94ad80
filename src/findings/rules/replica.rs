//! The server is a replica.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the server is a replica (CRITICAL where its link to the primary is down)",
    why: "The server refuses writes, and its data may be out of date.",
    remedy: "Name the primary with --url or a context.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    let role = server.text("role").filter(|it| *it != "master")?;
    let said = |name: &str| server.text(name).unwrap_or("?");
    let primary = address(said("master_host"), said("master_port"));
    let link = said("master_link_status");
    let (severity, state) = if link == "up" {
        (Severity::Warning, String::new())
    } else {
        (Severity::Critical, format!(", and its link is {link}"))
    };
    let summary = format!("this server is a replica of {primary}{state}");
    let next = CommandLine::new("check").option("--url", format!("redis://{primary}"));
    Some(Finding::of_server(severity, summary, &next)
        .with("role", role, "INFO replication")
        .with("master_link_status", link, "INFO replication"))
}
