//! What is on the server in each situation of the runbook. Ids that its commands name are so many minutes old.

use std::time::Duration;

use crate::support::free_port;
use crate::support::site::{GROUP, STREAM, Site};

const RAW: &str = "events.raw";
const PREDICTIONS: &str = "predictions.requests";
const MERGES: &str = "profiles.merge_requests";

/// A server in some situation, and the moment that ages are counted from.
pub(super) struct Stage {
    pub(super) site: Site,
    pub(super) base_ms: u64,
    /// What it listens on, beside its socket, whose name is as long as it happens to be.
    pub(super) port: u16,
}

/// A heading of the page, and what is so then.
type Situation = (&'static str, fn() -> Stage);

/// The situations, in the order of the page.
pub(super) const SITUATIONS: [Situation; 8] = [
    ("Messages are not processed", not_processed),
    ("Lag grows", lag_grows),
    ("A worker died", worker_died),
    ("Memory is high", memory_high),
    ("Someone flushed Redis", flushed),
    ("Someone moved a group", moved),
    ("One customer's events fail", one_customer),
    ("A group's name is mistyped", mistyped),
];

/// An hour and some seconds more, so that an age of hours reads the same for half a minute. Hours are shown without seconds,
/// so that tables are as wide in every run.
const HOUR: u64 = 3615;
/// How long ago a situation begins.
const BEFORE: Duration = Duration::from_hours(3);

impl Stage {
    /// A healthy server on which `before` happened, three hours ago.
    fn after(before: impl FnOnce(&Self)) -> Self {
        let site = Site::with_clock();
        let port = free_port();
        site.redis(&format!("CONFIG SET port {port}"));
        let moment = site.now_ms() + u64::try_from(BEFORE.as_millis()).unwrap();
        let base_ms = moment / 1000 * 1000;
        let stage = Self {
            site,
            base_ms,
            port,
        };
        before(&stage);
        stage.site.advance(BEFORE);
        stage
    }

    /// Adds a normalised event of the brand that is so many seconds old.
    fn add(&self, seconds: u64, brand: &str) {
        let id = format!("{}-0", self.base_ms - seconds * 1000);
        let event_id = format!("11111111-1111-4111-8111-{seconds:012}");
        self.site.server.redis(&[
            "XADD",
            STREAM,
            &id,
            "event_id",
            &event_id,
            "brand_id",
            brand,
            "event_type",
            "page_view",
            "profile_id",
            "",
            "identifiers",
            "{}",
            "normalized_payload",
            "{}",
            "timestamp",
            "2024-01-31T08:00:00Z",
        ]);
    }

    /// The consumer is there, and seen now.
    fn lives(&self, consumer: &str) {
        self.site.redis(&format!(
            "XGROUP CREATECONSUMER {STREAM} {GROUP} {consumer}"
        ));
    }
}

fn not_processed() -> Stage {
    let stage = Stage::after(|it| it.lives("worker-1"));
    (0..12).for_each(|nth| stage.add(2 * HOUR - nth * 60, "aurora"));
    stage
}

fn lag_grows() -> Stage {
    let stage = Stage::after(|_| {});
    for nth in 0..1500 {
        let brand = match nth % 10 {
            0 => "borealis",
            1 => "corona",
            _ => "aurora",
        };
        stage.add(2 * HOUR - nth, brand);
    }
    stage.lives("worker-1");
    stage
}

fn worker_died() -> Stage {
    let stage = Stage::after(|it| {
        (0..3).for_each(|nth| it.add(2 * HOUR - nth * 60, "aurora"));
        it.site.deliver(STREAM, GROUP, "worker-1");
    });
    stage.lives("worker-2");
    stage
}

fn memory_high() -> Stage {
    let stage = Stage::after(|it| {
        let body = "x".repeat(2000);
        let mut client = it.site.server.client();
        let raw = ["XADD", RAW, "*", "brand_id", "aurora", "payload", &body];
        client.pipeline(&vec![raw; 1500]);
        let normalized = [
            "XADD",
            STREAM,
            "*",
            "brand_id",
            "aurora",
            "normalized_payload",
            &body,
        ];
        client.pipeline(&vec![normalized; 800]);
        // No two streams are equally large, on any server.
        for (stream, entries) in [(PREDICTIONS, 200), (MERGES, 20)] {
            let entry = ["XADD", stream, "*", "profile_id", "p"];
            client.pipeline(&vec![entry; entries]);
            let group = it.site.redis(&format!("XINFO GROUPS {stream}")).items()[0]
                .field("name")
                .text()
                .to_owned();
            let ids = it.site.deliver(stream, &group, "worker-1");
            it.site.ack(stream, &group, &ids);
        }
        let ids = it.site.deliver(STREAM, GROUP, "worker-1");
        it.site.ack(STREAM, GROUP, &ids);
    });
    let info = stage.site.redis("INFO memory");
    let mut lines = info.text().lines();
    let used: u64 = lines
        .find_map(|it| it.strip_prefix("used_memory:"))
        .unwrap()
        .parse()
        .unwrap();
    stage
        .site
        .redis(&format!("CONFIG SET maxmemory {}", used * 100 / 87));
    stage
}

fn flushed() -> Stage {
    let stage = Stage::after(|_| {});
    (0..3).for_each(|nth| stage.add(600 - nth * 60, "aurora"));
    stage.site.redis("FLUSHALL");
    stage
}

fn moved() -> Stage {
    let stage = Stage::after(|_| {});
    (0..5).for_each(|nth| stage.add(640 - nth * 60, "aurora"));
    let ids = stage.site.deliver(STREAM, GROUP, "worker-1");
    stage.site.ack(STREAM, GROUP, &ids[..4]);
    stage
        .site
        .redis(&format!("XGROUP SETID {STREAM} {GROUP} 0"));
    stage
}

fn one_customer() -> Stage {
    let stage = Stage::after(|_| {});
    for nth in 0..8 {
        stage.add(
            600 - nth * 30,
            if nth % 3 == 0 { "aurora" } else { "borealis" },
        );
    }
    let handler = "if grep -q aurora; then echo no such brand >&2; exit 65; fi";
    let work = [
        "worker",
        "run",
        GROUP,
        "--once",
        "--consumer",
        "worker-1",
        "--exec",
        "--",
        "sh",
        "-c",
        handler,
    ];
    stage.site.ucp(&work).assert_code(0);
    stage
}

fn mistyped() -> Stage {
    let stage = Stage::after(|_| {});
    stage
        .site
        .redis(&format!("XGROUP CREATE {STREAM} event-procesors 0"));
    stage
}
