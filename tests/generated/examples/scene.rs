//! What the examples talk about: a server with the entries, consumers and dead letters that they name, and a home with
//! the files and contexts that they name.

use std::path::Path;

use crate::support::scene::Scene;
use crate::support::{Reply, Run, free_port};

const ID: &str = "1700000000000-0";

/// A program that answers every line it reads.
const ANSWERS: &str = r#"#!/bin/sh
while read -r entry; do
  id=$(echo "$entry" | sed 's/.*"id":"\([^"]*\)".*/\1/')
  echo "{\"id\":\"$id\",\"ok\":true}"
done"#;

/// A scene with everything in it.
pub(super) struct Shop(Scene);

/// A scene for `line`.
pub(super) fn prepare(line: &str) -> Shop {
    let shop = Shop(Scene::start());
    shop.files();
    shop.entries();
    shop.held();
    shop.dead_letters();
    let words: Vec<_> = line.split(' ').skip(1).collect();
    match words[..] {
        // A production context guards its server's address, so only these have one.
        ["context", verb, ..] if verb != "add" => shop.contexts(),
        _ if line.contains("--against staging") => shop.contexts(),
        ["dev", "stop" | "status", ..] => {
            let start = line.replace(words[1], "start").replace(" -o json", "");
            shop.bash(&shop.here(&start)).assert_code(0);
        }
        ["groups", "delete", ..] => {
            shop.words("XGROUP CREATE events.raw auditors $");
        }
        ["groups", "accept-loss", ..] => {
            shop.words("XADD events.raw * n 1");
            shop.words("XGROUP CREATE events.raw auditors 0 ENTRIESREAD 0");
            shop.words("XTRIM events.raw MAXLEN 0");
            shop.words("XGROUP SETID events.normalized event-processors 0-1 ENTRIESREAD 0");
            shop.words("XTRIM events.normalized MAXLEN 0");
        }
        ["groups", "set-id", ..] => {
            shop.no_consumers();
        }
        ["replay", ..] if line.contains("--group") => shop.no_consumers(),
        ["undo", ..] => {
            const ID: &str = "1700000000000-0";
            shop.bash("ucp-streams snapshot event-processors")
                .assert_code(0);
            let kept = ".local/state/ucp-streams/snapshots";
            shop.bash(&format!(
                "cp {kept}/*.snapshot ./{ID}.snapshot && mv {kept}/*.snapshot {kept}/{ID}.snapshot"
            ))
            .assert_code(0);
            shop.words("XACK events.normalized event-processors 1700000000000-0");
        }
        ["claim", ..] => shop.hold_as("gone"),
        ["requeue" | "dlq", ..] if line.contains("--via-retry-stream") => shop.retries_are_read(),
        ["consumers", "delete", .., "host-17-k3x9"] => {
            shop.words("XACK events.normalized event-processors 1700000000000-0 1700000000000-1");
        }
        ["archive" | "restore" | "read" | "replay", ..]
            if line.contains(" archive") && !line.contains("--to archive") =>
        {
            shop.bash("ucp-streams archive events.raw --to archive")
                .assert_code(0);
        }
        ["copy", ..] if line.contains("staging:") => {
            // Another database is another place.
            let url = format!("{}?db=1", shop.0.server.url());
            shop.bash(&format!("ucp-streams context add staging --url '{url}'"))
                .assert_code(0);
        }
        _ if line.contains("--record recording") => {
            let record = "ucp-streams record recording --every 200ms --for 300ms";
            shop.bash(record).assert_code(0);
        }
        _ => {}
    }
    shop
}

impl Shop {
    /// The line with this scene's server and places instead of those that an example can only make up.
    pub(super) fn here(&self, line: &str) -> String {
        let line = line
            .replace(
                "/tmp/streams",
                &self.home().join("streams").display().to_string(),
            )
            .replace("--events 20000", "--events 500")
            .replace("--max-pause 10s", "--max-pause 10ms")
            .replace("--at 03:10", "--at 0s");
        if line.contains("6399") {
            return line.replace("6399", &free_port().to_string());
        }
        if line.contains(" context ") {
            return line;
        }
        ["redis://127.0.0.1:6379", "redis://cache.internal:6379"]
            .iter()
            .fold(line, |line, url| line.replace(url, &self.0.server.url()))
    }

    pub(super) fn home(&self) -> &Path {
        self.0.home()
    }

    #[track_caller]
    pub(super) fn bash(&self, line: &str) -> Run {
        self.0.bash(&self.with_programs(line))
    }

    #[track_caller]
    pub(super) fn until_stopped(&self, line: &str, effect: impl Fn(&Self) -> bool) -> Run {
        self.0.until_stopped(line, |_| effect(self))
    }

    /// What a line that goes on has said so far.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(self.home().join("said")).unwrap()
    }

    /// Whether the group's three entries are handled, and none of them is a new dead letter.
    pub(super) fn all_is_handled(&self) -> bool {
        let group = self.words("XINFO GROUPS events.normalized");
        let group = &group.items()[0];
        let stream = self.words("XINFO STREAM events.normalized");
        group.field("pending").int() == 0
            && group.field("last-delivered-id").text() == stream.field("last-generated-id").text()
            && self.0.length("{events.normalized}:dlq") == 1
    }

    /// The arguments that an example gave to redis-cli are a command that the server takes.
    #[track_caller]
    pub(super) fn redis_cli_is_obeyed(&self) {
        let words = std::fs::read_to_string(self.home().join("redis-cli-said")).unwrap();
        let words: Vec<_> = words.split_terminator('\0').collect();
        assert_eq!(words[..2], ["ACL", "SETUSER"]);
        assert_eq!(self.0.redis(&words).text(), "OK");
    }

    /// Stops what `line` left running.
    pub(super) fn clear(&self, line: &str) {
        let leaves_one = ["ucp-streams dev start", "ucp-streams dev status"];
        if leaves_one.iter().any(|it| line.starts_with(it)) {
            let dir = line.split_once("--dir ").map(|(_, rest)| rest);
            let stop = match dir.and_then(|it| it.split(' ').next()) {
                Some(dir) => format!("ucp-streams dev stop --dir {dir}"),
                None => "ucp-streams dev stop".to_owned(),
            };
            self.bash(&stop).assert_code(0);
        }
    }

    fn with_programs(&self, line: &str) -> String {
        format!("PATH={}/bin:$PATH\n{line}", self.home().display())
    }

    /// Sends a command without spaces in its arguments.
    #[track_caller]
    fn words(&self, command: &str) -> Reply {
        self.0
            .redis(&command.split_whitespace().collect::<Vec<_>>())
    }

    fn files(&self) {
        for directory in [
            "bin",
            ".secrets",
            ".zfunc",
            ".config/fish/completions",
            ".local/share/bash-completion/completions",
        ] {
            std::fs::create_dir_all(self.home().join(directory)).unwrap();
        }
        let raw = r#"{"brand_id":"b","event_type":"purchase","payload":{"total":1}}"#;
        let normalized =
            r#"{"brand_id":"b","event_type":"purchase","identifiers":{},"normalized_payload":{}}"#;
        let merge = r#"{"brand_id":"b","profile_ids":["p","q"],"reason":"manual_review","requires_manual_review":"true"}"#;
        let prediction = r#"{"profile_id":"5f0c9a4e-7c1f-4f0e-9d53-0d4a3b0f2c11","brand_id":"b","request_type":"ltv"}"#;
        for (name, text) in [
            ("events.ndjson", raw),
            ("normalized.ndjson", normalized),
            ("merges.ndjson", merge),
            ("requests.ndjson", prediction),
            ("events.csv", "brand_id,event_type,payload\nb,purchase,{}"),
            ("orders.csv", "number;total\n17;12,50"),
            ("staging.toml", "[streams.orders]\nmaxlen = 500"),
            ("handle-event", "#!/bin/sh\ncat"),
            ("handle-events", ANSWERS),
            ("bin/gen-events", &format!("#!/bin/sh\necho '{raw}'")),
            // Not the real one: where only a server is installed there is none.
            (
                "bin/redis-cli",
                "#!/bin/sh\nprintf '%s\\0' \"$@\" > redis-cli-said",
            ),
        ] {
            self.0.file(name, &format!("{text}\n"));
        }
    }

    /// An old entry and a new one, in both streams of events; two of the group's, and a stream of the operator's own.
    fn entries(&self) {
        self.0.ucp(&["init"]);
        let in_january = "1769851800000-0";
        for id in [ID, in_january, "*"] {
            self.words(&format!(
                "XADD events.raw {id} event_id e brand_id b event_type purchase \
                 payload {{\"total\":12.5,\"note\":\"order-17\"}} timestamp 2024-12-01T10:00:00Z"
            ));
        }
        for id in [ID, "1700000000000-1", "*"] {
            self.words(&format!(
                "XADD events.normalized {id} event_id e brand_id b event_type purchase profile_id p \
                 identifiers {{}} normalized_payload {{}} timestamp 2024-12-01T10:00:00Z"
            ));
        }
        self.words("XGROUP CREATE orders mine 0 MKSTREAM");
    }

    /// Two of three entries have been a dead consumer's for two hours, after three deliveries.
    fn held(&self) {
        let group = "events.normalized event-processors";
        self.words(
            "XREADGROUP GROUP event-processors host-17-k3x9 COUNT 2 STREAMS events.normalized >",
        );
        self.hold_as("host-17-k3x9");
        self.words(&format!("XGROUP CREATECONSUMER {group} host-18-a2b1"));
    }

    /// A live worker reads the group's retry stream.
    fn retries_are_read(&self) {
        let policy = "{events.normalized}:policy:event-processors";
        let said = ["HSET", policy, "host-18-a2b1", "60000 1 retry"];
        self.0.redis(&said);
    }

    /// The held entries are those of `consumer`.
    fn hold_as(&self, consumer: &str) {
        for id in [ID, "1700000000000-1"] {
            self.words(&format!(
                "XCLAIM events.normalized event-processors {consumer} 0 {id} \
                 IDLE 7200000 RETRYCOUNT 3 JUSTID"
            ));
        }
    }

    /// No consumer is left.
    fn no_consumers(&self) {
        for consumer in ["host-17-k3x9", "host-18-a2b1"] {
            self.words(&format!(
                "XGROUP DELCONSUMER events.normalized event-processors {consumer}"
            ));
        }
    }

    fn dead_letters(&self) {
        for (stream, group, reason) in [
            ("events.normalized", "event-processors", "timeout"),
            (
                "predictions.requests",
                "prediction-processors",
                "connection refused",
            ),
        ] {
            let dead = format!("{{{stream}}}:dlq");
            let of = ["_dlq_stream", stream, "_dlq_group", group, "_dlq_id", ID];
            let why = [
                "_dlq_consumer",
                "c",
                "_dlq_deliveries",
                "5",
                "_dlq_reason",
                reason,
            ];
            let when = ["_dlq_time", "2024-12-01T10:00:00Z", "_dlq_body", "present"];
            let what = ["XADD", &dead, ID, "brand_id", "b"];
            self.0.redis(&[&what[..], &of, &why, &when].concat());
        }
    }

    /// `staging`, then `prod`, which is selected.
    fn contexts(&self) {
        let url = self.0.server.url();
        for name in ["staging", "prod"] {
            let line = format!("ucp-streams context add {name} --url {url}");
            self.bash(&line).assert_code(0);
            self.bash(&format!("ucp-streams context use {name}"))
                .assert_code(0);
        }
        for name in ["redis", "staging"] {
            self.0.file(&format!(".secrets/{name}"), "secret\n");
        }
    }
}
