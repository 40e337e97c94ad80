//! What is on the server when a command is run: entries of certain ages, so that ages, which a person sees in two units,
//! are the same in every run.

use jiff::Timestamp;

use crate::support::{Client, TestServer};

pub(crate) const RAW: &str = "events.raw";
pub(crate) const STREAM: &str = "events.normalized";
pub(crate) const GROUP: &str = "event-processors";
pub(crate) const DEAD: &str = "{events.normalized}:dlq";
/// A name that would clear the screen and forge a line.
pub(crate) const HOSTILE: &str = "orders\u{1b}[2J\nfake\u{202e}";

const MINUTE_MS: u64 = 60_000;

/// What a command finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Nothing.
    Empty,
    /// A pipeline that has been at work.
    Pipeline,
}

/// The moment that all ages are counted from: the second in which the scene was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) base_ms: u64,
}

impl Clock {
    fn now() -> Self {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap();
        Self {
            base_ms: now * 1000,
        }
    }

    /// The id of the entry that is so many minutes old.
    pub(crate) fn id(self, minutes: u64) -> String {
        format!("{}-0", self.base_ms - minutes * MINUTE_MS)
    }

    /// `text` with every `@MINUTES` replaced by the id of that age.
    pub(crate) fn fill(self, text: &str) -> String {
        match text.strip_prefix('@') {
            Some(minutes) => self.id(minutes.parse().expect("minutes")),
            None => text.to_owned(),
        }
    }
}

impl Scene {
    /// Makes it, on a server that may hold another.
    pub(crate) fn set(self, server: &TestServer) -> Clock {
        let mut client = server.client();
        run(&mut client, &["FLUSHALL"]);
        let clock = Clock::now();
        if self == Self::Pipeline {
            pipeline(&mut client, clock);
        }
        clock
    }
}

#[track_caller]
fn run<A: AsRef<[u8]>>(client: &mut Client, command: &[A]) {
    let reply = client.send(command);
    if let crate::support::Reply::Error(error) = reply {
        panic!("{}: {error}", String::from_utf8_lossy(command[0].as_ref()));
    }
}

/// Payloads by the ages of their entries in minutes, the oldest first.
const PAYLOADS: [(u64, &str, &str); 8] = [
    (
        4000,
        "purchase",
        r#"{"total":129.5,"currency":"EUR","email":"ann@example.com"}"#,
    ),
    (
        300,
        "page_view",
        r#"{"url":"https://shop.example/","phone":"+4915112345678"}"#,
    ),
    (
        240,
        "whatsapp_message",
        "{\"text\":\"first line\\nsecond line, \\\"quoted\\\"\"}",
    ),
    (
        180,
        "page_view",
        r#"{"url":"https://shop.example/a-page-with-quite-a-long-path-that-does-not-fit-on-a-line?campaign=spring&source=newsletter"}"#,
    ),
    (
        125,
        "purchase",
        r#"{"total":5,"items":[{"sku":"A-1","count":2},{"sku":"B-2","count":1}]}"#,
    ),
    (
        120,
        "whatsapp_message",
        "not JSON: \u{1b}[31mred\u{1b}[0m,\ttab\nsecond line \u{202e}txet \"quote\" 日本語",
    ),
    (100, "page_view", "{}"),
    (60, "page_view", "{}"),
];

fn pipeline(client: &mut Client, clock: Clock) {
    for (place, (minutes, kind, payload)) in PAYLOADS.iter().enumerate() {
        let id = clock.id(*minutes);
        let event_id = format!("11111111-1111-4111-8111-{place:012}");
        let timestamp = "2025-05-30T08:00:00.000Z";
        let head = [
            "event_id",
            &event_id,
            "brand_id",
            "brand-7",
            "event_type",
            kind,
        ];
        let raw = ["payload", payload, "timestamp", timestamp];
        let profile = "22222222-2222-4222-8222-222222222222";
        let normalized = [
            "profile_id",
            profile,
            "identifiers",
            r#"{"email":"ann@example.com"}"#,
            "normalized_payload",
            payload,
            "timestamp",
            timestamp,
        ];
        run(client, &[&["XADD", RAW, &id], &head[..], &raw].concat());
        run(
            client,
            &[&["XADD", STREAM, &id], &head[..], &normalized].concat(),
        );
    }
    held(client, clock);
    dead(client, clock);
    let raw = clock.id(65);
    run(client, &["XADD", HOSTILE, &raw, "na\u{1b}[2Jme", "va\nlue"]);
    run(
        client,
        &["XGROUP", "CREATE", HOSTILE, "gr\u{1b}[2Joup", "0"],
    );
}

/// The group has read all but the two youngest; it holds two, one of them trimmed away since, and another consumer one.
fn held(client: &mut Client, clock: Clock) {
    run(client, &["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    for (consumer, count) in [("worker-1", "4"), ("worker-2", "1")] {
        let read = [
            "XREADGROUP",
            "GROUP",
            GROUP,
            consumer,
            "COUNT",
            count,
            "STREAMS",
            STREAM,
            ">",
        ];
        run(client, &read);
    }
    run(
        client,
        &["XGROUP", "CREATECONSUMER", STREAM, GROUP, "worker-3"],
    );
    run(
        client,
        &["XACK", STREAM, GROUP, &clock.id(4000), &clock.id(180)],
    );
    for (minutes, consumer, idle, deliveries) in [
        (300, "worker-1", 290, "3"),
        (240, "worker-1", 200, "1"),
        (125, "worker-2", 110, "2"),
    ] {
        let idle_ms = (idle * MINUTE_MS).to_string();
        let id = clock.id(minutes);
        let claim = [
            "XCLAIM", STREAM, GROUP, consumer, "0", &id, "IDLE", &idle_ms,
        ];
        run(
            client,
            &[&claim[..], &["RETRYCOUNT", deliveries, "JUSTID"]].concat(),
        );
    }
    run(client, &["XDEL", STREAM, &clock.id(300)]);
    // With an unread entry gone too no server knows the lag; without, some call it known and some a bound.
    run(client, &["XDEL", STREAM, &clock.id(100)]);
}

/// One dead letter with its body and one whose body was trimmed away.
fn dead(client: &mut Client, clock: Clock) {
    let letter = |minutes: u64, reason: &str, body: &str| {
        let mut command = vec!["XADD".to_owned(), DEAD.to_owned(), clock.id(minutes)];
        if body == "present" {
            command.extend(["brand_id", "brand-7", "event_type", "page_view"].map(str::to_owned));
        }
        let origin = clock.id(minutes + 60);
        let time = Timestamp::from_millisecond((clock.base_ms - minutes * MINUTE_MS).cast_signed());
        let time = format!("{:.3}", time.unwrap());
        for (name, value) in [
            ("stream", STREAM),
            ("group", GROUP),
            ("id", &origin),
            ("consumer", "worker-1"),
            ("deliveries", "5"),
            ("reason", reason),
            ("time", &time),
            ("body", body),
        ] {
            command.extend([format!("_dlq_{name}"), value.to_owned()]);
        }
        command
    };
    run(
        client,
        &letter(
            90,
            "exit status: 1: no such \u{1b}[2Jbrand,\nand a second line",
            "present",
        ),
    );
    run(client, &letter(80, "the body was trimmed", "trimmed"));
}
