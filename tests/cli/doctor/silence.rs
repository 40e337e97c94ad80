//! Where nothing is wrong, nothing is said; and where something is, nothing else.

use crate::support::site::{GROUP, STREAM, Site};
use crate::support::{PATIENCE, until};

#[test]
fn workers_that_have_nothing_to_do_are_no_finding() {
    let site = Site::start();
    let run = ["worker", "run", GROUP, "merge-processors"];
    let mut workers: Vec<_> = (0..2).map(|_| site.command(&run).spawn()).collect();
    until(PATIENCE, "both read", || {
        let consumers = site.redis(&format!("XINFO CONSUMERS {STREAM} {GROUP}"));
        consumers.items().len() == 2
    });
    site.is_silent();
    for total in 0..20 {
        let payload = format!("payload={{\"total\": {total}}}");
        site.ucp(&["ingest", "brandId=b", "eventType=purchase", &payload])
            .assert_code(0);
    }
    site.is_silent();
    until(PATIENCE, "all is handled", || {
        let groups = site.redis(&format!("XINFO GROUPS {STREAM}"));
        let group = &groups.items()[0];
        group.field("lag").int() == 0 && group.field("pending").int() == 0
    });
    site.is_silent();
    workers.drain(..).for_each(|it| {
        it.terminate();
    });
    site.is_silent();
}

#[test]
fn the_dead_letters_of_a_pipeline_that_works_are_what_is_found() {
    let site = Site::start();
    for total in ["1", "2", "\"much\"", "3", "\"more\""] {
        let payload = format!("payload={{\"total\": {total}}}");
        site.ucp(&["ingest", "brandId=b", "eventType=purchase", &payload])
            .assert_code(0);
    }
    // What no handler can read is a dead letter.
    site.redis(&format!("XADD {STREAM} * n 1"));
    let worker = site.command(&["worker", "run", GROUP, "--once"]).run();
    let letters = site.redis(&format!("XLEN {{{STREAM}}}:dlq")).int();
    assert!(letters > 0, "{worker}");
    let found = site.finds_only("max_dead_letters");
    found
        .is("warning")
        .shows(&[("dead_letters", &letters.to_string())]);
}

#[test]
fn a_demo_leaves_nothing_to_find() {
    let site = Site::start();
    site.ucp(&["demo", "-u", &site.server.url(), "--events", "300"])
        .assert_code(0);
    site.is_silent();
}
