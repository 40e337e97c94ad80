//! `copy`: the copy has the same entries with the same ids, each once, whatever happens on the way; and where it must not be,
//! nothing is written.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{
    Invocation, PATIENCE, Reply, Run, Signal, TestServer, directory, odd_entries, until,
};

/// A server, another one, and a home in which that one is the context `there`, with a password of its own.
struct Both {
    here: TestServer,
    there: TestServer,
    home: TempDir,
}

impl Both {
    fn start(is_production: bool) -> Self {
        let both = Self {
            here: TestServer::start(),
            there: TestServer::with_args(&["--requirepass", "theirs"]),
            home: directory(),
        };
        let config = both.home.path().join("ucp-streams");
        fs::create_dir(&config).unwrap();
        let secret = both.home.path().join("secret");
        fs::write(&secret, "theirs\n").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let text = format!(
            "[contexts.there]\nurl = \"{}\"\npassword_file = \"{}\"\nproduction = {is_production}\n",
            both.there.url(),
            secret.display()
        );
        fs::write(config.join("config.toml"), text).unwrap();
        both
    }

    fn command(&self, args: &[&str]) -> Invocation {
        let command = self.here.command(args);
        command.env("XDG_CONFIG_HOME", self.home.path())
    }

    fn copy(&self, args: &[&str]) -> Run {
        self.command(&[&["copy", "events.raw", "-o", "json"], args].concat())
            .run()
    }

    /// What the other server says.
    fn there(&self, words: &[&str]) -> Reply {
        let mut client = self.there.client();
        client.send(&["AUTH", "theirs"]);
        client.send(words)
    }
}

#[test]
fn the_password_of_one_server_is_not_given_to_the_other() {
    let here = TestServer::with_args(&["--requirepass", "ours"]);
    let (open, home) = (TestServer::start(), directory());
    let config = home.path().join("ucp-streams");
    fs::create_dir(&config).unwrap();
    let text = format!("[contexts.open]\nurl = \"{}\"\n", open.url());
    fs::write(config.join("config.toml"), text).unwrap();
    let mut client = here.client();
    client.send(&["AUTH", "ours"]);
    client.send(&["XADD", "events.raw", "1-0", "f", "v"]);
    // A server that asks for none refuses any.
    here.command(&["copy", "events.raw", "--to", "open:copies"])
        .env("XDG_CONFIG_HOME", home.path())
        .env("UCP_STREAMS_PASSWORD", "ours")
        .run()
        .assert_code(0);
    assert_eq!(open.redis(&["XLEN", "copies"]).int(), 1);
}

/// All entries of a stream, which are too large to be shown.
fn assert_same(one: &Reply, other: &Reply) {
    assert_eq!(one.items().len(), other.items().len());
    let at = { one.items().iter().zip(other.items()) }.position(|(one, other)| one != other);
    assert_eq!(at, None, "the first that differs");
}

const ALL: [&str; 4] = ["XRANGE", "events.raw", "-", "+"];

#[test]
fn another_server_has_the_same_to_the_byte_and_what_is_added_later() {
    let both = Both::start(false);
    odd_entries(&both.here, "events.raw");
    let run = both.copy(&["--to", "there:events.raw"]);
    let row = run.assert_code(0).stdout_json();
    let count = both.here.redis(&["XLEN", "events.raw"]).int();
    assert_eq!(row["entries"], count);
    assert_eq!(
        (&row["missing"], &row["is_resumed"]),
        (&0.into(), &false.into())
    );
    assert_same(&both.here.redis(&ALL), &both.there(&ALL));

    let run = both.copy(&["--to", "there:events.raw"]);
    let row = run.assert_code(0).stdout_json();
    assert_eq!(
        (&row["entries"], &row["is_resumed"]),
        (&0.into(), &true.into())
    );
    both.here.redis(&["XADD", "events.raw", "*", "f", "v"]);
    let run = both.copy(&["--to", "there:events.raw"]);
    assert_eq!(run.assert_code(0).stdout_json()["entries"], 1);
    assert_same(&both.here.redis(&ALL), &both.there(&ALL));
}

#[test]
fn what_was_trimmed_before_it_could_be_copied_is_data_loss() {
    let both = Both::start(false);
    let add = |count: usize| {
        let add = ["XADD", "events.raw", "*", "f", "v"].map(str::to_owned);
        both.here.client().pipeline(&vec![add; count]);
    };
    add(10);
    both.copy(&["--to", "there:events.raw"]).assert_code(0);
    add(20);
    both.here.redis(&["XTRIM", "events.raw", "MAXLEN", "5"]);
    let run = both.copy(&["--to", "there:events.raw"]);
    let row = run.assert_code(9).stdout_json();
    assert_eq!((&row["entries"], &row["missing"]), (&5.into(), &15.into()));
    run.stderr_has("15 entries of stream `events.raw` were trimmed or deleted");
    both.copy(&["--to", "there:events.raw"]).assert_code(0);
}

#[test]
fn conditions_and_masks_hold_and_must_stay_the_same() {
    let both = Both::start(false);
    for (brand, email) in [("a", "a@x"), ("b", "b@x"), ("a", "c@x")] {
        let payload = format!("{{\"email\":\"{email}\",\"total\":1}}");
        let add = [
            "XADD",
            "events.raw",
            "*",
            "brand_id",
            brand,
            "payload",
            &payload,
        ];
        both.here.redis(&add);
    }
    let terms = ["--where", "brand_id=a", "--redact", "payload.email"];
    let to = ["--to", "copies"];
    let run = both.copy(&[&to[..], &terms].concat());
    let row = run.assert_code(0).stdout_json();
    assert_eq!((&row["entries"], &row["left_out"]), (&2.into(), &1.into()));
    let copies = both.here.ucp(&["read", "copies"]);
    copies.stdout_has("***").stdout_lacks("@x");
    both.copy(&to)
        .assert_code(6)
        .stderr_has("with other terms: brand_id=a, payload.email masked");
    // What was left out is not looked at again.
    let run = both.copy(&[&to[..], &terms].concat());
    let row = run.assert_code(0).stdout_json();
    assert_eq!((&row["entries"], &row["left_out"]), (&0.into(), &0.into()));
}

#[test]
fn a_stream_that_is_there_stays_as_it_is() {
    let both = Both::start(false);
    both.here.redis(&["XADD", "events.raw", "5-0", "f", "v"]);
    both.here.redis(&["XADD", "other", "1-0", "f", "v"]);
    both.here.redis(&["SET", "text", "v"]);
    let refused = |to: &str, code: i32, why: &str| {
        both.copy(&["--to", to]).assert_code(code).stderr_has(why);
    };
    refused(
        "other",
        6,
        "is there, and is no copy of stream `events.raw`",
    );
    refused("events.raw", 6, "is there, and is no copy");
    refused("text", 3, "the key is not a stream");
    refused("theer:events.raw", 2, "--to ':theer:events.raw'");
    refused("there:", 2, "names no stream");
    both.copy(&["--to", ":a:b"]).assert_code(0);
    assert_eq!(both.here.redis(&["XLEN", "a:b"]).int(), 1);
    assert_eq!(both.here.redis(&["XLEN", "other"]).int(), 1);
    // One of another stream; one that somebody else added to; one that was deleted.
    both.here.redis(&["XADD", "more", "5-0", "f", "v"]);
    let more = both.here.ucp(&["copy", "more", "--to", ":a:b"]);
    more.assert_code(6)
        .stderr_has("is a copy of stream `events.raw`");
    both.here.redis(&["XADD", "a:b", "9-0", "f", "v"]);
    refused(":a:b", 6, "it was added to");
    both.here.redis(&["DEL", "a:b"]);
    refused(":a:b", 6, "was deleted, or its ids were set back");
    let missing = both.here.ucp(&["copy", "nothing", "--to", "b"]);
    missing.assert_code(3).stderr_has("nothing");
}

#[test]
fn production_and_groups_that_read_it_take_consent() {
    let both = Both::start(true);
    both.here.redis(&["XADD", "events.raw", "1-0", "f", "v"]);
    let to = ["--to", "there:events.raw"];
    both.copy(&to)
        .assert_code(6)
        .stderr_has("production context `there`")
        .stderr_has("add --yes to agree");
    let dry = both.copy(&[&to[..], &["--dry-run"]].concat());
    dry.assert_code(0).stderr_has("nothing was changed");
    assert_eq!(both.there(&["EXISTS", "events.raw"]).int(), 0);
    assert_eq!(both.there(&["EXISTS", "{events.raw}:copied"]).int(), 0);
    both.copy(&[&to[..], &["--yes"]].concat()).assert_code(0);
    assert_eq!(both.there(&["XLEN", "events.raw"]).int(), 1);
    // Who did that is on record there, and nothing is here.
    assert_eq!(both.there(&["XLEN", "ucp:audit"]).int(), 2);
    assert_eq!(both.here.redis(&["EXISTS", "ucp:audit"]).int(), 0);

    both.here
        .redis(&["XGROUP", "CREATE", "copies", "billing", "$", "MKSTREAM"]);
    let read = both.copy(&["--to", "copies"]);
    read.assert_code(6).stderr_has("`billing` (0 consumers)");
    assert_eq!(both.here.redis(&["XLEN", "copies"]).int(), 0);
    both.copy(&["--to", "copies", "--yes"]).assert_code(0);
    assert_eq!(both.here.redis(&["XLEN", "copies"]).int(), 1);
}

#[test]
fn a_server_without_memory_gets_all_of_a_batch_or_nothing() {
    let both = Both::start(false);
    let body = "x".repeat(20_000);
    let add = ["XADD", "events.raw", "*", "n", &body].map(str::to_owned);
    both.here.client().pipeline(&vec![add; 400]);
    let used = both.there(&["INFO", "memory"]);
    let used: u64 = { used.text().lines() }
        .find_map(|it| it.strip_prefix("used_memory:"))
        .unwrap()
        .parse()
        .unwrap();
    let most = (used + (3 << 20)).to_string();
    both.there(&["CONFIG", "SET", "maxmemory", &most]);
    let run = both.copy(&["--to", "there:events.raw"]);
    run.assert_code(4)
        .stderr_has("the same command goes on after them");
    let some = both.there(&["XLEN", "events.raw"]).int();
    assert!((1..400).contains(&some), "{some}");
    both.there(&["CONFIG", "SET", "maxmemory", "0"]);
    both.copy(&["--to", "there:events.raw"]).assert_code(0);
    assert_same(&both.here.redis(&ALL), &both.there(&ALL));
}

#[test]
fn two_at_once_copy_each_entry_once() {
    let both = Both::start(false);
    let add = ["XADD", "events.raw", "*", "n", "v"].map(str::to_owned);
    both.here.client().pipeline(&vec![add; 30_000]);
    let copy = ["copy", "events.raw", "--to", "there:events.raw"];
    let two: Vec<_> = (0..2).map(|_| both.command(&copy).spawn()).collect();
    for one in two {
        let run = one.wait();
        assert!([Some(0), Some(6)].contains(&run.code()), "{run}");
    }
    both.command(&copy).run().assert_code(0);
    assert_same(&both.here.redis(&ALL), &both.there(&ALL));
}

#[test]
fn killed_again_and_again_while_it_follows_it_copies_each_entry_once() {
    let both = Both::start(false);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let copy = ["copy", "events.raw", "--to", "there:events.raw", "--follow"];
    both.here.redis(&["XADD", "events.raw", "*", "n", "first"]);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = both.here.client();
            let add = ["XADD", "events.raw", "*", "n", "v"].map(str::to_owned);
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                client.pipeline(&vec![add.clone(); 200]);
                thread::sleep(Duration::from_millis(5));
            }
        });
        for nth in 0..12 {
            let mut copying = both.command(&copy).spawn();
            thread::sleep(Duration::from_millis(150 + 37 * nth));
            copying.signal(Signal::KILL);
            copying.wait();
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let copying = both.command(&copy).spawn();
    let length = both.here.redis(&["XLEN", "events.raw"]).int();
    until(PATIENCE, "all of it is copied", || {
        both.there(&["XLEN", "events.raw"]).int() == length
    });
    copying.terminate();
    println!("{length} entries");
    assert!(length > 2000, "{length}");
    assert_same(&both.here.redis(&ALL), &both.there(&ALL));
}

#[test]
fn with_a_speed_entries_are_as_far_apart_as_they_were_or_nearer() {
    let both = Both::start(false);
    for id in ["1000-0", "2000-0", "2000-1", "5000-0"] {
        both.here.redis(&["XADD", "events.raw", id, "f", "v"]);
    }
    let began = Instant::now();
    let mut seen = BTreeSet::new();
    let copying = both
        .command(&[
            "copy",
            "events.raw",
            "--to",
            "there:events.raw",
            "--speed",
            "2",
        ])
        .spawn();
    until(PATIENCE, "all of it is copied", || {
        let length = both.there(&["XLEN", "events.raw"]).int();
        seen.insert(length);
        length == 4
    });
    let took = began.elapsed();
    copying.wait().assert_code(0);
    assert!(took >= Duration::from_secs(2), "{took:?}");
    assert!(seen.contains(&3) && !seen.contains(&2), "{seen:?}");
    for bad in ["0", "-1", "fast", "NaN", "inf"] {
        both.copy(&["--to", "x", &format!("--speed={bad}")])
            .assert_code(2);
    }
}

#[test]
fn a_signal_stops_it_and_it_goes_on() {
    let both = Both::start(false);
    for id in ["1000-0", "2000-0", "9000000-0"] {
        both.here.redis(&["XADD", "events.raw", id, "f", "v"]);
    }
    let mut copying = both
        .command(&["copy", "events.raw", "--to", "copies", "--speed", "1"])
        .spawn();
    until(PATIENCE, "two are copied", || {
        both.here.redis(&["XLEN", "copies"]).int() == 2
    });
    copying.signal(Signal::TERM);
    copying.wait().assert_code(143).stderr_has(
        "2 entries of stream `events.raw` were copied: the same command goes on after them",
    );
    both.copy(&["--to", "copies"]).assert_code(0);
    assert_eq!(both.here.redis(&["XLEN", "copies"]).int(), 3);
}
