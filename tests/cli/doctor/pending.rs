//! Rules about what is pending, and about dead letters.

use crate::support::site::{GROUP, SHORT, SHORT_GROUP, STREAM, Site};

#[test]
fn max_pending() {
    let site = Site::with_topology("[groups.event-processors]\nalert = { max_pending = 2 }\n");
    site.add(STREAM, 2);
    site.deliver(STREAM, GROUP, "c");
    site.is_silent();
    site.add(STREAM, 1);
    let last = site.deliver(STREAM, GROUP, "c");
    let found = site.finds_only("max_pending");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .says("3 entries pending, over max_pending 2")
        .shows(&[("pending", "3")])
        .next_is("ucp-streams pending event-processors");
    site.follow(&found).assert_code(0);
    site.ack(STREAM, GROUP, &last);
    site.is_silent();
}

#[test]
fn max_idle() {
    let site = Site::start();
    site.add(STREAM, 1);
    let ids = site.deliver(STREAM, GROUP, "c");
    let rests = |seconds: u64| {
        let claim = format!("XCLAIM {STREAM} {GROUP} c 0 {}", ids[0]);
        site.redis(&format!("{claim} IDLE {}", seconds * 1000));
    };
    rests(200);
    site.is_silent();
    rests(301);
    let found = site.finds_only("max_idle");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .says("a pending entry has been idle for 5m")
        .says(", over max_idle 5m")
        .shows(&[("oldest_pending_idle_ms", "*")])
        .next_is("ucp-streams pending event-processors");
    assert!(found.figure("oldest_pending_idle_ms").starts_with("5m"));
    site.follow(&found).assert_code(0).stdout_has(&ids[0]);
    site.ack(STREAM, GROUP, &ids);
    site.is_silent();
}

#[test]
fn ghosts() {
    let site = Site::start();
    site.add(STREAM, 2);
    let acknowledged = site.deliver(STREAM, GROUP, "c");
    site.ack(STREAM, GROUP, &acknowledged);
    site.redis(&format!("XTRIM {STREAM} MAXLEN = 0"));
    site.is_silent();
    site.add(STREAM, 3);
    let ids = site.deliver(STREAM, GROUP, "c");
    site.redis(&format!("XTRIM {STREAM} MAXLEN = 1"));
    let found = site.finds_only("ghosts");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .says("2 of its pending entries were trimmed from the stream, the oldest ")
        .shows(&[("trimmed", "2"), ("oldest_pending_id", &ids[0])])
        .next_is(&format!(
            "ucp-streams dlq add event-processors {} {} --reason trimmed",
            ids[0], ids[1]
        ));
    // What is lost is said so by the exit code, and is a dead letter now.
    site.follow(&found).assert_code(9);
    let letters = site.finds_only("max_dead_letters");
    letters.says("2 with \"trimmed\"");
    assert_eq!(
        site.redis(&format!("XPENDING {STREAM} {GROUP}")).items()[0].int(),
        1
    );
}

#[test]
fn ghosts_of_which_only_some_are_named() {
    let site = Site::start();
    site.add(STREAM, 150);
    site.deliver(STREAM, GROUP, "c");
    site.redis(&format!("XTRIM {STREAM} MAXLEN = 0"));
    let found = site.finds_only("ghosts");
    found
        .says("at least 100 of its pending entries")
        .shows(&[("trimmed", "at least 100"), ("oldest_pending_id", "*")]);
    site.follow(&found).assert_code(9);
    let rest = site.finds_beside("ghosts", &["max_dead_letters"]);
    assert_ne!(
        rest.figure("oldest_pending_id"),
        found.figure("oldest_pending_id")
    );
}

#[test]
fn poison() {
    let site = Site::start();
    site.add(STREAM, 2);
    let ids = site.deliver(STREAM, GROUP, "c");
    let delivered = |times: u64| {
        let claim = format!("XCLAIM {STREAM} {GROUP} c 0 {}", ids[1]);
        site.redis(&format!("{claim} RETRYCOUNT {times}"));
    };
    delivered(3);
    site.is_silent();
    delivered(4);
    let found = site.finds_only("poison");
    found
        .is("warning")
        .is_about(STREAM, GROUP)
        .says(&format!(
            "{} has been delivered 4 times, of at most 5",
            ids[1]
        ))
        .shows(&[("deliveries", "4"), ("max_deliveries", "5")])
        .next_is(&format!(
            "ucp-streams dlq add event-processors {} --reason poison",
            ids[1]
        ));
    site.follow(&found).assert_code(0);
    site.finds_only("max_dead_letters")
        .says("1 with \"poison\"");
}

#[test]
fn pending_near_trim() {
    let site = Site::start();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let first = u64::try_from(now.as_millis()).unwrap();
    // 990 entries, 2 ms apart: no rate follows from so short a time.
    site.add_at(SHORT, (0..999).map(|nth| first + 2 * nth));
    let ids = site.deliver(SHORT, SHORT_GROUP, "c");
    site.ack(SHORT, SHORT_GROUP, &ids[..50]);
    site.ack(SHORT, SHORT_GROUP, &ids[51..150]);
    site.ack(SHORT, SHORT_GROUP, &ids[151..]);
    // It is below its MAXLEN.
    site.is_silent();
    site.add_at(SHORT, std::iter::once(first + 2000));
    let last = site.deliver(SHORT, SHORT_GROUP, "c");
    site.ack(SHORT, SHORT_GROUP, &last);
    let found = site.finds_only("pending_near_trim");
    found
        .is("warning")
        .is_about(SHORT, SHORT_GROUP)
        .says(&ids[50])
        .shows(&[
            ("oldest_pending_id", &ids[50]),
            ("first_id", &ids[0]),
            ("length", "1000"),
        ])
        .next_is("ucp-streams pending merge-processors");
    site.follow(&found).assert_code(0).stdout_has(&ids[50]);
    // What rests is not among the oldest tenth.
    site.ack(SHORT, SHORT_GROUP, &ids[50..51]);
    site.is_silent();
}

#[test]
fn max_dead_letters() {
    // A second group on the stream: its dead letters are one finding.
    let second = "[groups.audit]\nstream = \"events.normalized\"\n";
    let site = Site::with_topology(&format!(
        "{second}alert = {{ max_dead_letters = [1, 2] }}\n"
    ));
    site.is_silent();
    site.add(STREAM, 3);
    let ids = site.deliver(STREAM, GROUP, "c");
    let park = |id: &str, reason: &str| {
        let add = ["dlq", "add", GROUP, id, "--reason", reason, "--yes"];
        site.ucp(&add).assert_code(0);
    };
    park(&ids[0], "card declined");
    let found = site.finds_only("max_dead_letters");
    found
        .is("warning")
        .says("its stream has 1 dead letter, over max_dead_letters 0: 1 with \"card declined\"")
        .shows(&[("dead_letters", "1")])
        .next_is("ucp-streams dlq list events.normalized");
    park(&ids[1], "timeout");
    park(&ids[2], "card declined");
    let found = site.finds_only("max_dead_letters");
    found
        .is("critical")
        .says(
            "3 dead letters, over max_dead_letters 2: 2 with \"card declined\", 1 with \"timeout\"",
        )
        .shows(&[("dead_letters", "3")])
        .next_is("ucp-streams dlq list events.normalized --by reason,brand_id");
    site.follow(&found)
        .assert_code(0)
        .stdout_has("card declined");
    let purge = ["dlq", "purge", STREAM, "--all", "--yes"];
    site.ucp(&purge).assert_code(0);
    site.is_silent();
}
