//! TLS: who is trusted, who is refused, and what is said when one side does not speak it. `row_N` is a row of the
//! fault matrix.

use ucp_streams::wire::{Dialer, Endpoint, Scan};

use crate::secured::{Secured, ping};
use crate::support::authority::{Authority, Pair};
use crate::support::{Invocation, PATIENCE, ucp};

pub(crate) const HOST: &str = "localhost";

/// An authority, its certificate for localhost, and a server that shows it.
pub(crate) fn secured(asks_clients: bool) -> (Authority, Secured) {
    let authority = Authority::new();
    let pair = authority.sign("server", &[HOST, "127.0.0.1"]);
    let server = Secured::start(&authority, &pair, asks_clients);
    (authority, server)
}

fn showing(pair: &Pair) -> [&str; 4] {
    [
        "--tls-cert",
        pair.cert.to_str().unwrap(),
        "--tls-key",
        pair.key.to_str().unwrap(),
    ]
}

#[test]
fn a_server_of_a_trusted_authority_is_reached_by_name_and_by_address() {
    let (authority, server) = secured(false);
    for host in [HOST, "127.0.0.1"] {
        ping(&server.url(host), &["--tls-ca", authority.ca()])
            .assert_code(0)
            .stdout_has("rediss://")
            .stderr_is_empty();
    }
    let port = server.tls_port.to_string();
    let by_parts = ["--host", HOST, "--port", &port, "--tls-ca", authority.ca()];
    let run = ucp(&[&by_parts[..], &["-v", "ping"]].concat());
    run.assert_code(0)
        .stderr_has(&format!("TLS trusts {}", authority.ca()));
}

#[test]
fn the_systems_authorities_are_trusted_too() {
    let (authority, server) = secured(false);
    Invocation::new(&["-u", &server.url(HOST), "ping"])
        .env("SSL_CERT_FILE", authority.ca())
        .run()
        .assert_code(0);
}

#[tokio::test]
async fn pages_of_entries_come_and_go_over_tls() {
    let (authority, server) = secured(false);
    let mut endpoint = Endpoint::parse(&server.url(HOST)).unwrap();
    endpoint.tls_options.ca = Some(authority.ca().into());
    let dialer = Dialer::new(endpoint, PATIENCE);
    let mut lane = dialer.lane().await.unwrap();
    let value = vec![b'v'; 1000];
    for number in 1..=3000 {
        let id = format!("1-{number}");
        lane.push(&[b"XADD", b"s", id.as_bytes(), b"field", &value]);
    }
    lane.flush().await.unwrap();
    lane.added(3000, |added| Ok(added.map(|_| ())?))
        .await
        .unwrap();
    let range = Scan {
        page: 100,
        ..Scan::ALL
    };
    let (stream, mut seen) = ("s".into(), 0);
    let scanned = lane.scan(&stream, range, |_, fields| {
        seen += fields.len();
        Ok(())
    });
    scanned.await.unwrap();
    assert_eq!(seen, 3000);
}

#[test]
fn row_28_an_unknown_authority_is_5_and_names_the_way_out() {
    let (_, server) = secured(false);
    let other = Authority::new();
    ping(&server.url(HOST), &["--tls-ca", other.ca()])
        .assert_code(5)
        .stdout_is("")
        .stderr_has(&format!(
            "is signed by an authority that is not in {}",
            other.ca()
        ))
        .stderr_has("hint: name the file of its own authority with --tls-ca");
    Invocation::new(&["-u", &server.url(HOST), "ping"])
        .env("SSL_CERT_FILE", other.ca())
        .run()
        .assert_code(5)
        .stderr_has("signed by an authority that this machine does not trust")
        .stderr_has("--tls-ca");
}

#[test]
fn row_28_another_name_is_5_and_says_which() {
    let authority = Authority::new();
    let pair = authority.sign("server", &["cache.example", "10.0.0.1"]);
    let server = Secured::start(&authority, &pair, false);
    ping(&server.url(HOST), &["--tls-ca", authority.ca()])
        .assert_code(5)
        .stderr_has("is for cache.example, 10.0.0.1, not for localhost")
        .stderr_has("hint:");
}

#[test]
fn row_28_an_expired_certificate_is_5_and_says_since_when() {
    let authority = Authority::new();
    let pair = authority.sign_until("server", &[HOST], 2021);
    let server = Secured::start(&authority, &pair, false);
    ping(&server.url(HOST), &["--tls-ca", authority.ca()])
        .assert_code(5)
        .stderr_has("expired at 2021-01-01T00:00:00.000Z")
        .stderr_has("hint: renew the certificate");
}

#[test]
fn a_client_certificate_is_shown_when_the_server_asks() {
    let (authority, server) = secured(true);
    let trust = ["--tls-ca", authority.ca()];
    let url = server.url(HOST);
    let good = authority.sign("client", &["ops"]);
    ping(&url, &[&trust[..], &showing(&good)].concat()).assert_code(0);
    ping(&url, &trust)
        .assert_code(5)
        .stderr_has("asks for a client certificate")
        .stderr_has("hint: give one with --tls-cert and --tls-key");
    let other = Authority::new();
    let strange = other.sign("client", &["ops"]);
    ping(&url, &[&trust[..], &showing(&strange)].concat())
        .assert_code(5)
        .stderr_has("does not accept this client certificate");
}

#[test]
fn row_29_plain_to_a_tls_port_is_4_and_names_the_scheme() {
    let (_, server) = secured(true);
    let run = ping(&format!("redis://{HOST}:{}", server.tls_port), &[]);
    run.assert_code(4)
        .stderr_has("uses TLS, and this connection does not")
        .stderr_has("hint: connect with rediss:// instead of redis://");
}

#[test]
fn row_29_tls_to_a_plain_port_is_4_and_names_the_scheme() {
    let (authority, server) = secured(false);
    let url = format!("rediss://{HOST}:{}", server.plain_port);
    ping(&url, &["--tls-ca", authority.ca(), "--timeout", "2s"])
        .assert_code(4)
        .stderr_has("does not use TLS")
        .stderr_has("hint: connect with redis:// instead of rediss://");
}

#[test]
fn files_that_are_wrong_are_named() {
    let authority = Authority::new();
    let (one, two) = (authority.sign("one", &["a"]), authority.sign("two", &["b"]));
    let url = "rediss://127.0.0.1:1";
    ping(url, &["--tls-ca", "/nowhere/ca.pem"])
        .assert_code(74)
        .stderr_has("--tls-ca: cannot read /nowhere/ca.pem");
    ping(url, &["--tls-cert", one.cert.to_str().unwrap()])
        .assert_code(2)
        .stderr_has("--tls-key");
    ping("redis://127.0.0.1:1", &["--tls-ca", authority.ca()])
        .assert_code(2)
        .stderr_has("hint: connect with rediss://");
    let (_, server) = secured(false);
    let url = server.url(HOST);
    let key = one.key.to_str().unwrap();
    ping(&url, &["--tls-ca", key])
        .assert_code(5)
        .stderr_has("contains no certificate");
    let crossed = Pair {
        cert: one.cert.clone(),
        key: two.key,
    };
    ping(&url, &showing(&crossed))
        .assert_code(5)
        .stderr_has("does not belong to the certificate");
}

#[test]
fn field_e6_a_mark_is_no_part_of_a_pem_file() {
    let (authority, server) = secured(true);
    let good = authority.sign("client", &["ops"]);
    let ca = std::path::Path::new(authority.ca());
    for file in [ca, &good.cert, &good.key] {
        let text = std::fs::read_to_string(file).unwrap();
        std::fs::write(file, format!("\u{feff}{text}")).unwrap();
    }
    let given = [&["--tls-ca", authority.ca()][..], &showing(&good)].concat();
    ping(&server.url(HOST), &given).assert_code(0);
    std::fs::write(ca, b"\xff\xfe-\0-\0").unwrap();
    ping(&server.url(HOST), &given)
        .assert_code(5)
        .stderr_has("it is UTF-16, not UTF-8");
}

#[test]
fn the_demo_and_the_worker_it_starts_speak_tls() {
    let (authority, server) = secured(true);
    let pair = authority.sign("client", &["ops"]);
    let url = server.url(HOST);
    let trust = ["-u", &url, "--tls-ca", authority.ca()];
    Invocation::new(&[&trust[..], &showing(&pair), &["demo"]].concat())
        .timeout(PATIENCE * 2)
        .run()
        .assert_code(0);
}

#[test]
fn another_name_may_be_expected_on_purpose() {
    let authority = Authority::new();
    let pair = authority.sign("server", &["cache.example"]);
    let server = Secured::start(&authority, &pair, false);
    let trust = ["--tls-ca", authority.ca(), "--tls-server-name"];
    let url = server.url("127.0.0.1");
    ping(&url, &[&trust[..], &["cache.example"]].concat()).assert_code(0);
    ping(&url, &[&trust[..], &["other.example"]].concat())
        .assert_code(5)
        .stderr_has("is for cache.example, not for other.example");
}
