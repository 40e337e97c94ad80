//! Production: consent takes the context's name, however the server was reached.

use std::path::Path;

use ucp_streams::cli::Globals;
use ucp_streams::console::{Console, Terminal};
use ucp_streams::model::{Kind, Problem};
use ucp_streams::server::Options;
use ucp_streams::settings::{DisplaySettings, Env, Settings};

use crate::contexts::Home;
use crate::support::{TestServer, directory, free_port};
use crate::terminal::Terminal as Typed;

const CONFIG: &str = "\
[contexts.prod]
url = \"redis://cache.invalid:6379\"
production = true
[contexts.local]
url = \"redis://127.0.0.1:6399\"
production = true
[contexts.tunnel]
url = \"redis://localhost:6399/2\"
[contexts.staging]
url = \"redis://staging.invalid:6379\"
";

/// What consent to a plan meets off a terminal, with these flags.
fn consent(globals: &Globals) -> Result<(), Problem> {
    let home = directory();
    let dir = home.path().join("ucp-streams");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("config.toml"), CONFIG).unwrap();
    let env = Env::of(|name| (name == "XDG_CONFIG_HOME").then(|| home.path().into()));
    let settings = Settings::resolve(globals, &env, std::io::empty(), Path::new("/")).unwrap();
    let console = Console::new(
        Terminal::default(),
        DisplaySettings::resolve(globals, &env, false, false),
    );
    let protected = settings.guard.protected(None);
    console
        .confirm("Acknowledges 3 entries of events.raw", protected.as_ref())
        .map(drop)
}

fn flags(url: Option<&str>, context: Option<&str>, yes: bool) -> Globals {
    Globals {
        url: url.map(str::to_owned),
        context: context.map(str::to_owned),
        yes,
        ..Globals::default()
    }
}

#[test]
fn yes_is_enough_elsewhere_and_takes_the_name_in_production() {
    for (url, context, yes, agreed) in [
        (None, Some("staging"), true, true),
        (None, Some("staging"), false, false),
        (None, Some("prod"), true, true),
        (None, Some("prod"), false, false),
        (Some("redis://cache.invalid"), None, true, false),
        (Some("rediss://u:p@CACHE.invalid:6379/7"), None, true, false),
        (Some("redis://localhost:6399"), None, true, false),
        (None, Some("tunnel"), true, false),
        (None, Some("local"), true, true),
        (Some("redis://127.0.0.1:6398"), None, true, true),
    ] {
        let outcome = consent(&flags(url, context, yes));
        assert_eq!(outcome.is_ok(), agreed, "{url:?} {context:?} {yes}");
    }
}

#[test]
fn the_refusal_names_the_context_and_the_way_to_agree() {
    let problem = consent(&flags(Some("redis://cache.invalid"), None, true)).unwrap_err();
    assert_eq!(problem.kind, Kind::Refused);
    assert!(problem.message.contains("the production context `prod`"));
    assert!(
        problem
            .message
            .contains("Acknowledges 3 entries of events.raw")
    );
    assert!(problem.hint.unwrap().contains("--context prod --yes"));
}

/// A home with the context `prod`, a server of its own with an entry pending, and its URL.
fn production() -> (Home, TestServer) {
    let (home, server) = (Home::new(), TestServer::start());
    server.redis(&["XADD", "s", "1-0", "f", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
    let add = [
        "context",
        "add",
        "prod",
        "-u",
        &server.url(),
        "--production",
    ];
    home.ucp(&add).assert_code(0);
    home.ucp(&["context", "use", "prod"]).assert_code(0);
    (home, server)
}

fn pending(server: &TestServer) -> i64 {
    server.redis(&["XPENDING", "s", "g"]).items()[0].int()
}

const ACK: [&str; 5] = ["ack", "g", "1-0", "--stream", "s"];

#[test]
fn a_script_agrees_with_the_name_and_with_nothing_less() {
    let (home, server) = production();
    let url = server.url();
    for flags in [
        &["-u", &url, "--yes"][..],
        &["--yes"],
        &["--context", "prod"],
        &[],
    ] {
        let is_named = flags.contains(&"--context");
        home.ucp(&[&ACK, flags].concat())
            .assert_code(6)
            .stderr_has("production context `prod`")
            .stderr_has(if is_named {
                "add --yes to agree"
            } else {
                "--context prod --yes"
            });
        home.command(&[&ACK, flags].concat())
            .env("REDIS_URL", &url)
            .run()
            .assert_code(6);
    }
    assert_eq!(pending(&server), 1);
    home.ucp(&[&ACK[..], &["--context", "prod", "--yes"]].concat())
        .assert_code(0);
    assert_eq!(pending(&server), 0);
}

#[test]
fn at_a_terminal_the_name_is_typed_even_with_yes() {
    let (home, server) = production();
    let env = [("HOME", home.path().to_str().unwrap())];
    let url = server.url();
    for (typed, code, left) in [("y", 6, 1), ("", 6, 1), ("prod", 0, 0)] {
        let words = [&ACK[..], &["-u", &url, "--yes"]].concat();
        let mut terminal = Typed::run(&words, &env);
        terminal
            .await_text("This is production. Type prod to proceed")
            .type_line(typed);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, Some(code), "{typed:?}: {shown}");
        assert_eq!(pending(&server), left, "{shown}");
    }
}

#[test]
fn a_socket_and_a_port_of_the_same_server_are_one() {
    let port = free_port();
    let server = TestServer::with_options(Options {
        port: Some(port),
        ..Options::default()
    });
    let other = TestServer::start();
    let home = Home::new();
    let address = format!("redis://localhost:{port}");
    home.ucp(&["context", "add", "prod", "-u", &address, "--production"])
        .assert_code(0);
    for server in [&server, &other] {
        server.redis(&["XADD", "s", "1-0", "f", "v"]);
        server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
        server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
    }
    let ack = |server: &TestServer| {
        let url = server.url();
        home.ucp(&[&ACK[..], &["-u", &url, "--yes"]].concat())
    };
    ack(&server)
        .assert_code(6)
        .stderr_has("production context `prod`");
    assert_eq!(pending(&server), 1);
    ack(&other).assert_code(0);
    assert_eq!(pending(&other), 0);
    // Who may not ask the server is asked for the name.
    server.redis(&["ACL", "SETUSER", "default", "-info"]);
    ack(&server)
        .assert_code(6)
        .stderr_has("cannot tell whether this is a production server");
    assert_eq!(pending(&server), 1);
}

#[test]
fn what_others_took_while_consent_was_asked_for_is_said_so() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-0", "f", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XGROUP", "CREATECONSUMER", "s", "g", "heir"]);
    server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
    let url = server.url();
    let claim = [
        "claim", "g", "--stream", "s", "--idle", "0s", "--to", "heir",
    ];
    let home = directory();
    let place = [("HOME", home.path().to_str().unwrap())];
    let mut terminal = Typed::run(&[&claim[..], &["-u", &url]].concat(), &place);
    terminal.await_text("Proceed? [y/N]");
    server.redis(&["XACK", "s", "g", "1-0"]);
    terminal.type_line("y");
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(6), "{shown}");
    assert!(
        shown.contains("other consumers claimed or acknowledged all of the entries"),
        "{shown}"
    );
    assert!(!shown.contains("none of these ids"), "{shown}");
}

#[test]
fn the_end_of_input_is_no_consent() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-0", "f", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
    let url = server.url();
    let ack = ["ack", "g", "1-0", "--stream", "s", "-u", &url];
    // Ctrl-D.
    let home = directory();
    let place = [("HOME", home.path().to_str().unwrap())];
    let mut terminal = Typed::run(&ack, &place);
    terminal.await_text("Proceed? [y/N]").press("\u{4}");
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(6), "{shown}");
    assert!(shown.contains("declined; nothing was changed"), "{shown}");
    assert_eq!(server.redis(&["XPENDING", "s", "g"]).items()[0].int(), 1);
}

#[test]
fn a_dumb_terminal_is_asked_without_escape_codes() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-0", "f", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
    let url = server.url();
    let ack = ["ack", "g", "1-0", "--stream", "s", "-u", &url];
    let home = directory();
    let place = ("HOME", home.path().to_str().unwrap());
    let mut terminal = Typed::run(&ack, &[("TERM", "dumb"), place]);
    terminal.await_text("Proceed? [y/N]: ").type_line("y");
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(0), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert_eq!(shown.matches("Proceed?").count(), 1, "{shown:?}");
    assert_eq!(server.redis(&["XPENDING", "s", "g"]).items()[0].int(), 0);
}
