//! What is asked of a server, a row each: what this tool does one way or another because of the answer.

use std::process::Command;

use ucp_streams::server::{Options, Persistence};

use crate::support::{Client, PATIENCE, Reply, TestServer, directory, server_binary, until};

/// One row of the table.
pub(crate) struct Probe {
    pub(crate) what: &'static str,
    /// Asks a server of its own.
    pub(crate) probe: fn() -> String,
}

const fn row(what: &'static str, probe: fn() -> String) -> Probe {
    Probe { what, probe }
}

pub(crate) const PROBES: &[Probe] = &[
    row("`INFO server`: names of its version", versions),
    row("stream commands beside those of Redis 7.0", new_commands),
    row("`XTRIM … ACKED`", || {
        answer(&["XTRIM", "s", "MAXLEN", "100", "ACKED"])
    }),
    row("`XREAD … STREAMS s +`: the last entry", || {
        answer(&["XREAD", "STREAMS", "s", "+"])
    }),
    row("`XREADGROUP … CLAIM` takes over idle entries", || {
        answer(&[
            "XREADGROUP",
            "GROUP",
            "g",
            "c",
            "COUNT",
            "1",
            "CLAIM",
            "0",
            "STREAMS",
            "s",
            ">",
        ])
    }),
    row(
        "lag with an unread entry deleted ahead of the group",
        lag_after_deleting_ahead,
    ),
    row(
        "lag with a read entry deleted behind the group",
        lag_after_deleting_behind,
    ),
    row("lag with an unread entry trimmed away", lag_after_trimming),
    row(
        "lag of a group created in the middle",
        lag_of_a_group_in_the_middle,
    ),
    row(
        "lag of a group created in the middle, all read",
        lag_when_all_is_read,
    ),
    row(
        "5 entries, 3 read: `entries-read` and lag after a restart from a plain append-only file",
        after_a_restart,
    ),
    row("`XINFO CONSUMERS` tells `inactive`", tells_inactive),
    row(
        "`XINFO STREAM`: fields beside those of Redis 7.0",
        new_stream_fields,
    ),
    row(
        "`XPENDING` after an entry was deleted",
        pending_after_deleting,
    ),
    row("`XAUTOCLAIM` of a deleted entry", autoclaim_deleted),
    row("`XCLAIM` of a deleted entry", claim_deleted),
    row("a blocked `XREADGROUP` whose stream is deleted", || {
        unblocked(&["DEL", "s"])
    }),
    row("a blocked `XREADGROUP` whose group is deleted", || {
        unblocked(&["XGROUP", "DESTROY", "s", "g"])
    }),
    row("a blocked `XREADGROUP` whose stream is overwritten", || {
        unblocked(&["SET", "s", "x"])
    }),
    row("a command that is not allowed", || {
        denied(&["XADD", "s", "*", "a", "1"])
    }),
    row("the same in a script", || {
        denied(&[
            "EVAL",
            "return redis.call('XADD', KEYS[1], '*', 'a', '1')",
            "1",
            "s",
        ])
    }),
    row("built with TLS", tls),
];

/// A server with the stream `s` of entries 1-0 to 5-0 and the group `g`, at 3-0 with 1-0 to 3-0 pending.
fn scene() -> TestServer {
    let server = TestServer::start();
    fill(&server);
    server
}

fn fill(server: &TestServer) {
    for n in 1..=5 {
        server.redis(&["XADD", "s", &format!("{n}-0"), "n", "1"]);
    }
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&[
        "XREADGROUP",
        "GROUP",
        "g",
        "c",
        "COUNT",
        "3",
        "STREAMS",
        "s",
        ">",
    ]);
}

/// `Redis 7.0.15`.
pub(crate) fn server_name(server: &TestServer) -> String {
    let info = server.redis(&["INFO", "server"]);
    let of = |name: &str| {
        info.text()
            .lines()
            .find_map(|it| it.strip_prefix(name)?.strip_prefix(':'))
            .map(str::to_owned)
    };
    match of("valkey_version") {
        Some(version) => format!("Valkey {version}"),
        None => format!("Redis {}", of("redis_version").unwrap()),
    }
}

fn versions() -> String {
    let server = TestServer::start();
    let info = server.redis(&["INFO", "server"]);
    let told = info
        .text()
        .lines()
        .filter(|it| it.starts_with("redis_version:") || it.starts_with("valkey_version:"));
    told.map(|it| format!("`{it}`"))
        .collect::<Vec<_>>()
        .join(" ")
}

const KNOWN_COMMANDS: [&str; 22] = [
    "xack",
    "xadd",
    "xautoclaim",
    "xclaim",
    "xdel",
    "xgroup",
    "xgroup|create",
    "xgroup|createconsumer",
    "xgroup|delconsumer",
    "xgroup|destroy",
    "xgroup|setid",
    "xinfo",
    "xinfo|consumers",
    "xinfo|groups",
    "xinfo|stream",
    "xlen",
    "xpending",
    "xrange",
    "xread",
    "xreadgroup",
    "xrevrange",
    "xsetid",
];

fn new_commands() -> String {
    let server = TestServer::start();
    let commands = server.redis(&["COMMAND", "LIST", "FILTERBY", "ACLCAT", "stream"]);
    let is_new =
        |it: &&str| !KNOWN_COMMANDS.contains(it) && !it.ends_with("|help") && *it != "xtrim";
    let mut new: Vec<String> = commands
        .texts()
        .into_iter()
        .filter(is_new)
        .map(str::to_uppercase)
        .collect();
    new.sort();
    listed(&new)
}

fn listed(words: &[String]) -> String {
    match words {
        [] => "none".to_owned(),
        words => words
            .iter()
            .map(|it| format!("`{it}`"))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// Whether the server knows a command line.
fn answer(command: &[&str]) -> String {
    match scene().try_redis(command) {
        Reply::Error(error) => format!("no: `{error}`"),
        _ => "yes".to_owned(),
    }
}

fn lag_of(server: &TestServer, group: &str) -> String {
    let groups = server.redis(&["XINFO", "GROUPS", "s"]);
    let ours = groups
        .items()
        .iter()
        .find(|it| it.field("name").text() == group)
        .unwrap();
    let told = |name: &str| match ours.field(name) {
        Reply::Nil => "unknown".to_owned(),
        number => number.int().to_string(),
    };
    told("lag")
}

fn lag_after_deleting_ahead() -> String {
    let server = scene();
    server.redis(&["XDEL", "s", "4-0"]);
    format!("{} (1 is right)", lag_of(&server, "g"))
}

fn lag_after_deleting_behind() -> String {
    let server = scene();
    server.redis(&["XDEL", "s", "2-0"]);
    format!("{} (2 is right)", lag_of(&server, "g"))
}

fn lag_after_trimming() -> String {
    let server = scene();
    server.redis(&["XTRIM", "s", "MINID", "5-0"]);
    format!("{} (1 is right)", lag_of(&server, "g"))
}

fn lag_of_a_group_in_the_middle() -> String {
    let server = scene();
    server.redis(&["XGROUP", "CREATE", "s", "middle", "2-0"]);
    format!("{} (3 is right)", lag_of(&server, "middle"))
}

fn lag_when_all_is_read() -> String {
    let server = scene();
    server.redis(&["XGROUP", "CREATE", "s", "middle", "2-0"]);
    server.redis(&["XREADGROUP", "GROUP", "middle", "c", "STREAMS", "s", ">"]);
    format!("{} (0 is right)", lag_of(&server, "middle"))
}

fn after_a_restart() -> String {
    let mut options = Options::with_persistence(Persistence::Always);
    options.args = ["--aof-use-rdb-preamble", "no"].map(Into::into).into();
    let mut server = TestServer::with_options(options);
    fill(&server);
    server.restart();
    let groups = server.redis(&["XINFO", "GROUPS", "s"]);
    let read = match groups.items()[0].field("entries-read") {
        Reply::Nil => "unknown".to_owned(),
        number => number.int().to_string(),
    };
    format!("{read} and {} (3 and 2 are right)", lag_of(&server, "g"))
}

fn tells_inactive() -> String {
    let server = scene();
    let consumers = server.redis(&["XINFO", "CONSUMERS", "s", "g"]);
    yes(consumers.items()[0].get("inactive").is_some())
}

fn yes(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

const KNOWN_FIELDS: [&str; 10] = [
    "length",
    "radix-tree-keys",
    "radix-tree-nodes",
    "last-generated-id",
    "max-deleted-entry-id",
    "entries-added",
    "recorded-first-entry-id",
    "groups",
    "first-entry",
    "last-entry",
];

fn new_stream_fields() -> String {
    let server = scene();
    let info = server.redis(&["XINFO", "STREAM", "s"]);
    let names = info
        .items()
        .chunks_exact(2)
        .map(|pair| pair[0].text().to_owned());
    let new: Vec<String> = names
        .filter(|it| !KNOWN_FIELDS.contains(&it.as_str()))
        .collect();
    listed(&new)
}

fn pending(server: &TestServer) -> usize {
    server
        .redis(&["XPENDING", "s", "g", "-", "+", "10"])
        .items()
        .len()
}

fn pending_after_deleting() -> String {
    let server = scene();
    server.redis(&["XDEL", "s", "2-0"]);
    if pending(&server) == 3 {
        "still lists it"
    } else {
        "lists it no more"
    }
    .to_owned()
}

fn autoclaim_deleted() -> String {
    let server = scene();
    server.redis(&["XDEL", "s", "2-0"]);
    let reply = server.redis(&["XAUTOCLAIM", "s", "g", "c2", "0", "0"]);
    let named = reply.items().get(2).is_some_and(|it| it.texts() == ["2-0"]);
    let gone = pending(&server) == 2;
    format!(
        "{}, {}",
        if gone { "removes it" } else { "keeps it" },
        if named {
            "names it"
        } else {
            "does not name it"
        }
    )
}

fn claim_deleted() -> String {
    let server = scene();
    server.redis(&["XDEL", "s", "2-0"]);
    let reply = server.redis(&["XCLAIM", "s", "g", "c2", "0", "2-0"]);
    let gone = pending(&server) == 2;
    format!(
        "{}, replies with {} entries",
        if gone { "removes it" } else { "keeps it" },
        reply.items().len()
    )
}

/// What a read that waits for more is told when `command` is run.
fn unblocked(command: &[&str]) -> String {
    let server = scene();
    let mut waiting: Client = server.client();
    let read = |id| {
        [
            "XREADGROUP",
            "GROUP",
            "g",
            "c",
            "BLOCK",
            "500",
            "STREAMS",
            "s",
            id,
        ]
    };
    waiting.send(&read(">"));
    waiting.try_write(&[read(">")]).unwrap();
    until(PATIENCE, "a blocked client", || {
        server
            .redis(&["INFO", "clients"])
            .text()
            .contains("blocked_clients:1\r")
    });
    server.redis(command);
    match waiting.reply() {
        Reply::Nil => "waits on".to_owned(),
        Reply::Error(error) => format!("`{}`", error.replace('|', " ")),
        other => panic!("{other:?}"),
    }
}

/// What a user who may only run scripts is told.
fn denied(command: &[&str]) -> String {
    let server = scene();
    server.redis(&["ACL", "SETUSER", "reader", "on", "nopass", "~*", "+eval"]);
    let mut client = server.client();
    client.send(&["AUTH", "reader", "x"]);
    let reply = client.send(command);
    let error = reply.error();
    // The script's hash and line are its own.
    let end = error.find(" script:").unwrap_or(error.len());
    format!("`{}`", &error[..end])
}

/// A server with TLS complains of certificates it was not given, one without of the setting.
fn tls() -> String {
    let home = directory();
    let output = Command::new(server_binary())
        .args(["--port", "0", "--tls-port", "6379", "--save", ""])
        .args(["--tls-cert-file", "none.pem", "--tls-key-file", "none.pem"])
        .current_dir(home.path())
        .output()
        .unwrap();
    assert!(!output.status.success(), "a server without a certificate");
    let said = [output.stdout, output.stderr].concat();
    yes(String::from_utf8_lossy(&said).contains("Failed to configure TLS"))
}
