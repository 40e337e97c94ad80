//! Who may ask: the host, the method, the token.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::client::{Served, begun, serve};
use crate::support::{TestServer, directory};

const TOKEN: &str = "0123456789abcdef-token";

fn token_file(directory: &Path, text: &str, mode: u32) -> String {
    let file = directory.join("token");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_request_names_this_server_and_only_reads() {
    let server = TestServer::start();
    let site = serve(&server, &["--serve-host", "streams.example"]);
    let status = |request: &str| {
        site.ask(&format!("{request}\r\nConnection: close\r\n\r\n"))
            .status
    };
    for host in ["localhost", "127.0.0.1:7070", "[::1]", "Streams.Example:80"] {
        assert_eq!(
            status(&format!("GET /healthz HTTP/1.1\r\nHost: {host}")),
            200,
            "{host}"
        );
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""] {
        assert_eq!(
            status(&format!("GET /api/groups HTTP/1.1\r\nHost: {host}")),
            421,
            "{host}"
        );
    }
    assert_eq!(
        status("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil"),
        400
    );
    // As to a proxy.
    for (target, expected) in [
        ("evil.example", 421),
        ("user@localhost", 421),
        ("localhost:80", 200),
    ] {
        let request = format!("GET http://{target}/healthz HTTP/1.1\r\nHost: localhost");
        assert_eq!(status(&request), expected, "{target}");
    }
    assert_eq!(status("GET /healthz HTTP/1.1"), 400);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let answer = site.ask(&format!(
            "{method} /api/groups HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ));
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("get, head")),
            "{method}"
        );
    }
    let long = format!("GET /?{} HTTP/1.1\r\nHost: localhost", "x".repeat(5000));
    assert_eq!(status(&long), 414);
    let answer = site.get("/api/groups");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "deny"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert!(
        answer
            .header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
    // No page of another site may read an answer.
    let other = site.get_with("/api/groups", "Origin: https://evil.example\r\n");
    assert_eq!(other.header("access-control-allow-origin"), None);
}

fn with_token(server: &TestServer) -> Served {
    let home = directory();
    let file = token_file(home.path(), &format!("{TOKEN}\n"), 0o600);
    let mut process = server
        .command(&["serve", "--listen", "127.0.0.1:0", "--token-file", &file])
        .spawn();
    let line = process.await_stderr(" at http://127.0.0.1:");
    let (_, rest) = line.rsplit_once("http://").unwrap();
    Served {
        address: rest.trim_end_matches(['/', '\n', '\r']).to_owned(),
        process,
    }
}

#[test]
fn with_a_token_file_everything_but_health_needs_the_token() {
    let server = TestServer::start();
    let site = with_token(&server);
    for path in [
        "/",
        "/metrics",
        "/api/groups",
        "/api/streams/events.raw",
        "/api/openapi.json",
        "/assets/x",
        "/nothing",
        "/healthz/",
    ] {
        for header in [
            String::new(),
            "Authorization: Bearer wrong\r\n".to_owned(),
            format!("Authorization: Bearer {TOKEN}x\r\n"),
            format!("Authorization: Bearer {}\r\n", &TOKEN[1..]),
            format!("Authorization: Basic {TOKEN}\r\n"),
            format!("Authorization: {TOKEN}\r\n"),
            format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n"),
            format!("X-Token: {TOKEN}\r\n"),
        ] {
            let answer = site.get_with(path, &header);
            assert_eq!(answer.status, 401, "{path} {header}");
            assert_eq!(answer.header("www-authenticate"), Some("bearer"));
        }
        assert_eq!(site.get(&format!("{path}?token={TOKEN}")).status, 401);
    }
    assert_eq!(site.get("/healthz").status, 200);
    assert!([200, 503].contains(&site.get("/readyz").status));
    let header = format!("Authorization: Bearer {TOKEN}\r\n");
    assert_eq!(site.get_with("/api/openapi.json", &header).status, 200);
    let header = format!("authorization: bearer {TOKEN}\r\n");
    assert_eq!(site.get_with("/api/openapi.json", &header).status, 200);
}

#[test]
fn a_person_at_a_browser_is_asked_for_the_token_and_gets_nothing_else() {
    let server = TestServer::start();
    let site = with_token(&server);
    let accept = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    let answer = site.get_with("/", accept);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("www-authenticate"), Some("bearer"));
    assert!(answer.body.contains("type=\"password\""), "{answer:?}");
    assert!(!answer.body.contains("id=\"groups\""), "{answer:?}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
    assert!(!policy.contains("unsafe"), "{policy}");
    for path in [
        "/api/groups",
        "/assets/page.js",
        "/assets/page.css",
        "/nothing",
    ] {
        let answer = site.get_with(path, accept);
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    let header = format!("{accept}Authorization: Bearer {TOKEN}\r\n");
    let page = site.get_with("/", &header);
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'self'; style-src 'self'; ") && !policy.contains("unsafe"),
        "{policy}"
    );
    for (name, kind) in [
        ("page.js", "text/javascript"),
        ("page.css", "text/css"),
        ("uplot-licence.txt", "text/plain"),
    ] {
        let part = site.get_with(&format!("/assets/{name}"), &header);
        assert_eq!(part.status, 200, "{name}");
        assert!(
            part.header("content-type").unwrap().starts_with(kind),
            "{name}"
        );
    }
}

#[test]
fn other_machines_need_a_token_and_its_file_is_its_owners() {
    let server = TestServer::start();
    let home = directory();
    let refused = |args: &[&str], text: &str| {
        server
            .ucp(&[&["serve"], args].concat())
            .assert_code(2)
            .stderr_has(text);
    };
    refused(&["--listen", "0.0.0.0:0"], "give --token-file");
    refused(&["--listen", "[::]:0"], "give --token-file");
    let file = token_file(home.path(), TOKEN, 0o640);
    refused(&["--token-file", &file], "chmod 600");
    for text in [
        "short",
        "",
        "two words of a token here",
        "0123456789abcdef\n0123456789abcdef\n",
    ] {
        let file = token_file(home.path(), text, 0o600);
        refused(&["--token-file", &file], "16 to 4096");
    }
    server
        .ucp(&["serve", "--token-file", "/nowhere"])
        .assert_code(74)
        .stderr_has("cannot read the token file /nowhere");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    server
        .ucp(&["serve", "--listen", &address])
        .assert_code(74)
        .stderr_has("--listen");
}

#[test]
fn without_a_token_a_warning_says_who_can_read() {
    let server = TestServer::start();
    let site = begun(server.command(&["serve", "--listen", "127.0.0.1:0"]));
    site.process
        .terminate()
        .assert_code(0)
        .stderr_has("every user of this machine can read");
}
