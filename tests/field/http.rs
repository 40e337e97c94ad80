//! What is told of a handler's URL, where its requests go, and who is let at a worker's metrics.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

use crate::support::{Invocation, PATIENCE, Reply, Run, Spawned, TestServer, directory, until};

/// A service that keeps what it is sent, and answers each request alike.
struct Service {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// `answer` is made of a request's head.
    fn start(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        Self::at("127.0.0.1", answer)
    }

    fn at(address: &str, answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let _ = serve(&connection, &answer, &kept);
            }
        });
        Self { port, heard }
    }

    fn says(status: &'static str, body: &'static str) -> Self {
        Self::start(move |_| response(status, body))
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().concat()
    }
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn serve(
    mut connection: &TcpStream,
    answer: impl Fn(&str) -> String,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let (mut asked, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = said.trim().parse().unwrap_or(0);
        }
        asked.push_str(&line);
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    heard.lock().unwrap().push(asked.clone());
    connection.write_all(answer(&asked).as_bytes())
}

const SECRETS: [&str; 4] = [
    "canary-user",
    "canary-pass",
    "canary-token",
    "canary%2Dtoken",
];

#[track_caller]
fn tells_nothing(run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        let text = String::from_utf8_lossy(text);
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

/// The texts of a reply.
fn texts(reply: &Reply, all: &mut String) {
    match reply {
        Reply::Array(items) => items.iter().for_each(|item| texts(item, all)),
        Reply::Bulk(_) => {
            all.push_str(reply.text());
            all.push('\n');
        }
        _ => {}
    }
}

/// All that the server keeps in streams.
fn kept(server: &TestServer) -> String {
    let keys = server.redis(&["KEYS", "*"]);
    let mut all = String::new();
    for key in keys.items() {
        if server.redis(&["TYPE", key.text()]).text() == "stream" {
            texts(&server.redis(&["XRANGE", key.text(), "-", "+"]), &mut all);
        }
    }
    all
}

fn run<'a>(url: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    let run = ["worker", "run", "billing", "--stream", "orders"];
    [&run[..], flags, &["--http", url]].concat()
}

const ONCE: [&str; 4] = ["--once", "--max-deliveries", "1", "-vv"];

fn with_secrets(place: &str) -> String {
    format!("http://canary-user:canary-pass@{place}/h?token=canary%2Dtoken&n=1")
}

#[test]
fn field_r11_the_url_s_secrets_are_told_nowhere_whatever_fails() {
    let echo = |head: &str| {
        // As a service does that says what it was asked.
        let path = head.split(' ').nth(1).unwrap_or_default();
        let auth = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("authorization"));
        let body = format!(
            "no {path} for canary-user with canary-pass ({}), http://h{path} canary-token; {}",
            auth.is_some(),
            "canary-token ".repeat(1000)
        );
        response("422 Unprocessable Content", &body)
    };
    let echoing = Service::start(echo);
    let broken = Service::start(|_| "no HTTP at all canary-token\r\n\r\n".to_owned());
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (place, says) in [
        (format!("127.0.0.1:{}", echoing.port), "422"),
        (
            format!("127.0.0.1:{}", broken.port),
            "error sending request",
        ),
        (format!("127.0.0.1:{gone}"), "Connection refused"),
        ("no-such-host.invalid".to_owned(), "error sending request"),
    ] {
        let server = TestServer::start();
        server.redis(&["XADD", "orders", "*", "n", "1"]);
        let url = with_secrets(&place);
        let done = server.command(&run(&url, &ONCE)).run();
        tells_nothing(&done);
        let kept = kept(&server);
        // The service's own failures are told in the log until the message is given up.
        done.stderr_has("failed attempt");
        let told = format!("{kept}{}", String::from_utf8_lossy(&done.stderr));
        assert!(told.contains(says), "{place}: {told}");
        let is_given_up = kept.contains("_dlq_reason");
        assert_eq!(is_given_up, says == "422", "{place}: {kept}");
        for secret in SECRETS {
            assert!(!kept.contains(secret), "{place}: {secret} in {kept}");
        }
        let list = server.ucp(&["dlq", "list", "orders", "-o", "json"]);
        tells_nothing(&list);
    }
    // They were sent where they belong.
    let heard = echoing.heard();
    assert!(heard.contains("token=canary%2Dtoken"), "{heard}");
    assert!(
        heard.to_ascii_lowercase().contains("authorization: basic"),
        "{heard}"
    );
}

#[test]
fn field_r11_nor_by_a_plan_an_error_the_topology_or_what_handlers_are_given() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let url = with_secrets("127.0.0.1:1");
    for format in ["table", "wide", "json"] {
        let words = run(&url, &["--dry-run", "-o", format, "-vv"]);
        let plan = server.command(&words).run();
        plan.assert_code(0);
        tells_nothing(&plan);
        let said = String::from_utf8_lossy(&plan.stdout).into_owned();
        assert!(said.contains("***@127.0.0.1:1/h?***"), "{said}");
    }
    for wrong in [
        "canary-user:canary-pass@h/h",
        "http://canary-user:canary-pass/@h?canary-token",
        "ftp://canary-user:canary-pass@h",
    ] {
        let refused = server.command(&run(wrong, &[])).run();
        refused.assert_code(2);
        tells_nothing(&refused);
    }
    let topology = format!(
        "[groups.event-processors]\nhandler = {{ http = \"{url}\" }}\n\
         [groups.prediction-processors]\nhandler = {{ http = \"$MY_URL\" }}\n"
    );
    for words in [
        &["topology", "show", "-o", "json"][..],
        &["topology", "show"],
        &["topology", "check"],
        &["info", "-o", "json"],
        &["groups", "-o", "wide"],
        &["worker", "run", "--all", "--dry-run"],
    ] {
        let shown = server
            .command(words)
            .file("ucp-streams.toml", &topology)
            .env("MY_URL", with_secrets("127.0.0.1:1"))
            .run();
        assert!(matches!(shown.code(), Some(0 | 1)), "{shown}");
        tells_nothing(&shown);
    }
    let home = crate::support::directory();
    let words = ["worker", "run", "billing", "--stream", "orders", "--once"];
    let handler = ["--exec", "--", "sh", "-c", "env >seen; echo >>seen"];
    server
        .command(&[&words[..], &handler].concat())
        .in_dir(home.path())
        .file("ucp-streams.toml", &topology)
        .env("MY_URL", with_secrets("127.0.0.1:1"))
        .run()
        .assert_code(0);
    let seen = std::fs::read_to_string(home.path().join("seen")).unwrap();
    assert!(
        seen.contains("UCP_ID=") && !seen.contains("canary"),
        "{seen}"
    );
}

#[test]
fn field_r11_a_url_without_secrets_is_told_as_it_is() {
    let server = TestServer::start();
    let words = run("http://127.0.0.1:1/users/@me", &["--dry-run", "-o", "json"]);
    server
        .command(&words)
        .run()
        .assert_code(0)
        .stdout_has("http http://127.0.0.1:1/users/@me\"");
}

#[test]
fn field_e6_a_proxy_in_small_letters_is_named_whoever_names_the_service() {
    let proxy = Service::says("502 Bad Gateway", "");
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let shown = format!("through the proxy http://***@127.0.0.1:{}", proxy.port);
    let http = run("http://service.invalid/h", &["--once"]);
    let of_topology = ["worker", "run", "prediction-processors", "--once"];
    server.ucp(&["init"]).assert_code(0);
    for (words, variable) in [
        (&http[..], "http_proxy"),
        (&http, "all_proxy"),
        (&of_topology, "http_proxy"),
    ] {
        let value = format!("http://canary-user:canary-pass@127.0.0.1:{}", proxy.port);
        let done = server
            .command(words)
            .env(variable, value)
            .env("UCP_STREAMS_ML_URL", "http://service.invalid/h")
            .run();
        done.stderr_has(&format!(" {shown}"));
        tells_nothing(&done);
    }
}

#[test]
fn field_e6_a_url_that_is_cut_off_is_told_to_be_encoded_without_its_password() {
    let server = TestServer::start();
    for url in [
        "http://canary-user:canary-pass#1@h/h",
        "http://canary-user:17#canary-pass@h/h",
        "http://canary-user:17?canary-pass@h/h",
        "http://canary-user:canary/pass@h/h",
        "http://canary-user:canary-pass\\1@h/h",
    ] {
        let refused = server.ucp(&run(url, &["--once"]));
        refused.assert_code(2).stderr_has("percent-encoded");
        tells_nothing(&refused);
        let words = run("http://service.invalid/h", &["--once"]);
        let behind = server.command(&words).env("http_proxy", url).run();
        behind.assert_code(2).stderr_has("percent-encoded");
        tells_nothing(&behind);
    }
}

fn behind(invocation: Invocation, proxy: &Service) -> Invocation {
    let proxy = format!("http://canary-user:canary-pass@127.0.0.1:{}", proxy.port);
    invocation
        .env("HTTP_PROXY", &proxy)
        .env("http_proxy", proxy)
}

#[test]
fn field_r12_this_machine_is_asked_directly_and_so_is_what_no_proxy_names() {
    let (service, proxy) = (Service::says("200 OK", ""), Service::says("200 OK", ""));
    for host in ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"] {
        let server = TestServer::start();
        server.redis(&["XADD", "orders", "*", "n", "1"]);
        let url = format!("http://{host}:{}/direct", service.port);
        let done = behind(server.command(&run(&url, &["--once"])), &proxy).run();
        done.assert_code(0)
            .stderr_has("1 handled")
            .stderr_lacks("proxy");
    }
    let direct = service.heard().matches("POST /direct").count();
    assert_eq!(direct, 4);
    // The topology's own service, whose URL is in the environment.
    let server = TestServer::start();
    let request = [
        "publish",
        "prediction-request",
        "--brand-id",
        "b",
        "--type",
        "churn",
        "--request-type",
        "churn",
    ];
    let _ = server.ucp(&request);
    server.redis(&[
        "XADD",
        "predictions.requests",
        "*",
        "brand_id",
        "b",
        "request_type",
        "churn",
    ]);
    let words = ["worker", "run", "prediction-processors", "--once"];
    let url = format!("http://127.0.0.1:{}/ml", service.port);
    behind(server.command(&words), &proxy)
        .env("UCP_STREAMS_ML_URL", url)
        .run();

    for except in ["*", "service.invalid", ".invalid", "x, service.invalid:80"] {
        let server = TestServer::start();
        server.redis(&["XADD", "orders", "*", "n", "1"]);
        let words = run("http://service.invalid/h", &["--once"]);
        let done = behind(server.command(&words), &proxy)
            .env("NO_PROXY", except)
            .run();
        done.assert_code(7).stderr_lacks("proxy");
    }
    assert_eq!(proxy.heard(), "");
}

#[test]
fn field_r12_a_proxy_in_use_is_told_at_the_start_and_in_what_fails() {
    let proxy = Service::says("502 Bad Gateway", "cannot reach canary-pass");
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let words = run("http://service.invalid/h", &ONCE);
    let done = behind(server.command(&words), &proxy).run();
    let shown = format!("through the proxy http://***@127.0.0.1:{}", proxy.port);
    done.stderr_has(&format!("http http://service.invalid/h {shown}"));
    tells_nothing(&done);
    done.stderr_has(&format!("{shown}: the service answered 502"));
    let heard = proxy.heard();
    assert!(heard.contains("POST http://service.invalid/h "), "{heard}");
    assert!(
        heard
            .to_ascii_lowercase()
            .contains("proxy-authorization: basic"),
        "{heard}"
    );

    let words = run("http://service.invalid/h", &["--dry-run", "-o", "json"]);
    behind(server.command(&words), &proxy)
        .run()
        .assert_code(0)
        .stdout_has(&shown);

    // What a proxy wants of the worker makes no dead letter.
    let strict = Service::says("407 Proxy Authentication Required", "");
    server.redis(&["XADD", "orders", "*", "n", "2"]);
    let words = run("http://service.invalid/h", &["--once"]);
    behind(server.command(&words), &strict)
        .run()
        .assert_code(7)
        .stderr_lacks("dead-lettered");
    // One that is none is refused, where it would be used.
    let words = run("http://service.invalid/h", &["--once"]);
    let wrong = server
        .command(&words)
        .env("http_proxy", "socks5://canary-user:canary-pass@h:1")
        .run();
    wrong
        .assert_code(2)
        .stderr_has("$http_proxy is not the URL of an HTTP proxy: socks5://***@h:1");
    tells_nothing(&wrong);
}

/// The address that the worker says it serves metrics at.
fn address(worker: &mut Spawned) -> String {
    let line = worker.await_stderr("metrics at http://");
    let (_, rest) = line.split_once("http://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

fn ask(address: &str, request: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = connection.read_to_string(&mut answer);
    answer
}

fn get(address: &str, path: &str, host: &str) -> String {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    )
}

fn metered(server: &TestServer, flags: &[&str]) -> Spawned {
    let words = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--builtin",
        "null",
    ];
    server.command(&[&words[..], flags].concat()).spawn()
}

#[test]
fn field_r16_metrics_for_other_machines_are_warned_of_and_foreign_hosts_refused() {
    let server = TestServer::start();
    let name = ["--metrics-host", "worker.example"];
    let mut open = metered(
        &server,
        &[&["--metrics-addr", "0.0.0.0:0"], &name[..]].concat(),
    );
    let at = address(&mut open).replace("0.0.0.0", "127.0.0.1");
    open.await_stderr("can be read by anyone who can reach this address");
    let port = at.split(':').next_back().unwrap().to_owned();
    for host in [
        "evil.example",
        "evil.example:9121",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
    ] {
        for path in ["/metrics", "/healthz", "/"] {
            let answer = get(&at, path, host);
            assert!(
                answer.starts_with("HTTP/1.1 421 "),
                "{host} {path}: {answer}"
            );
            assert!(!answer.contains("ucp_streams_worker"), "{answer}");
        }
    }
    for host in [
        "localhost",
        "127.0.0.1",
        "10.1.2.3",
        "[::1]",
        "worker.example",
    ] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            let answer = get(&at, "/metrics", &host);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
        }
    }
    assert!(ask(&at, "GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let long = format!(
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}",
        "y".repeat(20_000)
    );
    assert!(ask(&at, &long).starts_with("HTTP/1.1 431 "));
    open.terminate().assert_code(0);

    let words = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--builtin",
        "null",
        "--dry-run",
    ];
    let planned = server.ucp(&[&words[..], &["--metrics-addr", "0.0.0.0:0", "-q"]].concat());
    planned
        .assert_code(0)
        .stderr_has("can be read by anyone who can reach this address");
    // The neighbour: only this machine is let in, and nothing is said.
    let mut local = metered(&server, &["--metrics-addr", "127.0.0.1:0"]);
    let at = address(&mut local);
    assert!(get(&at, "/healthz", "localhost").ends_with("ok\n"));
    assert!(get(&at, "/healthz", "10.1.2.3").starts_with("HTTP/1.1 421 "));
    local
        .terminate()
        .assert_code(0)
        .stderr_lacks("anyone who can reach");
}

#[test]
fn field_r16_idle_connections_delay_nobody() {
    let server = TestServer::start();
    let mut worker = metered(&server, &["--metrics-addr", "127.0.0.1:0"]);
    let at = address(&mut worker);
    let mut idle: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(&at).unwrap()).collect();
    for (at, connection) in idle.iter_mut().enumerate() {
        if at % 2 == 0 {
            let _ = connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: loc");
        }
    }
    // Each of those has 5 s: an answer that had to wait for one would come after it.
    for path in ["/healthz", "/metrics"] {
        let asked = std::time::Instant::now();
        assert!(get(&at, path, "localhost").starts_with("HTTP/1.1 200 "));
        let waited = asked.elapsed();
        assert!(
            waited < std::time::Duration::from_secs(4),
            "{path}: {waited:?}"
        );
    }
    // The longest silent ones were sent away.
    idle[0].set_read_timeout(Some(PATIENCE)).unwrap();
    until(PATIENCE, "an end", || {
        !matches!(idle[0].read(&mut [0; 16]), Ok(1..))
    });
    worker.terminate().assert_code(0);
}

#[test]
fn field_c7_a_worker_says_what_begins() {
    let server = TestServer::start();
    let words = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--once",
        "--consumer",
        "c1",
    ];
    let handler = ["--exec", "--", "sh", "-c", "exit 0"];
    let run = server.command(&[&words[..], &handler].concat()).run();
    run.assert_code(0);
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    let first = said.lines().next().unwrap();
    for part in [
        "worker starts",
        "group=billing",
        "stream=orders",
        "handler=\"exec sh\"",
        "consumer=c1",
        &server.url(),
        &format!("version=\"{}\"", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(first.contains(part), "{part}: {said}");
    }
    let run = server
        .command(&[&["-q"], &words[..], &handler].concat())
        .run();
    run.assert_code(0);
    assert_eq!(String::from_utf8_lossy(&run.stderr), "");
}

/// Takes no connection beyond those that fill its queue: more of them are not answered at all.
fn silent(address: [u8; 4], port: u16) -> (OwnedFd, Vec<TcpStream>) {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let address = SocketAddr::from((address, port));
    bind(&listener, &address).unwrap();
    listen(&listener, 0).unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100));
    let queued: Vec<_> = std::iter::from_fn(|| connect().ok()).take(64).collect();
    assert!(queued.len() < 64, "the queue is never full");
    (listener, queued)
}

#[test]
fn field_e1_an_address_of_a_service_that_drops_everything_keeps_no_message_waiting() {
    let service = Service::at("127.0.0.3", |_| response("200 OK", ""));
    let _silent = silent([127, 0, 0, 2], service.port);
    let (server, home) = (TestServer::start(), directory());
    fs::write(
        home.path().join("hosts"),
        "127.0.0.2 two.test\n127.0.0.3 two.test\n",
    )
    .unwrap();
    // The name has these addresses for the worker alone.
    let worker = |flags: &str| {
        let script = format!(
            "mount --bind hosts /etc/hosts && exec \"$UCP\" worker run billing --stream orders --once {flags} \
             --http http://two.test:{}/h",
            service.port
        );
        let began = Instant::now();
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
        let command = command
            .current_dir(home.path())
            .env("UCP", env!("CARGO_BIN_EXE_ucp-streams"));
        let output = command
            .env("UCP_STREAMS_URL", server.url())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said, began.elapsed())
    };
    let may = [
        "--user",
        "--map-root-user",
        "--mount",
        "mount",
        "--bind",
        "/dev/null",
        "/etc/hosts",
    ];
    if !Command::new("unshare")
        .args(may)
        .status()
        .is_ok_and(|it| it.success())
    {
        eprintln!("SKIPPED: no file of this system can be replaced for one process");
        return;
    }
    let publish = |count: usize| {
        for _ in 0..count {
            server.redis(&["XADD", "orders", "*", "n", "1"]);
        }
    };
    // The first attempt reaches the second address, and what comes after it begins there.
    publish(4);
    let (code, said, took) = worker("--max-deliveries 1");
    assert_eq!(code, Some(0), "{said}");
    assert!(took < Duration::from_secs(6), "{took:?}: {said}");
    assert_eq!(service.heard().matches("POST /h").count(), 4);
    // The first address has its share of a short attempt, too.
    publish(1);
    let (code, said, _) = worker("--handler-timeout 1s --max-deliveries 1");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(service.heard().matches("POST /h").count(), 5);
}
