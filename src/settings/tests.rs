//! Which of several sources wins, and that no secret shows.

use std::path::Path;

use super::*;
use crate::model::Kind;

fn env(pairs: &[(&str, &str)]) -> Env {
    Env::of(|variable| {
        pairs
            .iter()
            .find(|(name, _)| *name == variable)
            .map(|(_, value)| (*value).into())
    })
}

fn resolve(globals: &Globals, pairs: &[(&str, &str)]) -> Result<Settings, Problem> {
    Settings::resolve(
        globals,
        &env(pairs),
        &b"from-stdin\n"[..],
        Path::new("/nonexistent"),
    )
}

fn url(url: &str) -> Globals {
    Globals {
        url: Some(url.to_owned()),
        ..Globals::default()
    }
}

fn server(settings: &Settings) -> &Endpoint {
    match &settings.target.value {
        Target::Server(endpoint) => endpoint,
        Target::Ephemeral => panic!("not a server"),
    }
}

#[test]
fn the_server_comes_from_the_first_that_names_one() {
    let both = [
        ("UCP_STREAMS_URL", "redis://ours:1"),
        ("REDIS_URL", "redis://theirs:2"),
    ];
    let parts = Globals {
        port: Some(7000),
        db: Some(2),
        ..Globals::default()
    };
    for (globals, pairs, shown, origin) in [
        (
            url("redis://flag:9"),
            &both[..],
            "redis://flag:9/0",
            Origin::Flag("--url"),
        ),
        (
            parts,
            &both,
            "redis://127.0.0.1:7000/2",
            Origin::Flag("--port"),
        ),
        (
            Globals::default(),
            &both,
            "redis://ours:1/0",
            Origin::Env("UCP_STREAMS_URL"),
        ),
        (
            Globals::default(),
            &both[1..],
            "redis://theirs:2/0",
            Origin::Env("REDIS_URL"),
        ),
        (
            Globals::default(),
            &[("REDIS_URL", "")],
            "redis://127.0.0.1:6379/0",
            Origin::Default,
        ),
    ] {
        let settings = resolve(&globals, pairs).expect("resolves");
        assert_eq!(server(&settings).to_string(), shown);
        assert_eq!(settings.target.origin, origin);
    }
    let settings = resolve(&url("ephemeral:"), &[]).expect("resolves");
    assert_eq!(settings.target.value, Target::Ephemeral);
    let with_user = Globals {
        user: Some("ops".to_owned()),
        ..url("ephemeral:")
    };
    let refused = resolve(&with_user, &[]).expect_err("no users there");
    assert_eq!(refused.kind, Kind::Usage);
}

#[test]
fn an_address_of_version_six_is_a_host() {
    for host in ["::1", "[::1]"] {
        let globals = Globals {
            host: Some(host.to_owned()),
            ..Globals::default()
        };
        let settings = resolve(&globals, &[]).expect("resolves");
        assert_eq!(server(&settings).to_string(), "redis://[::1]:6379/0");
    }
}

#[test]
fn the_password_that_was_meant_for_this_server_wins() {
    let environment = [
        ("UCP_STREAMS_PASSWORD", "ours"),
        ("REDISCLI_AUTH", "theirs"),
    ];
    let from_stdin = |base: Globals| Globals {
        password_stdin: true,
        ..base
    };
    for (globals, pairs, password, origin) in [
        (
            Globals::default(),
            &environment[..],
            "ours",
            Origin::Env("UCP_STREAMS_PASSWORD"),
        ),
        (
            Globals::default(),
            &environment[1..],
            "theirs",
            Origin::Env("REDISCLI_AUTH"),
        ),
        (
            url("redis://:in-url@h"),
            &environment,
            "in-url",
            Origin::Url,
        ),
        (
            from_stdin(url("redis://:in-url@h")),
            &environment,
            "from-stdin",
            Origin::Flag("--password-stdin"),
        ),
    ] {
        let settings = resolve(&globals, pairs).expect("resolves");
        assert_eq!(server(&settings).password.as_deref(), Some(password));
        assert_eq!(settings.password_origin, Some(origin));
    }
}

#[test]
fn no_secret_shows() {
    let globals = Globals {
        user: Some("ops".to_owned()),
        ..url("redis://:canary@h")
    };
    let settings = resolve(&globals, &[]).expect("resolves");
    let shown = format!(
        "{settings:?} {:?} {:?}",
        settings.describe(),
        settings.warnings
    );
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("redis://ops:***@h:6379/0"), "{shown}");
    assert_eq!(
        settings.warnings.len(),
        1,
        "a password in argv is warned of"
    );
    let environment = env(&[("REDISCLI_AUTH", "canary")]);
    assert!(!format!("{environment:?}").contains("canary"));
    let problem = resolve(&url("redis://:canary@h/x/y"), &[]).expect_err("no server");
    assert_eq!(problem.kind, Kind::Usage);
    assert!(!problem.message.contains("canary"), "{}", problem.message);
}

#[test]
fn the_topology_file_is_found() {
    let here = tempfile::tempdir().expect("a directory");
    let find =
        |globals: &Globals, pairs: &[(&str, &str)]| topology(globals, &env(pairs), here.path());
    assert_eq!(find(&Globals::default(), &[]), None);
    std::fs::write(here.path().join(TOPOLOGY_FILE), "").expect("written");
    let origin = |found: Option<Setting<PathBuf>>| found.map(|setting| setting.origin);
    assert_eq!(origin(find(&Globals::default(), &[])), Some(Origin::Here));
    let pairs = [("UCP_STREAMS_TOPOLOGY", "/t.toml")];
    assert_eq!(
        origin(find(&Globals::default(), &pairs)),
        Some(Origin::Env("UCP_STREAMS_TOPOLOGY"))
    );
    let globals = Globals {
        topology: Some("/f.toml".into()),
        ..Globals::default()
    };
    assert_eq!(
        origin(find(&globals, &pairs)),
        Some(Origin::Flag("--topology"))
    );
}
