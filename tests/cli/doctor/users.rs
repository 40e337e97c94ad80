//! What the user may not look at.

use crate::support::site::{Found, GROUP, STREAM, Site, findings};

#[test]
fn not_looked_at() {
    let site = Site::start();
    site.add(STREAM, 3);
    site.deliver(STREAM, GROUP, "c");
    site.redis(&format!("XTRIM {STREAM} MAXLEN = 0"));
    let look = |rules: &str| {
        site.server.add_user("reader", rules);
        let run = site.server.command_as("reader", &["doctor", "-o", "json"]);
        findings(&run.run())
    };
    let all = look("~* &* +@all");
    let rules: Vec<&str> = all.iter().map(Found::rule).collect();
    assert_eq!(rules, ["ghosts"], "{all:#?}");

    let some = look("~* &* +@all -config -slowlog -info");
    let mut hidden: Vec<&str> = some
        .iter()
        .filter(|it| it.rule() == "not_looked_at")
        .map(|it| it.figure("denied"))
        .collect();
    hidden.sort_unstable();
    assert_eq!(
        hidden,
        [
            "slow calls (SLOWLOG GET)",
            "the server's settings (CONFIG GET)",
            "the server's state (INFO)",
        ]
    );
    let rest: Vec<&str> = some.iter().map(Found::rule).collect();
    assert_eq!(rest.len(), 4, "{some:#?}");
    assert_eq!(rest[0], "ghosts", "{some:#?}");
    for it in &some[1..] {
        it.is("unknown")
            .says("could not read ")
            .next_is("ucp-streams acl doctor --user reader");
    }
    site.follow(&some[1]).assert_code(0);

    // Half of the streams, and of these not what is pending.
    let half = look(
        "~events.normalized ~{events.normalized}:* ~events.raw ~{events.raw}:* &* +@all -xpending",
    );
    let denied: Vec<&str> = half
        .iter()
        .filter(|it| it.rule() == "not_looked_at")
        .map(|it| it.figure("denied"))
        .collect();
    for what in [
        "predictions.requests",
        "profiles.merge_requests",
        "what is pending in",
    ] {
        assert!(
            denied.iter().any(|it| it.contains(what)),
            "{what}: {half:#?}"
        );
    }
    assert_eq!(denied.len(), half.len(), "{half:#?}");
}
