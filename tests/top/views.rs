//! Each view at two sizes, healthy and troubled; and what keys do.

use ucp_streams::model::Key;
use ucp_streams::top::{Effect, Event, Look, Question, Unanswered};

use crate::look::{entry, healthy, letters, members, newest, pending, target, troubled};
use crate::screen::Screen;
use crate::snapshot::assert_committed;

const SIZES: [(u16, u16); 2] = [(80, 24), (160, 50)];

/// Holds a view against what is committed of it, in each state and at each size.
fn each(view: &str, open: impl Fn(&mut Screen)) {
    let looks: [fn(u64) -> Look; 2] = [healthy, troubled];
    for (how, look) in ["healthy", "troubled"].into_iter().zip(looks) {
        for size in SIZES {
            // Two minutes of a pipeline.
            let mut screen = Screen::of(size, (0..120).map(look));
            open(&mut screen);
            let name = format!("{view}-{how}-{}x{}", size.0, size.1);
            assert_committed(&name, &screen.shows());
        }
    }
}

#[test]
fn groups() {
    each("groups", |_| {});
}

#[test]
fn findings() {
    each("findings", |screen| _ = screen.types("2"));
}

#[test]
fn a_finding() {
    let open = |screen: &mut Screen| _ = screen.types("2").presses(Key::Enter);
    let mut screen = Screen::of((80, 24), (0..3).map(troubled));
    open(&mut screen);
    assert_committed("finding-80x24", &screen.shows());
    screen.presses(Key::Enter);
    assert_eq!(screen.wants(), [Effect::Ask(Question::Consumers(target()))]);
}

#[test]
fn streams() {
    each("streams", |screen| _ = screen.types("3"));
}

/// Opens the group in trouble, which is not the first.
fn group(screen: &mut Screen) -> &mut Screen {
    screen
        .types("/event-")
        .presses(Key::Enter)
        .presses(Key::Enter)
}

#[test]
fn consumers() {
    each("consumers", |screen| _ = group(screen).is_told(members()));
}

#[test]
fn pending_entries() {
    each("pending", |screen| {
        group(screen)
            .is_told(members())
            .presses(Key::Enter)
            .is_told(pending());
    });
}

#[test]
fn an_entry() {
    each("entry", |screen| {
        let consumer = group(screen).is_told(members()).presses(Key::Enter);
        consumer
            .is_told(pending())
            .presses(Key::Enter)
            .is_told(entry());
    });
}

#[test]
fn dead_letters() {
    each("letters", |screen| {
        _ = screen.types("3").types("d").is_told(letters());
    });
}

#[test]
fn newest_entries() {
    each("newest", |screen| {
        _ = screen.types("3").presses(Key::Enter).is_told(newest());
    });
}

#[test]
fn esc_leads_back_and_other_answers_are_not_shown() {
    let mut screen = Screen::of((100, 24), (0..3).map(troubled));
    group(&mut screen).is_told(members()).presses(Key::Enter);
    let late = screen.wants();
    screen.presses(Key::Esc);
    let Some(Effect::Ask(question)) = late.into_iter().next_back() else {
        panic!("it asks");
    };
    screen.happens(Event::Answered(question, Ok(pending())));
    let shown = screen.shows();
    assert!(
        shown.contains("host-2-c3d4") && !shown.contains("KeyError"),
        "{shown}"
    );
    screen.presses(Key::Esc);
    assert!(
        screen.shows().contains("[1 Groups 5]"),
        "{}",
        screen.shows()
    );
    // The filter of the list is still there, and goes last.
    screen.presses(Key::Esc);
    assert!(screen.shows().contains("audit"), "{}", screen.shows());
}

#[test]
fn what_cannot_be_asked_is_said_where_it_would_be() {
    let mut screen = Screen::of((100, 24), (0..3).map(troubled));
    group(&mut screen);
    let question = Question::Consumers(target());
    let why =
        "error: stream `events.normalized` has no group `event-processors`\nhint: ucp-streams init";
    let unanswered = Unanswered {
        why: why.to_owned(),
        is_away: false,
    };
    screen.happens(Event::Answered(question, Err(unanswered)));
    let shown = screen.shows();
    assert!(
        shown.contains("has no group") && shown.contains("hint: ucp-streams init"),
        "{shown}"
    );
}

#[test]
fn keys() {
    each("keys", |screen| _ = screen.types("?"));
}

/// What stands below the header of the list.
fn rows(screen: &mut Screen) -> String {
    let shown = screen.shows();
    shown.lines().skip(5).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_filter_takes_what_is_typed_and_esc_leaves_it() {
    let mut screen = Screen::of((80, 24), [troubled(0)].into_iter());
    screen.types("/merq");
    assert_eq!(screen.wants(), [], "q is text");
    assert!(
        screen.shows().contains("nothing matches"),
        "{}",
        screen.shows()
    );
    screen.presses(Key::Backspace);
    let rows = rows(&mut screen);
    assert!(
        rows.contains("merge-processors") && !rows.contains("event-processors"),
        "{rows}"
    );
    screen.presses(Key::Enter).types("q");
    assert_eq!(screen.wants(), [Effect::Quit], "outside it quits");
    screen.presses(Key::Esc);
    assert!(screen.shows().contains("audit"), "{}", screen.shows());
    screen.types("/x").presses(Key::Esc);
    assert!(screen.shows().contains("audit"), "{}", screen.shows());
}

#[test]
fn arrows_choose_the_column_and_s_reverses() {
    let mut screen = Screen::of((160, 50), [troubled(0)].into_iter());
    let first = |screen: &mut Screen| {
        let shown = screen.shows();
        let row = shown.lines().nth(5).unwrap_or_default().to_owned();
        row.trim_start_matches(['>', ' '])
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(
        first(&mut screen),
        "prediction-processors",
        "what is missing"
    );
    screen.presses(Key::Right);
    assert!(
        screen.shows().contains("by LAG, greatest first"),
        "{}",
        screen.shows()
    );
    let rows = rows(&mut screen);
    let place = |name: &str| rows.find(name);
    assert!(
        place("audit") < place("event-processors"),
        "what nobody knows may be more\n{rows}"
    );
    screen.types("s");
    assert!(
        screen.shows().contains("by LAG, least first"),
        "{}",
        screen.shows()
    );
    screen
        .presses(Key::Left)
        .presses(Key::Left)
        .presses(Key::Left);
    assert!(
        screen.shows().contains("by GROUP, least first"),
        "{}",
        screen.shows()
    );
}

#[test]
fn the_chosen_row_stays_chosen_when_the_order_changes() {
    let mut screen = Screen::of((80, 24), [troubled(0)].into_iter());
    screen.presses(Key::Down).presses(Key::Down);
    let chosen = screen.reversed().concat();
    let name = chosen
        .trim_start_matches(['>', ' '])
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    screen.presses(Key::Right).types("s");
    assert!(
        screen.reversed().concat().contains(&name),
        "{}",
        screen.shows()
    );
    screen.happens(Event::Looked(Box::new(troubled(5))));
    assert!(
        screen.reversed().concat().contains(&name),
        "{}",
        screen.shows()
    );
}

#[test]
fn a_pause_keeps_the_figures_and_says_since_when_and_the_verdict_goes_on() {
    let mut screen = Screen::of((120, 24), [healthy(0)].into_iter());
    screen.types("p");
    screen.waits(65);
    screen.happens(Event::Looked(Box::new(troubled(65))));
    let shown = screen.shows();
    assert!(shown.contains("PAUSED since 18:06:10Z (1m 5s)"), "{shown}");
    assert!(shown.contains("CRITICAL 2"), "{shown}");
    assert!(!shown.contains("57,060"), "{shown}");
    screen.types("p");
    let shown = screen.shows();
    assert!(
        shown.contains("70,060") && !shown.contains("PAUSED"),
        "{shown}"
    );
}

#[test]
fn figures_are_marked_as_old_while_the_server_is_away() {
    let mut screen = Screen::of((120, 24), [troubled(0)].into_iter());
    screen.waits(3);
    screen.happens(Event::Failed(
        "cannot connect to redis://cache-1:6379".to_owned(),
    ));
    screen.waits(9);
    screen.happens(Event::Failed(
        "cannot connect to redis://cache-1:6379".to_owned(),
    ));
    let shown = screen.shows();
    let line = "OLD: these figures are 12s old; since 18:06:13Z: cannot connect to redis://cache-1:6379; trying again";
    assert!(shown.contains(line), "{shown}");
    assert!(shown.contains("57,060"), "{shown}");
    screen.happens(Event::Looked(Box::new(troubled(20))));
    assert!(!screen.shows().contains("OLD:"), "{}", screen.shows());
}

#[test]
fn no_screen_is_too_small_to_say_how_things_stand() {
    for size in [(1, 1), (5, 2), (20, 5), (39, 8), (40, 7)] {
        let mut screen = Screen::of(size, (0..3).map(troubled));
        screen.types("?").types("/x").presses(Key::Esc);
        let shown = screen.shows();
        assert!(size.0 < 8 || shown.starts_with("CRITICAL"), "{shown}");
        assert!(
            size.1 < 4 || size.0 < 20 || shown.contains("too small"),
            "{shown}"
        );
    }
    let mut least = Screen::of((40, 8), (0..3).map(troubled));
    assert!(least.shows().contains("event-process"), "{}", least.shows());
}

#[test]
fn names_of_others_never_reach_the_terminal_raw() {
    let mut screen = Screen::of((160, 50), [troubled(0)].into_iter());
    let shown = screen.shows();
    assert!(shown.contains("x1b[2J"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
}

#[test]
fn entries_are_not_read_again_while_their_list_is_the_same() {
    let looked = |screen: &mut Screen, look: Look| {
        screen.happens(Event::Looked(Box::new(look)));
        screen.wants()
    };
    let mut screen = Screen::of((100, 24), (0..3).map(troubled));
    screen.types("3").presses(Key::Enter).is_told(newest());
    assert_eq!(looked(&mut screen, troubled(3)), []);
    let mut grown = troubled(4);
    let added = grown.streams[0].entries_added.as_mut().unwrap();
    *added += 1;
    let newest = Question::Newest("events.raw".into());
    assert_eq!(
        looked(&mut screen, grown.clone()),
        [Effect::Ask(newest.clone())]
    );
    // What could not be asked is asked again.
    let failed = Err(Unanswered {
        why: "it is away".to_owned(),
        is_away: true,
    });
    screen.happens(Event::Answered(newest.clone(), failed));
    assert_eq!(looked(&mut screen, grown), [Effect::Ask(newest)]);
    screen.types("3d").is_told(letters());
    let asks = Effect::Ask(Question::Letters("events.raw".into()));
    assert_eq!(looked(&mut screen, troubled(5)), []);
    let mut more = troubled(6);
    more.streams[0].dead_letters = Some(1);
    assert_eq!(looked(&mut screen, more), std::slice::from_ref(&asks));
    // As many as before may be others, some time later.
    assert_eq!(looked(&mut screen, troubled(60)), [asks]);
    assert!(screen.shows().contains("9m 20s"), "{}", screen.shows());
    // What is idle and who holds it changes all the time.
    screen.types("1");
    group(&mut screen).is_told(members());
    let consumers = Effect::Ask(Question::Consumers(target()));
    assert_eq!(looked(&mut screen, troubled(61)), [consumers]);
}

#[test]
fn equal_findings_are_told_apart() {
    let mut look = troubled(0);
    let twice = look.doctor.findings[0].clone();
    look.doctor.findings.insert(1, twice);
    look.doctor.findings[1].summary = "the second of two".to_owned();
    let mut screen = Screen::of((100, 24), [look].into_iter());
    screen.types("2").presses(Key::Down).presses(Key::Enter);
    assert!(
        screen.shows().contains("the second of two"),
        "{}",
        screen.shows()
    );
}
