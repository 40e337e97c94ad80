//! Changes from the screen, up to what is asked of the driver.

use ucp_streams::model::{EntryId, Key, Tone};
use ucp_streams::streams::retry_stream::Route;
use ucp_streams::top::{
    Access, Action, Answer, Consented, Effect, Event, Proposal, Question, Selected, Unanswered,
};

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
    // Nothing else happens until it has ended, or is left.
    screen.types("cR1").presses(Key::Esc);
    assert_eq!(screen.wants(), []);
    screen.happens(Event::Progressed(40));
    assert_committed("claim-applying-80x24", &screen.shows());
    screen.types("q");
    assert_eq!(screen.wants(), [Effect::Quit]);
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
    let requeue = |route| {
        Effect::Plan(Action::Requeue {
            target: target(),
            which: Selected::Stale,
            route,
        })
    };
    assert_eq!(screen.wants(), [requeue(Route::OneGroup)]);
    let why = [
        "error: stream `events.normalized` has other groups, which would see the entries again: `audit`",
        "hint: --via-retry-stream copies them where only this group's workers see them; --all-groups-see-it allows that the others see them, too",
    ];
    screen.happens(Event::Planned(Err(why.map(str::to_owned).to_vec())));
    assert_committed("requeue-refused-80x24", &screen.shows());
    screen.types("v");
    assert_eq!(screen.wants(), [requeue(Route::RetryStream)]);
    screen.happens(Event::Planned(Err(vec![
        "error: no live worker reads it".to_owned(),
    ])));
    screen.types("a");
    assert_eq!(screen.wants(), [requeue(Route::AllGroups)]);
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
            route: Route::OneGroup,
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
            route: Route::OneGroup,
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

#[test]
fn who_holds_the_entries_is_not_offered_them() {
    let offered = |screen: &mut Screen| {
        screen.types("c");
        let shown = screen.shows();
        screen.presses(Key::Esc);
        shown
    };
    // One entry, which a consumer of the list of pending entries holds.
    let mut screen = screen();
    consumers(&mut screen).presses(Key::Enter);
    let Answer::Pending(mut report) = pending() else {
        panic!("entries");
    };
    for row in &mut report.entries {
        row.consumer = Some("host-1-a1b2".into());
    }
    screen.is_told(Answer::Pending(report));
    let shown = offered(&mut screen);
    assert!(
        shown.contains("no other consumer could get them"),
        "{shown}"
    );
    // All of a group, which one consumer holds.
    let mut screen = Screen::of((100, 24), [troubled(0)].into_iter());
    screen.types("/merge-p").presses(Key::Enter);
    let shown = offered(&mut screen);
    assert!(
        shown.contains("no other consumer could get them"),
        "{shown}"
    );
}

#[test]
fn where_consumers_may_not_be_seen_it_says_so() {
    let mut look = troubled(0);
    for group in look.streams.iter_mut().flat_map(|it| &mut it.groups) {
        group.live = None;
        group.consumers.clear();
    }
    let mut screen = Screen::of((80, 24), [look].into_iter());
    screen.types("/merge-p").presses(Key::Enter).types("c");
    let shown = screen.shows();
    assert!(
        shown.contains("this user may not see the consumers of merge-processors: name one"),
        "{shown}"
    );
    assert!(shown.contains("claim --work"), "wrapped\n{shown}");
}

#[test]
fn what_a_change_brought_is_wrapped_and_the_rest_counted() {
    let line = |number| {
        let text = format!("warning {number}: {}", "of many words ".repeat(8));
        (Tone::Warn, text)
    };
    let mut screen = screen();
    screen.happens(Event::Applied((1..=5).map(line).collect()));
    assert_committed("results-80x24", &screen.shows());
    let lines = |screen: &mut Screen| screen.shows().lines().count();
    assert_eq!(lines(&mut screen), 24);
    // The list keeps a row on the least screen.
    let mut least = Screen::of((40, 8), (0..3).map(troubled));
    least.happens(Event::Applied((1..=5).map(line).collect()));
    let shown = least.shows();
    assert!(
        shown.contains("> prediction") && shown.contains("warning 1"),
        "{shown}"
    );
}

#[test]
fn a_dialog_outlives_a_screen_that_is_too_small_for_it() {
    let mut screen = screen();
    consumers(&mut screen).types("r");
    screen.wants();
    screen.happens(proposal(Consented::Yes));
    screen.resizes((20, 5));
    let shown = screen.shows();
    assert!(
        shown.contains("too small") && shown.contains("requeue waits"),
        "{shown}"
    );
    // Nobody consents to what cannot be read.
    screen.types("yq").presses(Key::Enter);
    assert_eq!(screen.wants(), []);
    screen.resizes((80, 24));
    assert!(
        screen.shows().contains("Proceed? [y/N]: _"),
        "{}",
        screen.shows()
    );
    screen.resizes((20, 5)).presses(Key::Esc);
    assert!(screen.shows().contains("q: quit"), "{}", screen.shows());
}

#[test]
fn an_answer_that_does_not_come_leaves_the_one_before() {
    let mut screen = Screen::of((140, 24), (0..3).map(troubled));
    consumers(&mut screen);
    let away = || {
        Err(Unanswered {
            why: "cannot connect to redis://cache-1:6379".to_owned(),
            is_away: true,
        })
    };
    let question = Question::Consumers(target());
    screen.happens(Event::Answered(question.clone(), away()));
    screen.waits(9);
    screen.happens(Event::Answered(question.clone(), away()));
    let shown = screen.shows();
    let old = "OLD: not answered since 18:06:12Z: cannot connect to redis://cache-1:6379";
    assert!(
        shown.contains("host-1-a1b2") && shown.contains(old),
        "{shown}"
    );
    screen.happens(Event::Answered(question.clone(), Ok(members())));
    assert!(!screen.shows().contains("OLD"), "{}", screen.shows());
    // What is gone is gone.
    let gone = Err(Unanswered {
        why: "error: the group is gone".to_owned(),
        is_away: false,
    });
    screen.happens(Event::Answered(question, gone));
    let shown = screen.shows();
    assert!(
        shown.contains("the group is gone") && !shown.contains("host-1"),
        "{shown}"
    );
}
