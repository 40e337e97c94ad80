//! A password that must show nowhere: not in what is printed, not in files, not in other processes.

use std::fs;
use std::path::Path;

use crate::acl::{SERVERLESS, scenes, server};
use crate::contexts::Home;
use crate::support::{Invocation, Run, TestServer};

const CANARY: &str = "canary-4711";

/// How a password is given.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// `$UCP_STREAMS_PASSWORD`.
    Variable,
    /// In `$UCP_STREAMS_URL`.
    UrlOfVariable,
    /// In `--url`.
    UrlOfFlag,
    /// `--password-file`.
    File,
    /// In the selected context's URL.
    Context,
}

const WAYS: [Way; 5] = [
    Way::Variable,
    Way::UrlOfVariable,
    Way::UrlOfFlag,
    Way::File,
    Way::Context,
];

/// A server that wants the canary.
fn guarded() -> TestServer {
    let server = server();
    guard(&server);
    server
}

fn guard(server: &TestServer) {
    server.redis(&["CONFIG", "SET", "requirepass", CANARY]);
}

fn given(way: Way, home: &Home, url: &str, words: &[&str]) -> Invocation {
    let with = format!("{url}?pass={CANARY}");
    let secret = home.path().join("secret");
    let flags = match way {
        Way::UrlOfFlag => vec!["-u", &with],
        Way::File => vec!["-u", url, "--password-file", secret.to_str().unwrap()],
        _ => Vec::new(),
    };
    let words = [&flags[..], &["-vv"], words].concat();
    let run = home.command(&words);
    match way {
        Way::Variable => run
            .env("UCP_STREAMS_URL", url)
            .env("UCP_STREAMS_PASSWORD", CANARY),
        Way::UrlOfVariable => run.env("UCP_STREAMS_URL", with),
        _ => run,
    }
}

/// A home with the canary where `way` keeps it: its file is returned.
fn home(way: Way, url: &str) -> (Home, Option<&'static str>) {
    let home = Home::new();
    match way {
        Way::File => {
            home.secret("secret", &format!("{CANARY}\n"));
            (home, Some("secret"))
        }
        Way::Context => {
            let with = format!("{url}?pass={CANARY}");
            silent(&home.ucp(&["context", "add", "here", "-u", &with]));
            (home, Some("config.toml"))
        }
        _ => (home, None),
    }
}

#[track_caller]
fn silent(run: &Run) {
    let words = run.words.replace(CANARY, "…");
    for text in [&run.stdout, &run.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains(CANARY), "$ {words}\n{text}");
    }
}

/// Nothing below `dir` holds the canary but the file that was given.
#[track_caller]
fn unwritten(dir: &Path, given: Option<&str>, words: &[&str]) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            unwritten(&path, given, words);
        } else if !given.is_some_and(|name| path.ends_with(name)) && path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                !text.contains(CANARY),
                "{words:?} wrote it to {}",
                path.display()
            );
        }
    }
}

#[test]
fn no_command_prints_or_keeps_the_password() {
    for (at, scene) in scenes().iter().enumerate() {
        // Each command in one way, every way for several commands.
        let way = if scene.needs_flag() {
            Way::UrlOfFlag
        } else {
            WAYS[at % WAYS.len()]
        };
        let server = server();
        if let Some(command) = scene.before {
            server.redis(&command.split(' ').collect::<Vec<_>>());
        }
        guard(&server);
        let url = server.url();
        let (home, kept) = home(way, &url);
        let run = scene.run(given(way, &home, &url, scene.words));
        run.assert_code(scene.code);
        if scene.needs_flag() {
            // On the server that was given, and not on a private one.
            run.stderr_has(&url);
        }
        silent(&run);
        unwritten(home.path(), kept, scene.words);
        unwritten(server.inner().dir(), None, scene.words);
    }
}

#[test]
fn no_command_that_needs_no_server_prints_it() {
    for command in SERVERLESS {
        for way in WAYS {
            let (home, kept) = home(way, "unix:///nowhere/redis.sock");
            let words: Vec<&str> = command.split(' ').collect();
            let run = given(way, &home, "unix:///nowhere/redis.sock", &words).run();
            silent(&run);
            unwritten(home.path(), kept, &words);
            if *command == "dev start" {
                home.ucp(&["dev", "stop"]).assert_code(0);
            }
        }
    }
}

#[test]
fn no_failure_prints_it() {
    let server = server();
    server.redis(&["CONFIG", "SET", "requirepass", "another"]);
    let url = server.url();
    for url in [
        url.as_str(),
        "unix:///nowhere/redis.sock",
        "redis://127.0.0.1:1",
        "rediss://127.0.0.1:1",
        "nonsense://h",
    ] {
        for way in WAYS {
            for format in ["plain", "json"] {
                let (home, _) = home(way, url);
                // Refused as it was added; without it the command would go to the server at the default address.
                if matches!(way, Way::Context) && !home.config().exists() {
                    assert_eq!(url, "nonsense://h");
                    continue;
                }
                let run = given(way, &home, url, &["info", "-o", format]).run();
                assert_ne!(run.code(), Some(0), "{url} {way:?}");
                silent(&run);
            }
        }
    }
}

#[test]
fn no_process_that_a_worker_starts_has_it() {
    for way in [Way::Variable, Way::UrlOfVariable, Way::File, Way::Context] {
        let server = guarded();
        let url = server.url();
        let (home, _) = home(way, &url);
        // All that the worker started, this handler among it, and the worker's arguments.
        let script = "
            env >>seen
            for process in /proc/[0-9]*; do
              parent=$(sed -n 's/^PPid:\\t//p' $process/status 2>/dev/null)
              if [ \"$parent\" = \"$PPID\" ] || [ $process = /proc/$PPID ]; then
                tr '\\0' '\\n' <$process/cmdline >>seen
                [ $process = /proc/$PPID ] || tr '\\0' '\\n' <$process/environ >>seen
              fi
            done";
        let words = [
            "worker",
            "run",
            "event-processors",
            "--once",
            "--exec",
            "--",
            "sh",
            "-c",
            script,
        ];
        let run = given(way, &home, &url, &words)
            .env("REDISCLI_AUTH", CANARY)
            .env("REDIS_URL", format!("redis://:{CANARY}@h"))
            .env("UCP_STREAMS_ML_URL", format!("http://u:{CANARY}@h"))
            .env("UCP_STREAMS_KAFKA_PASSWORD", CANARY)
            .env("AWS_ACCESS_KEY_ID", CANARY)
            .env("AWS_SECRET_ACCESS_KEY", CANARY)
            .env("AWS_SESSION_TOKEN", CANARY)
            .env("AWS_ENDPOINT_URL", format!("https://u:{CANARY}@h"))
            .run();
        // One of the entries that it takes over has no body any more.
        run.assert_code(9);
        silent(&run);
        let seen = fs::read_to_string(home.path().join("seen")).unwrap();
        for part in [
            "UCP_STREAM=events.normalized",
            "ucp-streams-guard",
            "\nworker\nrun\n",
        ] {
            assert!(seen.contains(part), "{part} was not seen:\n{seen}");
        }
        assert!(!seen.contains(CANARY), "{way:?}:\n{seen}");
    }
}

#[test]
fn a_dump_of_a_stream_is_not_mistaken_for_a_leak() {
    // The test itself can fail: an entry that holds the canary is printed.
    let server = guarded();
    let with = format!("{}?pass={CANARY}", server.url());
    let run = Invocation::new(&["publish", "orders", &format!("a={CANARY}")])
        .env("UCP_STREAMS_URL", &with)
        .run();
    run.assert_code(0);
    let read = Invocation::new(&["read", "orders"])
        .env("UCP_STREAMS_URL", &with)
        .run();
    read.assert_code(0).stdout_has(CANARY);
}
