//! Changes from the screen, up to what is asked of the driver.

use ucp_streams::model::{EntryId, Key, Tone};
use ucp_streams::top::{Access, Action, Consented, Effect, Event, Proposal, Selected};

use crate::look::{BEGIN_MS, letters, members, pending, target, troubled};
use crate::screen::Screen;
use crate::snapshot::assert_committed;

fn screen() -> Screen {
    Screen::of((80, 24), (0..3).map(troubled))
}

/// The consumers of the group in trouble.
fn consumers(screen: &mut Screen) -> &mut Screen {
    let group = screen
        .types("/event-")
        .presses(Key::Enter)
        .presses(Key::Enter);
    group.is_told(members())
}

fn proposal(consent: Consented) -> Event {
    Event::Planned(Ok(Box::new(Proposal {
        plan: "claim for consumer `host-1-a1b2` 41 entries of group `event-processors` of stream `events.normalized` \
            on redis://cache-1:6379"
            .to_owned(),
        command: "ucp-streams claim event-processors --consumer host-9-gone --to host-1-a1b2".to_owned(),
        entries: (vec!["1772380770000-0  host-9-gone  idle 2h 5m  deliveries 1".to_owned()], 40),
        warnings: Vec::new(),
        consent,
    })))
}

#[test]
fn a_claim_asks_who_gets_them_shows_the_plan_and_waits_for_consent() {
    let mut screen = screen();
    consumers(&mut screen).presses(Key::End).types("c");
    assert_committed("claim-recipient-80x24", &screen.shows());
    screen.presses(Key::Enter);
    let action = Action::Claim {
        target: target(),
        which: Selected::StaleOf("host-9-\u{1b}[31mgone".into()),
        to: "host-1-a1b2".into(),
    };
    assert_eq!(screen.wants(), [Effect::Plan(action)]);
    screen.happens(proposal(Consented::Yes));
    // What is typed is the answer, also a q.
    screen.types("yq").presses(Key::Backspace);
    assert_committed("claim-consent-80x24", &screen.shows());
    screen.presses(Key::Enter);
    assert_eq!(screen.wants(), [Effect::Apply("y".to_owned())]);
    // Nothing else happens until it has ended.
    screen.types("q").presses(Key::Esc);
    assert_eq!(screen.wants(), []);
    let result =
        "41 of 41 entries claimed in group `event-processors` of stream `events.normalized`";
    screen.happens(Event::Applied(vec![(Tone::Ok, result.to_owned())]));
    screen.waits(30);
    screen.presses(Key::Up).presses(Key::Esc);
    assert!(
        screen.shows().contains("41 of 41 entries claimed"),
        "{}",
        screen.shows()
    );
}

#[test]
fn esc_leaves_a_plan_and_nothing_is_changed() {
    let mut screen = screen();
    consumers(&mut screen).types("r");
    assert!(matches!(
        screen.wants()[..],
        [Effect::Plan(Action::Requeue { .. })]
    ));
    screen.happens(proposal(Consented::Yes));
    screen.types("y").presses(Key::Esc);
    assert_eq!(screen.wants(), []);
    assert!(
        screen.shows().contains("nothing was changed"),
        "{}",
        screen.shows()
    );
    // A plan that comes too late opens nothing.
    screen.happens(proposal(Consented::Yes));
    assert!(!screen.shows().contains("Proceed?"), "{}", screen.shows());
}

#[test]
fn what_other_groups_would_see_is_refused_until_that_is_agreed() {
    let mut screen = screen();
    consumers(&mut screen).types("R");
    let requeue = |all_groups_see_it| {
        Effect::Plan(Action::Requeue {
            target: target(),
            which: Selected::Stale,
            all_groups_see_it,
        })
    };
    assert_eq!(screen.wants(), [requeue(false)]);
    let why = [
        "error: stream `events.normalized` has other groups, which would see the entries again: `audit`",
        "hint: --all-groups-see-it allows that; `claim` hands entries over without a copy",
    ];
    screen.happens(Event::Planned(Err(why.map(str::to_owned).to_vec())));
    assert_committed("requeue-refused-80x24", &screen.shows());
    screen.types("a");
    assert_eq!(screen.wants(), [requeue(true)]);
}

#[test]
fn small_letters_are_about_what_is_chosen_and_great_ones_about_all() {
    let mut screen = screen();
    consumers(&mut screen)
        .presses(Key::Enter)
        .is_told(pending());
    let id = EntryId::new(BEGIN_MS - 7_600_000, 0);
    for (key, which) in [
        ("r", Selected::Entry(id)),
        ("R", Selected::StaleOf("host-1-a1b2".into())),
    ] {
        screen.types(key);
        let wanted = Action::Requeue {
            target: target(),
            which,
            all_groups_see_it: false,
        };
        assert_eq!(screen.wants(), [Effect::Plan(wanted)]);
        screen.presses(Key::Esc);
    }
    screen.types("3d").is_told(letters());
    let letter = EntryId::new(BEGIN_MS - 500_000, 0);
    for (key, id) in [("r", Some(letter)), ("R", None)] {
        screen.types(key);
        let wanted = Action::Redrive {
            stream: "events.raw".into(),
            id,
            all_groups_see_it: false,
        };
        assert_eq!(screen.wants(), [Effect::Plan(wanted)]);
        screen.presses(Key::Esc);
    }
}

#[test]
fn in_production_nothing_can_be_changed_before_its_name_was_typed() {
    let locked = Access::Locked("prod".to_owned());
    let mut screen = screen().with_access(locked, Some("prod"));
    assert!(
        screen.shows().contains("read-only: production (w)"),
        "{}",
        screen.shows()
    );
    consumers(&mut screen).types("r");
    assert_committed("production-80x24", &screen.shows());
    screen
        .types("prox")
        .presses(Key::Enter)
        .types("r")
        .presses(Key::Esc);
    assert_eq!(screen.wants(), []);
    screen
        .types("w")
        .types("prod")
        .presses(Key::Enter)
        .types("r");
    assert!(
        matches!(screen.wants()[..], [Effect::Plan(_)]),
        "{}",
        screen.shows()
    );
    screen.happens(proposal(Consented::Name("prod".to_owned())));
    assert!(
        screen
            .shows()
            .contains("This is production. Type prod to proceed"),
        "{}",
        screen.shows()
    );
    screen.presses(Key::Esc).types("w");
    assert!(
        screen.shows().contains("read-only again"),
        "{}",
        screen.shows()
    );
    screen.types("r");
    assert_eq!(screen.wants(), []);
}

#[test]
fn a_screen_that_is_read_only_stays_so() {
    let mut screen =
        screen().with_access(Access::ReadOnly("started with --read-only"), Some("prod"));
    consumers(&mut screen).types("rcRCw");
    assert_eq!(screen.wants(), []);
    assert!(
        screen.shows().contains("started with --read-only"),
        "{}",
        screen.shows()
    );
}
