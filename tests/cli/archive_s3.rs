//! Archives in a bucket: on a real server, and what is said when one refuses, is busy, or cannot be reached.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::{
    Invocation, PATIENCE, Reply, Run, Signal, TestServer, directory, free_port, odd_entries, until,
};

const SECRET: &str = "canary-secret";

/// A private server that speaks S3, with the bucket `events`. It opens some ports that it cannot be told, so only one runs at
/// a time.
pub(crate) struct Bucket {
    server: Child,
    port: u16,
    _lock: File,
    _data: tempfile::TempDir,
}

impl Bucket {
    pub(crate) fn start() -> Self {
        let weed = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/seaweedfs/weed");
        assert!(
            weed.exists(),
            "no {}: `.ci/setup test` installs it",
            weed.display()
        );
        let lock = File::create(weed.with_file_name("lock")).unwrap();
        lock.lock().unwrap();
        let data = directory();
        let [master, volume, filer, port] = [(); 4].map(|()| free_port());
        let server = Command::new(&weed)
            .arg("server")
            .arg(format!("-dir={}", data.path().display()))
            .args([
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-master.telemetry=false",
                "-filer",
                "-s3",
            ])
            .args(["-volume.max=8", "-master.volumeSizeLimitMB=64"])
            .arg(format!("-master.port={master}"))
            .arg(format!("-volume.port={volume}"))
            .arg(format!("-filer.port={filer}"))
            .arg(format!("-s3.port={port}"))
            .current_dir(data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let bucket = Self {
            server,
            port,
            _lock: lock,
            _data: data,
        };
        until(PATIENCE, "the bucket", || {
            bucket.put("/events").contains(" 200 ")
        });
        bucket
    }

    /// The answer to a PUT without a body; empty when there is none.
    fn put(&self, path: &str) -> String {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
            stream
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            let request = format!("PUT {path} HTTP/1.0\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read_to_string(&mut answer);
        }
        answer
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A command for a service, with credentials.
pub(crate) fn at(endpoint: &str, server: &TestServer, words: &[&str]) -> Invocation {
    server
        .command(words)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
}

const TO: [&str; 3] = ["s", "--to", "s3://events/kept"];

fn entries(server: &TestServer, stream: &str) -> Reply {
    server.redis(&["XRANGE", stream, "-", "+"])
}

fn silent(run: &Run) {
    for part in [SECRET, "X-Amz-Signature", "X-Amz-Credential"] {
        run.stderr_lacks(part).stdout_lacks(part);
    }
}

#[test]
fn a_bucket_keeps_what_a_directory_keeps() {
    let (bucket, server) = (Bucket::start(), TestServer::start());
    let url = bucket.url();
    let run = |words: &[&str]| at(&url, &server, words).run();
    odd_entries(&server, "s");
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
    // Killed at any moment, and two at once.
    for moment in 0..10 {
        let mut begun = at(&url, &server, &[&["archive"], &TO[..]].concat()).spawn();
        thread::sleep(Duration::from_millis(20 + 40 * moment));
        if begun.ended().is_none() {
            begun.signal(Signal::KILL);
        }
        begun.wait();
    }
    for id in 0..2000 {
        server.redis(&["XADD", "s", &format!("17000910{id:05}-0"), "n", "1"]);
    }
    let both = [(); 2].map(|()| at(&url, &server, &[&["archive"], &TO[..]].concat()).spawn());
    for one in both {
        silent(one.wait().assert_code(0));
    }
    let kept = "s3://events/kept";
    run(&["archive", "verify", kept])
        .assert_code(0)
        .stderr_has("whole: 2,007 entries");
    let listed = run(&["archive", "ls", kept, "-o", "json"])
        .assert_code(0)
        .stdout_json();
    let total: u64 = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["entries"].as_u64().unwrap())
        .sum();
    assert_eq!(total, 2007);
    let words = ["replay", "s", "--archive", kept, "--from", "start"];
    let replayed = run(&[&words[..], &["--builtin", "null", "-o", "json"]].concat());
    silent(&replayed);
    assert_eq!(replayed.assert_code(0).stdout_json()["handled"], 2007);
    run(&["restore", kept, "--to", "again", "--yes"]).assert_code(0);
    assert!(entries(&server, "again") == entries(&server, "s"));
    assert_eq!(
        server.redis(&["XPENDING", "again", "g"]).items()[0].int(),
        3
    );
    run(&["archive", "ls", "s3://nowhere/kept"])
        .assert_code(3)
        .stderr_has("no bucket `nowhere`");
    run(&["archive", "ls", "s3:///kept"])
        .assert_code(2)
        .stderr_has("s3://BUCKET/PREFIX");
}

#[test]
fn what_a_bucket_has_confirmed_is_trimmed_and_nothing_while_it_is_away() {
    let (bucket, server) = (Bucket::start(), TestServer::start());
    let url = bucket.url();
    let add = |from: u32| {
        for id in from..from + 300 {
            server.redis(&["XADD", "s", &format!("{id}-1"), "n", "1"]);
        }
        let read = [
            "XREADGROUP",
            "GROUP",
            "g",
            "c",
            "NOACK",
            "STREAMS",
            "s",
            ">",
        ];
        server.redis(&read);
    };
    server.redis(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
    add(1);
    let words = [
        &["archive"],
        &TO[..],
        &["--then-trim", "--yes", "-o", "json"],
    ]
    .concat();
    let run = at(&url, &server, &words).run();
    silent(&run);
    assert_eq!(run.assert_code(0).stdout_json()["trimmed"]["freed"], 300);
    add(1000);
    let follow = [&words[..], &["--follow", "--every", "100ms"]].concat();
    let mut run = at(&url, &server, &follow).spawn();
    run.await_stderr("trimmed 300 entries");
    drop(bucket);
    add(2000);
    run.await_stderr("cannot archive");
    thread::sleep(Duration::from_millis(1500));
    silent(&run.terminate());
    assert_eq!(server.redis(&["XLEN", "s"]).int(), 300, "nothing has gone");
    let run = at(&url, &server, &words).run();
    silent(run.assert_code(4));
    assert_eq!(server.redis(&["XLEN", "s"]).int(), 300);
}

/// A service that gives each request this answer.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://127.0.0.1:{port}")
}

#[test]
fn a_service_that_refuses_is_busy_or_cuts_ends_it_with_the_reason() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-1", "n", "1"]);
    let denied = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 31\r\n\r\n<Code>SignatureDoesNotMatch</Code>";
    let busy = "HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: 21\r\n\r\n<Code>SlowDown</Code>";
    let cut =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2100\r\n\r\n<ListBucketResult";
    let nonsense = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    for (answer, code, said) in [
        (denied, 5, "403"),
        (busy, 4, "503 SlowDown"),
        (cut, 4, "try again"),
        (nonsense, 4, "answered with no list"),
    ] {
        let run = at(
            &answering(answer),
            &server,
            &[&["archive"], &TO[..]].concat(),
        )
        .run();
        silent(run.assert_code(code).stderr_has(said));
    }
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for endpoint in [&nobody[..], "https://127.0.0.1:1"] {
        let run = at(endpoint, &server, &["archive", "ls", "s3://events/kept"]).run();
        silent(run.assert_code(4));
    }
    let clear = at(
        "http://192.0.2.1:9000",
        &server,
        &["archive", "ls", "s3://events/kept"],
    )
    .run();
    silent(clear.assert_code(6).stderr_has("in clear text"));
    let without = server.ucp(&["archive", "ls", "s3://events/kept"]);
    without.assert_code(5).stderr_has("AWS_ACCESS_KEY_ID");
    assert!(
        PathBuf::from("s3:").metadata().is_err(),
        "it is no directory"
    );
}
