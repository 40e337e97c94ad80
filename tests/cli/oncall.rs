//! What goes wrong at night, each solved as somebody would who knows nothing but what the screens say: the first command is
//! the obvious one, every other is one that a screen before it suggested, and three are enough.

use serde_json::Value;

use crate::seed;
use crate::support::site::{GROUP, SHORT, SHORT_GROUP, STREAM, Site};
use crate::support::{PATIENCE, Run, Spawned, until};

/// Commands that are enough.
const COMMANDS_MAX: usize = 3;
/// Columns of the terminal.
const COLUMNS: u16 = 80;

/// Somebody at a terminal.
struct OnCall<'s> {
    site: &'s Site,
    screens: Vec<Run>,
}

impl<'s> OnCall<'s> {
    /// Somebody who types this first.
    #[track_caller]
    fn types(site: &'s Site, line: &str) -> Self {
        let screens = vec![site.types(line, COLUMNS, None)];
        Self { site, screens }
    }

    /// The last screen.
    fn screen(&self) -> &Run {
        self.screens.last().unwrap()
    }

    /// It has this on it, be it broken between words.
    #[track_caller]
    fn says(&mut self, text: &str) -> &mut Self {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let screen = self.screen();
        assert!(
            words(screen.stdout()).contains(&words(text)),
            "no {text:?}\n{screen}"
        );
        self
    }

    /// The command that begins so, as the screens suggest it.
    #[track_caller]
    fn suggested(&self, begin: &str) -> String {
        let texts = self.screens.iter().rev().map(Run::stdout);
        let all: Vec<String> = texts.flat_map(suggestions).collect();
        let found = all.iter().find(|it| it.starts_with(begin));
        found
            .unwrap_or_else(|| panic!("{begin} is not suggested, only {all:#?}\n{}", self.screen()))
            .clone()
    }

    /// Then types the suggested command that begins so.
    #[track_caller]
    fn then(&mut self, begin: &str) -> &mut Self {
        let line = self.suggested(begin);
        let run = self.site.types(&line, COLUMNS, None);
        self.shows(run)
    }

    /// The same for a command that goes on until it has had its effect.
    #[track_caller]
    fn then_until(&mut self, begin: &str, effect: impl Fn(&Site) -> bool) -> &mut Self {
        let line = self.suggested(begin);
        let site = self.site;
        let run = site.types(&line, COLUMNS, Some(&|| effect(site)));
        self.shows(run)
    }

    #[track_caller]
    fn shows(&mut self, run: Run) -> &mut Self {
        self.screens.push(run);
        assert!(
            self.screens.len() <= COMMANDS_MAX,
            "more than {COMMANDS_MAX} commands"
        );
        self
    }
}

/// The commands that a screen suggests, as a shell reads them.
fn suggestions(screen: &str) -> Vec<String> {
    let mut found = Vec::new();
    // A command that takes more than one line goes on behind a backslash.
    let whole = screen.replace("\\\n", "");
    for line in whole.lines() {
        for (at, _) in line
            .match_indices("ucp-streams ")
            .chain(line.match_indices("redis-cli "))
        {
            let is_quoted = line[..at].ends_with('`');
            let rest = &line[at..];
            let command = if is_quoted {
                rest.split('`').next().unwrap()
            } else {
                rest
            };
            found.push(command.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    found
}

fn pending(site: &Site) -> i64 {
    site.redis(&format!("XPENDING {STREAM} {GROUP}")).items()[0].int()
}

/// How many events of the brand were counted by the group's handler.
fn handled(site: &Site, brand: &str) -> i64 {
    let count = site.redis(&format!("HGET {{{STREAM}}}:features:{brand} events"));
    if count.is_nil() {
        0
    } else {
        count.text().parse().unwrap()
    }
}

/// Adds an event as the pipeline does.
#[track_caller]
fn ingest(site: &Site, brand: &str) {
    let brand = format!("brandId={brand}");
    site.ucp(&[
        "ingest",
        &brand,
        "eventType=purchase",
        "payload={\"total\": 1}",
    ])
    .assert_code(0);
}

#[cfg(target_os = "linux")]
mod hours_later {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// A group whose only worker died an hour ago with what it held; another consumer may live.
    fn dead_worker(lives: bool) -> Site {
        let site = Site::with_clock();
        (0..3).for_each(|_| ingest(&site, "b"));
        site.deliver(STREAM, GROUP, "dead");
        site.advance(HOUR);
        if lives {
            site.redis(&format!("XGROUP CREATECONSUMER {STREAM} {GROUP} live"));
        }
        site
    }

    #[test]
    fn a_worker_died_beside_a_live_one() {
        for path in [
            &["check", "pending"][..],
            &["consumers event-processors"],
            &["doctor"],
        ] {
            let site = dead_worker(true);
            let mut call = OnCall::types(&site, &format!("ucp-streams {}", path[0]));
            for step in &path[1..] {
                call.then(&format!("ucp-streams {step}"));
            }
            call.then("ucp-streams claim event-processors --consumer dead");
            assert_eq!((pending(&site), handled(&site, "b")), (0, 3));
            site.is_silent();
        }
    }

    #[test]
    fn the_only_worker_died() {
        let site = dead_worker(false);
        let mut call = OnCall::types(&site, "ucp-streams check");
        call.says("0 of 1 consumers are live");
        call.then_until("ucp-streams worker run", |site| pending(site) == 0);
        assert_eq!(handled(&site, "b"), 3);
        site.is_silent();
    }

    #[test]
    fn two_hundred_dead_consumers() {
        for first in ["doctor", "consumers event-processors"] {
            let site = Site::with_clock();
            for nth in 0..200 {
                site.redis(&format!("XGROUP CREATECONSUMER {STREAM} {GROUP} c{nth}"));
            }
            site.advance(HOUR * 2);
            let mut call = OnCall::types(&site, &format!("ucp-streams {first}"));
            call.then("ucp-streams consumers prune");
            let left = site.redis(&format!("XINFO CONSUMERS {STREAM} {GROUP}"));
            assert!(left.items().is_empty());
            site.is_silent();
        }
    }

    #[test]
    fn far_behind_and_maxlen_near() {
        let site = Site::with_clock();
        let begin = site.now_ms();
        site.advance(Duration::from_mins(20));
        let mut client = site.server.client();
        let entries: Vec<Vec<String>> = (0..940_u64)
            .map(|nth| {
                let id = (begin + 72_000 + nth * 1200).to_string();
                let fields = format!(
                    "XADD {SHORT} {id} brand_id b profile_ids [\"p\"] reason identifier_match \
                     requires_manual_review false timestamp 2024-12-01T10:00:00Z"
                );
                fields.split(' ').map(str::to_owned).collect()
            })
            .collect();
        client.pipeline(&entries);
        let mut call = OnCall::types(&site, "ucp-streams check");
        call.says("can be added before the group loses one");
        call.then_until("ucp-streams worker run merge-processors", |site| {
            let groups = site.redis(&format!("XINFO GROUPS {SHORT}"));
            let group = &groups.items()[0];
            group.field("lag").int() == 0 && group.field("pending").int() == 0
        });
        assert_eq!(site.redis("XLEN profiles.merges").int(), 940);
        // As much more would be too much again, and that is all that is left to say.
        let check = site.ucp(&["check", SHORT_GROUP]);
        check.assert_code(1).stdout_lacks("behind");
    }
}

#[test]
fn a_poison_message() {
    let site = Site::start();
    ingest(&site, "b");
    ingest(&site, "poison");
    let ids = site.deliver(STREAM, GROUP, "c");
    site.redis(&format!(
        "XCLAIM {STREAM} {GROUP} c 0 {} RETRYCOUNT 4",
        ids[1]
    ));
    for first in ["doctor".to_owned(), format!("pending {GROUP}")] {
        let call = OnCall::types(&site, &format!("ucp-streams {first}"));
        assert_eq!(
            call.suggested("ucp-streams dlq add"),
            format!("ucp-streams dlq add {GROUP} {} --reason poison", ids[1])
        );
    }
    let mut call = OnCall::types(&site, "ucp-streams doctor");
    call.then("ucp-streams dlq add");
    assert_eq!(pending(&site), 1);
    let letters = format!("XLEN {{{STREAM}}}:dlq");
    assert_eq!(site.redis(&letters).int(), 1);
    // It is seen later, in the morning, and is of no use.
    let mut call = OnCall::types(&site, "ucp-streams check");
    call.then("ucp-streams dlq list").says("poison");
    call.then("ucp-streams dlq show").says("brand_id");
    let purge = call.suggested("ucp-streams dlq purge");
    site.types(&purge, COLUMNS, None).assert_code(0);
    assert_eq!(site.redis(&letters).int(), 0);
    site.is_silent();
}

#[test]
fn everything_was_flushed() {
    let site = Site::start();
    (0..3).for_each(|_| ingest(&site, "b"));
    site.redis("FLUSHALL");
    let mut call = OnCall::types(&site, "ucp-streams doctor");
    call.says("FLUSHALL was called 1 time");
    call.then("ucp-streams init");
    site.finds_only("flushed");
    call.then("redis-cli");
    site.is_silent();
    // By way of check, which looks at groups.
    site.redis("FLUSHALL");
    OnCall::types(&site, "ucp-streams check").then("ucp-streams init");
    site.ucp(&["check"]).assert_code(0);
    site.ucp(&["lag"]).assert_code(0).stderr_is_empty();
}

#[test]
fn a_group_was_moved_to_the_beginning() {
    let site = Site::start();
    (0..5).for_each(|_| ingest(&site, "b"));
    let ids = site.deliver(STREAM, GROUP, "c");
    site.ack(STREAM, GROUP, &ids[..4]);
    site.redis(&format!("XGROUP SETID {STREAM} {GROUP} 0"));
    let mut call = OnCall::types(&site, "ucp-streams doctor");
    call.says("its position 0-0 is below")
        .then("ucp-streams groups set-id");
    let groups = site.redis(&format!("XINFO GROUPS {STREAM}"));
    assert_eq!(groups.items()[0].field("last-delivered-id").text(), ids[4]);
    site.is_silent();
}

#[test]
fn a_group_was_moved_by_mistake() {
    let site = Site::start();
    (0..5).for_each(|_| ingest(&site, "b"));
    let ids = site.deliver(STREAM, GROUP, "c");
    site.ack(STREAM, GROUP, &ids[..4]);
    let state = || {
        let groups = format!("{:?}", site.redis(&format!("XINFO GROUPS {STREAM}")));
        (groups, seed::pending(&site.server, STREAM, GROUP))
    };
    let before = state();
    let mistake = format!("ucp-streams groups set-id {GROUP} start --force");
    let mut call = OnCall::types(&site, &mistake);
    assert_ne!(state(), before);
    call.says("to restore it as it was: ")
        .then("ucp-streams undo");
    assert_eq!(state(), before);
    site.is_silent();
}

#[test]
fn memory_is_high_and_one_stream_takes_it() {
    let site = Site::start();
    let body = "x".repeat(4000);
    let mut client = site.server.client();
    let add = |brand| {
        [
            "XADD",
            "events.raw",
            "*",
            "brand_id",
            brand,
            "payload",
            &body,
        ]
        .map(str::to_owned)
    };
    client.pipeline(&vec![add("quiet"); 50]);
    client.pipeline(&vec![add("flood"); 950]);
    let info = site.redis("INFO memory");
    let mut lines = info.text().lines();
    let used: u64 = lines
        .find_map(|it| it.strip_prefix("used_memory:"))
        .unwrap()
        .parse()
        .unwrap();
    site.redis(&format!("CONFIG SET maxmemory {}", used * 100 / 88));
    let mut call = OnCall::types(&site, "ucp-streams doctor");
    call.says("of maxmemory is used");
    call.then("ucp-streams memory").says("events.raw");
    let first = call
        .screen()
        .stdout_lines()
        .into_iter()
        .find(|it| it.contains("MiB"))
        .unwrap();
    assert!(first.starts_with("events.raw"), "{first}");
    call.then("ucp-streams stats events.raw").says("95.0%");
    call.says("flood");
}

#[test]
fn what_all_groups_have_read_fills_memory() {
    let site = Site::start();
    let body = "x".repeat(4000);
    let add = ["XADD", STREAM, "*", "brand_id", "b", "payload", &body].map(str::to_owned);
    site.server.client().pipeline(&vec![add; 1000]);
    let ids = site.deliver(STREAM, GROUP, "c");
    site.ack(STREAM, GROUP, &ids[..900]);
    let mut call = OnCall::types(&site, "ucp-streams memory");
    call.then("ucp-streams trim");
    assert_eq!(
        call.screens[1].words,
        format!("ucp-streams trim {STREAM} --read")
    );
    call.screen().assert_code(0);
    let left = site.redis(&format!("XLEN {STREAM}")).int();
    assert!((100..300).contains(&left), "{left}");
    assert_eq!(pending(&site), 100, "what is pending keeps its bodies");
}

#[test]
fn an_hour_is_handled_once_more() {
    let site = Site::start();
    (0..5).for_each(|_| ingest(&site, "b"));
    let nothing = ["worker", "run", GROUP, "--once", "--builtin", "null"];
    site.ucp(&nothing).assert_code(0);
    let groups = || format!("{:?}", site.redis(&format!("XINFO GROUPS {STREAM}")));
    let (before, again) = (groups(), format!("ucp-streams replay {STREAM} --from -1h"));
    assert_eq!(handled(&site, "b"), 0);
    // Without a handler, the screen says how one is given.
    let mut call = OnCall::types(&site, &again);
    call.screen().assert_code(2);
    call.says("--builtin");
    let run = site.types(&format!("{again} --builtin features"), COLUMNS, None);
    call.shows(run).screen().assert_code(0);
    assert_eq!((handled(&site, "b"), groups()), (5, before));
    site.is_silent();
}

/// An event whose handler fails until its brand is known, beside a worker that tries again in an hour; its id.
fn waiting_for_its_brand(site: &Site) -> (Spawned, String) {
    let known = site.home.path().join("known");
    let handler = "test -e \"$0\" || { echo no such brand >&2; exit 1; }";
    let work = [
        "worker",
        "run",
        GROUP,
        "--backoff-base",
        "1h",
        "--backoff-cap",
        "1h",
        "--exec",
        "--",
        "sh",
        "-c",
        handler,
        known.to_str().unwrap(),
    ];
    ingest(site, "unknown");
    let worker = site.command(&work).spawn();
    until(PATIENCE, "why it failed", || {
        site.redis(&format!("HLEN {{{STREAM}}}:inflight:{GROUP}"))
            .int()
            == 1
    });
    let entries = site.redis(&format!("XRANGE {STREAM} - +"));
    (worker, entries.items()[0].items()[0].text().to_owned())
}

#[test]
fn one_message_is_tried_again_now() {
    let site = Site::start();
    let (worker, id) = waiting_for_its_brand(&site);
    let mut call = OnCall::types(&site, &format!("ucp-streams pending {GROUP}"));
    call.says("no such brand");
    std::fs::write(site.home.path().join("known"), "").unwrap();
    call.then("ucp-streams retry");
    let typed = format!("ucp-streams retry {GROUP} {id}");
    assert_eq!(call.screen().words, typed);
    until(PATIENCE, "its next attempt", || pending(&site) == 0);
    worker.terminate();
    site.is_silent();
}

#[test]
fn one_message_is_parked_and_handled_later() {
    let site = Site::start();
    let (worker, id) = waiting_for_its_brand(&site);
    let park = format!("ucp-streams dlq add {GROUP} {id} --reason 'no such brand'");
    let mut call = OnCall::types(&site, &park);
    assert_eq!(pending(&site), 0);
    std::fs::write(site.home.path().join("known"), "").unwrap();
    call.then("ucp-streams dlq redrive").screen().assert_code(0);
    until(PATIENCE, "its handling", || {
        let groups = site.redis(&format!("XINFO GROUPS {STREAM}"));
        groups.items()[0].field("lag").int() == 0 && pending(&site) == 0
    });
    worker.terminate();
    assert_eq!(site.redis(&format!("XLEN {{{STREAM}}}:dlq")).int(), 0);
}

#[test]
fn one_brand_s_events_fail() {
    let site = Site::start();
    for nth in 0..9 {
        ingest(&site, if nth % 3 == 0 { "lost" } else { "found" });
    }
    let handler = "if grep -q '\"lost\"'; then echo no such brand >&2; exit 65; fi";
    let work = [
        "worker", "run", GROUP, "--once", "--exec", "--", "sh", "-c", handler,
    ];
    site.ucp(&work).assert_code(0);
    for first in ["check", "dlq list"] {
        let mut call = OnCall::types(&site, &format!("ucp-streams {first}"));
        call.then("ucp-streams dlq list events.normalized --by reason,brand_id");
        call.says("no such brand").says("lost");
        assert!(
            call.suggested("ucp-streams dlq redrive")
                .ends_with("--where 'brand_id=lost'")
        );
    }
    // Its handler is mended meanwhile.
    let mut call = OnCall::types(&site, "ucp-streams check");
    call.then("ucp-streams dlq list").then_redrives();
    site.ucp(&["worker", "run", GROUP, "--once"]).assert_code(0);
    assert_eq!((handled(&site, "lost"), pending(&site)), (3, 0));
    site.is_silent();
}

impl OnCall<'_> {
    #[track_caller]
    fn then_redrives(&self) {
        let line = self.suggested("ucp-streams dlq redrive");
        self.site.types(&line, COLUMNS, None).assert_code(0);
    }
}

#[test]
fn was_this_event_processed() {
    let site = Site::start();
    let event = |brand: &str| {
        let brand = format!("brandId={brand}");
        let run = site.ucp(&[
            "ingest",
            &brand,
            "eventType=purchase",
            "payload={\"total\": 1}",
            "-o",
            "json",
        ]);
        let json: Value = run.assert_code(0).stdout_json();
        json[0]["event_id"].as_str().unwrap().to_owned()
    };
    let done = event("done");
    site.ucp(&["worker", "run", GROUP, "--once"]).assert_code(0);
    let failed = event("failed");
    let parked = site.deliver(STREAM, GROUP, "c");
    site.ucp(&[
        "dlq",
        "add",
        GROUP,
        &parked[0],
        "--reason",
        "no such brand",
        "--yes",
    ])
    .assert_code(0);
    site.redis(&format!("XGROUP DELCONSUMER {STREAM} {GROUP} c"));
    let waiting = event("waiting");

    OnCall::types(&site, &format!("ucp-streams trace {done}")).says("acknowledged");
    let mut call = OnCall::types(&site, &format!("ucp-streams trace {failed}"));
    call.says("no such brand").then("ucp-streams dlq redrive");
    let mut call = OnCall::types(&site, &format!("ucp-streams trace {waiting}"));
    call.says("not delivered");
    call.then("ucp-streams lag");
    call.then_until("ucp-streams worker run", |site| {
        handled(site, "waiting") == 1
    });
    assert_eq!((handled(&site, "failed"), pending(&site)), (1, 0));
    site.is_silent();
}

#[test]
fn is_all_well() {
    let site = Site::start();
    ingest(&site, "b");
    site.ucp(&["worker", "run", GROUP, "--once"]).assert_code(0);
    for command in ["check", "doctor"] {
        let mut call = OnCall::types(&site, &format!("ucp-streams {command}"));
        call.screen().assert_code(0);
        call.says("OK: ");
    }
}

#[test]
fn throughput_now() {
    let site = Site::start();
    (0..30).for_each(|_| ingest(&site, "b"));
    let mut call = OnCall::types(&site, "ucp-streams stats events.raw");
    call.says("per min");
    call.screen().assert_code(0);
    let figure = |name: &str| {
        let line = call
            .screen()
            .stdout()
            .lines()
            .find(|it| it.trim_start().starts_with(name));
        line.unwrap().split_whitespace().last().unwrap().to_owned()
    };
    assert_eq!(figure("entries"), "30");
}

#[test]
fn a_mistyped_group() {
    let site = Site::start();
    ingest(&site, "b");
    // Typed wrong.
    for line in [
        "lag event-procesors",
        "pending event-procesors --idle 5m",
        "worker run event-procesors --once",
    ] {
        let mut call = OnCall::types(&site, &format!("ucp-streams {line}"));
        call.says("did you mean `event-processors`?");
        let command = line.split(" event").next().unwrap();
        call.then(&format!("ucp-streams {command}"));
        call.screen().assert_code(0);
        assert_eq!(
            call.screen().words,
            format!("ucp-streams {}", line.replace("procesors", "processors"))
        );
    }
    // Created wrong.
    site.redis(&format!("XGROUP CREATE {STREAM} event-procesors 0"));
    let mut call = OnCall::types(&site, "ucp-streams doctor");
    call.then("ucp-streams groups delete event-procesors");
    // It has not read what is there, and is to be given up for that.
    call.screen().assert_code(6);
    let force = call.suggested("ucp-streams groups delete");
    assert!(force.ends_with(" --force"), "{force}");
    call.then("ucp-streams groups delete");
    call.screen().assert_code(0);
    site.is_silent();
}

#[test]
fn a_limited_user_on_a_production_server() {
    let site = Site::start();
    (0..2).for_each(|_| ingest(&site, "b"));
    let ids = site.deliver(STREAM, GROUP, "c");
    site.redis(&format!(
        "XCLAIM {STREAM} {GROUP} c 0 {} RETRYCOUNT 4",
        ids[0]
    ));
    // Who may look, and nothing else.
    let rules = site.ucp(&["acl", "doctor", "--names"]);
    let url = site
        .server
        .add_user("ops", rules.assert_code(0).stdout().trim());
    let url = url.replace("&pass=pw", "");
    let types = |line: &str| {
        let line = format!("unset UCP_STREAMS_URL; export UCP_STREAMS_PASSWORD=pw; {line}");
        site.types(&line, COLUMNS, None)
    };
    let add = format!("ucp-streams context add prod --url '{url}' --production");
    types(&add).assert_code(0);
    types("ucp-streams context use prod").assert_code(0);

    let mut call = OnCall {
        site: &site,
        screens: vec![types("ucp-streams doctor")],
    };
    call.says("has been delivered 4 times");
    let park = call.suggested("ucp-streams dlq add");
    call.shows(types(&park)).says("the user lacks permission");
    assert_eq!(pending(&site), 2);
    let acl = call.suggested("ucp-streams acl dlq add");
    call.shows(types(&acl)).says("ACL SETUSER ops");
    // An administrator follows that, and the command works, once production is named.
    let grant = call.suggested("redis-cli");
    site.types(&grant, COLUMNS, None).assert_code(0);
    let again = types(&park);
    again
        .assert_code(0)
        .stdout_has("Type prod to proceed: prod");
    assert_eq!(
        (
            pending(&site),
            site.redis(&format!("XLEN {{{STREAM}}}:dlq")).int()
        ),
        (1, 1)
    );
}
