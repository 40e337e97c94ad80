//! Where settings come from, and that a context made from flags is what the flags are for one command.

use std::fs;

use crate::contexts::Home;
use crate::support::{Invocation, TestServer};
use crate::tls::{HOST, secured};

#[test]
fn the_origin_of_every_setting_is_said() {
    let (home, server) = (Home::new(), TestServer::start());
    let url = server.add_user("ops", "~* +@all");
    let password = home.secret("secret", "pw\n");
    let run = home.ucp(&[
        "-v",
        "-u",
        &server.url(),
        "--user",
        "ops",
        "--password-file",
        &password,
        "--timeout",
        "7s",
        "-o",
        "json",
        "ping",
    ]);
    run.assert_code(0);
    for said in [
        "server unix://",
        ", from --url\n",
        "user ops, from --user\n",
        "password from --password-file\n",
        "production none, from the default\n",
        "timeout 7000ms, from --timeout\n",
        "topology built in\n",
        "private servers /",
        ", from $UCP_STREAMS_SERVER\n",
        "output json, from --output\n",
        "colour no, from the kind of output\n",
    ] {
        run.stderr_has(said);
    }
    let run = Invocation::new(&["-v", "ping"])
        .env("UCP_STREAMS_URL", url)
        .env("NO_COLOR", "1")
        .run();
    run.assert_code(0)
        .stderr_has("user ops, from the URL\n")
        .stderr_has("password from the URL\n")
        .stderr_has("output plain, from the kind of output\n")
        .stderr_has("colour no, from $NO_COLOR\n");
    home.ucp(&[
        "context",
        "add",
        "prod",
        "-u",
        &server.url(),
        "--user",
        "ops",
        "--production",
    ])
    .assert_code(0);
    home.ucp(&["context", "use", "prod"]).assert_code(0);
    home.ucp(&["context", "edit", "prod", "--password-file", &password])
        .assert_code(0);
    home.ucp(&["-v", "ping"])
        .assert_code(0)
        .stderr_has("user ops, from the selected context\n")
        .stderr_has("production prod, from /")
        .stderr_has("config.toml\n");
}

#[test]
fn the_origin_of_certificates_is_said() {
    let (authority, server) = secured(false);
    let home = Home::new();
    let port = server.tls_port.to_string();
    let flags = [
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--tls-ca",
        authority.ca(),
        "--tls-server-name",
        HOST,
    ];
    home.ucp(&[&flags[..], &["-v", "ping"]].concat())
        .assert_code(0)
        .stderr_has(&format!("TLS trusts {}, from --tls-ca\n", authority.ca()))
        .stderr_has(&format!(
            "certificate's name {HOST}, from --tls-server-name\n"
        ));
    home.ucp(&[&["context", "add", "kept"], &flags[..]].concat())
        .assert_code(0);
    home.ucp(&["-v", "ping"])
        .assert_code(0)
        .stderr_has(&format!(
            "TLS trusts {}, from the selected context\n",
            authority.ca()
        ))
        .stderr_has(&format!(
            "certificate's name {HOST}, from the selected context\n"
        ));
}

#[test]
fn a_context_is_what_its_flags_are_for_one_command() {
    let home = Home::new();
    // Any flag about TLS makes a connection one with it.
    for (name, flag) in [("a", "--tls-server-name"), ("b", "--tls-ca")] {
        home.ucp(&[
            "context",
            "add",
            name,
            "--host",
            "h.invalid",
            "--db",
            "2",
            flag,
            "x",
        ])
        .assert_code(0);
        home.ucp(&["context", "show", name])
            .assert_code(0)
            .stdout_has("rediss://h.invalid:6379/2");
    }
    for host in ["", "a/b", "u@h", "h?x"] {
        for words in [&["ping"][..], &["context", "add", "c"]] {
            home.ucp(&[words, &["--host", host]].concat())
                .assert_code(2)
                .stderr_has(&format!("--host takes a name or an address, not `{host}`"))
                .stderr_has("give a URL with --url instead");
        }
    }
}

#[test]
fn a_server_of_ones_own_leaves_no_context_wherever_it_is() {
    let home = Home::new();
    for dir in ["a b", "ü%20"] {
        let dir = home.path().join(dir);
        fs::create_dir(&dir).unwrap();
        let ucp = |args: &[&str]| {
            let command = Invocation::new(args).env("HOME", home.path());
            command.in_dir(&dir).run()
        };
        ucp(&["dev", "start"])
            .assert_code(0)
            .stderr_has("the context `dev` is now selected");
        ucp(&["dev", "start"])
            .assert_code(0)
            .stderr_has("the context `dev` is now selected");
        ucp(&["ping"]).assert_code(0);
        // What is shown can be used.
        let shown = ucp(&["context", "show", "-o", "json"]).stdout_json();
        ucp(&["-u", shown["url"].as_str().unwrap(), "ping"]).assert_code(0);
        ucp(&["dev", "stop"]).assert_code(0).stderr_is_empty();
        ucp(&["context", "list", "-o", "json"])
            .assert_code(0)
            .stdout_is("[]\n");
    }
}

#[test]
fn files_that_are_mixed_up_are_told_apart() {
    let (authority, server) = secured(true);
    let (one, other) = (
        authority.sign("one", &["one"]),
        authority.sign("other", &["other"]),
    );
    let ping = |flags: &[&str]| {
        let url = server.url(HOST);
        crate::support::ucp(&[&["-u", &url, "ping"], flags].concat())
    };
    let path = |file: &std::path::Path| file.to_str().unwrap().to_owned();
    let (cert, key) = (path(&one.cert), path(&one.key));
    ping(&[
        "--tls-ca",
        authority.ca(),
        "--tls-cert",
        &cert,
        "--tls-key",
        &path(&other.key),
    ])
    .assert_code(5)
    .stderr_has("does not belong to the certificate")
    .stderr_has("hint: name two files that belong together with --tls-cert and --tls-key");
    ping(&["--tls-ca", &key])
        .assert_code(5)
        .stderr_has("contains no certificate in PEM form")
        .stderr_has("hint: give --tls-ca the certificate of the server's authority");
    ping(&[
        "--tls-ca",
        authority.ca(),
        "--tls-cert",
        &key,
        "--tls-key",
        &key,
    ])
    .assert_code(5)
    .stderr_has("hint: give --tls-cert the client's certificate");
    ping(&[
        "--tls-ca",
        authority.ca(),
        "--tls-cert",
        &cert,
        "--tls-key",
        &cert,
    ])
    .assert_code(5)
    .stderr_has("hint: give --tls-key the private key of the certificate that --tls-cert names");
}
