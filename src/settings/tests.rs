//! Tests that the right one of several sources wins, and that no secret is shown.

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
        ServerChoice::Server(endpoint) => endpoint,
        ServerChoice::Ephemeral => panic!("not a server"),
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
    let only_db = Globals {
        db: Some(3),
        ..Globals::default()
    };
    for (globals, pairs, shown, origin) in [
        (
            only_db,
            &both[..],
            "redis://ours:1/3",
            Origin::Env("UCP_STREAMS_URL"),
        ),
        (
            url("redis://flag:9"),
            &both,
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
    assert_eq!(settings.target.value, ServerChoice::Ephemeral);
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
    let find = |globals: &Globals, pairs: &[(&str, &str)]| {
        topology(globals, &env(pairs), None, here.path())
    };
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

/// An environment whose home has these contexts, and `selected` among them.
fn home(selected: Option<&str>) -> (tempfile::TempDir, String) {
    let home = tempfile::tempdir().expect("a directory");
    let write = |file: &str, text: &str| {
        let file = home.path().join(file);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        std::fs::write(file, text).expect("written");
    };
    write("pw", "from-file\n");
    write(
        ".config/ucp-streams/config.toml",
        "[contexts.a]\nurl = \"redis://u:in-url@a\"\ntopology = \"t.toml\"\n\
         [contexts.b]\nurl = \"redis://b\"\nuser = \"ops\"\npassword_file = \"~/pw\"\n",
    );
    if let Some(name) = selected {
        write(
            ".local/state/ucp-streams/context.toml",
            &format!("current = \"{name}\"\n"),
        );
    }
    let path = home.path().to_str().expect("UTF-8").to_owned();
    (home, path)
}

#[test]
fn a_context_goes_before_what_is_less_said() {
    let (_home, path) = home(Some("b"));
    let named = Globals {
        context: Some("a".to_owned()),
        ..Globals::default()
    };
    let ours = ("UCP_STREAMS_URL", "redis://ours:1");
    let theirs = ("REDIS_URL", "redis://theirs:2");
    let home = ("HOME", path.as_str());
    for (globals, pairs, shown, origin, context) in [
        (
            url("redis://flag:9"),
            &[home, ours][..],
            "redis://flag:9/0",
            Origin::Flag("--url"),
            None,
        ),
        (
            named,
            &[home, ours],
            "redis://u:***@a:6379/0",
            Origin::Flag("--context"),
            Some("a"),
        ),
        (
            Globals::default(),
            &[home, ours],
            "redis://ours:1/0",
            Origin::Env("UCP_STREAMS_URL"),
            None,
        ),
        (
            Globals::default(),
            &[home, theirs],
            "redis://ops:***@b:6379/0",
            Origin::Context,
            Some("b"),
        ),
    ] {
        let settings = resolve(&globals, pairs).expect("resolves");
        assert_eq!(server(&settings).to_string(), shown);
        assert_eq!(settings.target.origin, origin);
        assert_eq!(settings.context.as_deref(), context);
        let topology = settings.topology.map(|file| file.origin);
        assert_eq!(topology, (context == Some("a")).then_some(Origin::Context));
    }
}

#[test]
fn a_contexts_password_goes_before_the_environments() {
    let (_home, path) = home(Some("b"));
    let pairs = [("HOME", path.as_str()), ("REDISCLI_AUTH", "theirs")];
    let named = |name: &str, password_stdin| Globals {
        context: Some(name.to_owned()),
        password_stdin,
        ..Globals::default()
    };
    for (globals, password, origin) in [
        (Globals::default(), "from-file", Origin::Context),
        (named("a", false), "in-url", Origin::Url),
        (
            named("b", true),
            "from-stdin",
            Origin::Flag("--password-stdin"),
        ),
    ] {
        let settings = resolve(&globals, &pairs).expect("resolves");
        assert_eq!(server(&settings).password.as_deref(), Some(password));
        assert_eq!(settings.password_origin, Some(origin));
    }
}

#[test]
fn a_selected_context_that_is_gone_is_said() {
    let (_home, path) = home(Some("gone"));
    let problem = resolve(&Globals::default(), &[("HOME", &path)]).expect_err("gone");
    assert_eq!(problem.kind, Kind::NotFound);
    assert!(
        problem
            .message
            .starts_with("the selected context no longer exists")
    );
    assert!(resolve(&url("redis://h"), &[("HOME", &path)]).is_ok());
}
