//! How the servers differ in what this tool depends on: every row of the table in SERVERS.md is a probe, and every column
//! is held against the server of that name when the tests run on it. `UPDATE_SERVERS=1 make test-matrix
//! MATRIX_TESTS='--test servers'` renews the columns.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod page;
mod probes;

#[path = "../support/mod.rs"]
mod support;

use page::Page;
use probes::{PROBES, server_name};
use support::TestServer;

#[test]
fn the_table_says_what_this_server_does() {
    let mut page = Page::read();
    let name = server_name(&TestServer::start());
    let rows: Vec<(&str, String)> = PROBES.iter().map(|it| (it.what, (it.probe)())).collect();
    if std::env::var_os("UPDATE_SERVERS").is_some_and(|it| it == "1") {
        page.renew(&name, &rows);
        page.write();
        return;
    }
    let what: Vec<&str> = rows.iter().map(|(what, _)| *what).collect();
    assert_eq!(
        page.rows(),
        what,
        "SERVERS.md has other rows than tests/servers has probes"
    );
    // A server without a column says nothing about the table.
    let Some(column) = page.column(&name) else {
        return;
    };
    for ((what, now), said) in rows.iter().zip(column) {
        assert_eq!(said, now, "SERVERS.md, {name}: {what}");
    }
}

#[test]
fn the_table_has_the_servers_of_the_matrix() {
    let setup = std::fs::read_to_string(page::repository(".ci/setup")).unwrap();
    let page = Page::read();
    let matrix = setup
        .lines()
        .filter_map(|line| {
            let (step, rest) = line.trim().split_once(' ')?;
            let is_server = ["matrix_server", "newer_server", "backport"].contains(&step);
            is_server.then(|| rest.split(' ').next())?
        })
        .filter(|name| name.contains('-'));
    let mut count = 0;
    for name in matrix {
        let (kind, version) = name.split_once('-').unwrap();
        let kind = kind[..1].to_uppercase() + &kind[1..];
        assert!(
            page.column(&format!("{kind} {version}")).is_some(),
            "no column for {name}"
        );
        count += 1;
    }
    assert!(count >= 6, "{count} servers in .ci/setup");
}
