//! Named connections: kept, selected, shown without secrets, used in their turn.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{Invocation, Run, TestServer, directory};
use crate::terminal::Terminal;

/// A home directory that outlives a run.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(directory())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn ucp(&self, args: &[&str]) -> Run {
        self.command(args).run()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Invocation {
        Invocation::new(args)
            .env("HOME", self.path())
            .in_dir(self.path())
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join(".config/ucp-streams/config.toml")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join(".local/state/ucp-streams/context.toml")
    }

    /// A file only its owner may read.
    pub(crate) fn secret(&self, name: &str, text: &str) -> String {
        let file = self.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

#[test]
fn the_first_context_is_used_at_once_and_others_in_their_turn() {
    let (home, one, two) = (Home::new(), TestServer::start(), TestServer::start());
    let address = |server: &TestServer| server.socket().to_str().unwrap().to_owned();
    home.ucp(&["context", "list"])
        .assert_code(0)
        .stderr_has("context add NAME");
    home.ucp(&["context", "add", "one", "-u", &one.url()])
        .assert_code(0)
        .stdout_is("")
        .stderr_has("context one")
        .stderr_has("is selected");
    home.ucp(&["ping"])
        .assert_code(0)
        .stdout_has(&address(&one));
    home.ucp(&["context", "add", "two", "-u", &two.url()])
        .assert_code(0)
        .stderr_has("context use two");
    home.ucp(&["ping"]).stdout_has(&address(&one));
    home.ucp(&["--context", "two", "ping"])
        .stdout_has(&address(&two));
    home.ucp(&["context", "use", "two"]).assert_code(0);
    home.ucp(&["-v", "ping"])
        .stdout_has(&address(&two))
        .stderr_has("from the selected context (context two)");
    home.command(&["ping"])
        .env("UCP_STREAMS_URL", one.url())
        .run()
        .stdout_has(&address(&one));
    home.ucp(&["context", "previous"]).assert_code(0);
    home.ucp(&["ping"]).stdout_has(&address(&one));
    home.ucp(&["context", "previous"]).assert_code(0);
    home.ucp(&["context", "check"])
        .assert_code(0)
        .stdout_has(&address(&two));
    home.ucp(&["context", "check", "one"])
        .stdout_has(&address(&one));
    let list = home.ucp(&["context", "list", "-o", "json"]).stdout_json();
    assert_eq!(list[0]["name"], "one");
    assert_eq!(
        (&list[0]["selected"], &list[1]["selected"]),
        (&false.into(), &true.into())
    );
    home.ucp(&["context", "remove", "two"])
        .assert_code(0)
        .stderr_has("no context is selected now");
    home.ucp(&["context", "show"])
        .assert_code(3)
        .stderr_has("no context is selected");
    home.ucp(&["context", "use", "onee"])
        .assert_code(3)
        .stderr_has("did you mean `one`?");
}

#[test]
fn a_context_brings_user_password_and_topology() {
    let (home, server) = (Home::new(), TestServer::start());
    server.redis(&["ACL", "SETUSER", "ops", "on", ">canary", "~*", "+@all"]);
    let password = home.secret("pw", "canary\n");
    let add = [
        "context",
        "add",
        "ops",
        "-u",
        &server.url(),
        "--user",
        "ops",
    ];
    home.ucp(&[&add[..], &["--password-file", "pw"]].concat())
        .assert_code(0);
    home.ucp(&["-v", "ping"])
        .assert_code(0)
        .stderr_has("password from the selected context");
    server.redis(&["ACL", "SETUSER", "default", "off"]);
    home.ucp(&["ping"]).assert_code(0);
    let show = home.ucp(&["context", "show", "-o", "json"]).stdout_json();
    assert_eq!(show["password"], password);
    fs::write(&password, "wrong\n").unwrap();
    home.ucp(&["context", "check"])
        .assert_code(5)
        .stderr_has("refused the password of user `ops`")
        .stderr_lacks("wrong\n");
    fs::remove_file(password).unwrap();
    home.ucp(&["context", "check"])
        .assert_code(74)
        .stderr_has("pw");
    fs::write(home.path().join("t.toml"), "[streams.mine]\nmaxlen = 7\n").unwrap();
    home.ucp(&[
        "context",
        "edit",
        "ops",
        "--topology",
        "t.toml",
        "--unset",
        "user,password_file",
    ])
    .assert_code(0);
    let shown = home
        .ucp(&["context", "show", "ops", "-o", "json"])
        .stdout_json();
    assert!(shown["password"].is_null());
    assert!(shown["topology"].as_str().unwrap().ends_with("/t.toml"));
}

#[test]
fn edits_keep_what_the_operator_wrote_and_ask_for_sense() {
    let home = Home::new();
    home.ucp(&[
        "context",
        "add",
        "a",
        "--host",
        "cache.internal",
        "--port",
        "7000",
    ])
    .assert_code(0);
    let file = home.config();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(
        text,
        "[contexts.a]\nurl = \"redis://cache.internal:7000/0\"\n"
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&home.state())), (0o600, 0o600));
    fs::write(&file, format!("# ours\n{text}")).unwrap();
    home.ucp(&["context", "edit", "a", "--production"])
        .assert_code(0);
    let after = fs::read_to_string(&file).unwrap();
    assert_eq!(after, format!("# ours\n{text}production = true\n"));
    for (args, code) in [
        (&["add", "a", "-u", "redis://h"][..], 6),
        (&["add", "b"], 2),
        (&["add", "b c", "-u", "redis://h"], 2),
        (&["add", "b", "-u", "ephemeral:"], 2),
        (&["edit", "a"], 2),
        (&["edit", "a", "--unset", "url"], 2),
        (&["edit", "a", "--tls-ca", "ca.pem"], 2),
        (&["edit", "b", "--user", "u"], 3),
        (&["add", "b", "-u", "redis://h", "--password-stdin"], 2),
        (&["check", "a", "-u", "redis://h"], 2),
    ] {
        home.ucp(&[&["context"], args].concat()).assert_code(code);
        assert_eq!(fs::read_to_string(&file).unwrap(), after, "{args:?}");
    }
}

/// A remote server with all there is to lose.
const REMOTE: &str = "\
[contexts.far]
url = \"rediss://ops:canary@cache.internal:6380/2?protocol=resp3\" # behind the VPN
user = \"ops\"
password_file = \"/pw\"
tls_ca = \"/ca.pem\"
tls_cert = \"/cert.pem\"
tls_key = \"/key.pem\"
tls_server_name = \"cache\"
topology = \"/t.toml\"
production = true
";

#[test]
fn an_edit_changes_only_what_was_given() {
    let home = Home::new();
    fs::create_dir_all(home.config().parent().unwrap()).unwrap();
    for (args, was, is) in [
        (&["--db", "3"][..], ":6380/2?", ":6380/3?"),
        (&["--port", "7000"], ":6380/", ":7000/"),
        (&["--host", "h"], "@cache.internal:", "@h:"),
        (&["--host", "::1"], "@cache.internal:", "@[::1]:"),
        (&["--user", "u"], "user = \"ops\"", "user = \"u\""),
        (&["--password-file", "/b"], "\"/pw\"", "\"/b\""),
        (&["--tls-ca", "/b"], "\"/ca.pem\"", "\"/b\""),
        (&["--tls-cert", "/b"], "\"/cert.pem\"", "\"/b\""),
        (&["--tls-key", "/b"], "\"/key.pem\"", "\"/b\""),
        (&["--tls-server-name", "b"], "\"cache\"", "\"b\""),
        (&["--topology", "/b"], "\"/t.toml\"", "\"/b\""),
        (&["--production", "false"], "true", "false"),
        (&["--unset", "topology"], "topology = \"/t.toml\"\n", ""),
        (
            &["--url", "rediss://h:1/0"],
            "rediss://ops:canary@cache.internal:6380/2?protocol=resp3",
            "rediss://h:1/0",
        ),
    ] {
        fs::write(home.config(), REMOTE).unwrap();
        home.ucp(&[&["context", "edit", "far"], args].concat())
            .assert_code(0)
            .stderr_has("context far")
            .stderr_lacks("canary");
        let after = fs::read_to_string(home.config()).unwrap();
        assert_eq!(after, REMOTE.replacen(was, is, 1), "{args:?}");
    }
}

#[test]
fn a_sockets_context_takes_a_database_and_no_host() {
    let home = Home::new();
    fs::create_dir_all(home.config().parent().unwrap()).unwrap();
    fs::write(home.config(), "[contexts.a]\nurl = \"unix:///s\"\n").unwrap();
    home.ucp(&["context", "edit", "a", "--port", "7"])
        .assert_code(2)
        .stderr_has("that of a unix socket, which has no host or port")
        .stderr_has("--url");
    home.ucp(&["context", "edit", "a", "--db", "7"])
        .assert_code(0);
    let after = fs::read_to_string(home.config()).unwrap();
    assert_eq!(after, "[contexts.a]\nurl = \"unix:///s?db=7\"\n");
}

#[test]
fn a_config_that_may_only_be_read_can_be_selected_from() {
    let home = Home::new();
    fs::create_dir_all(home.config().parent().unwrap()).unwrap();
    fs::write(home.config(), "[contexts.a]\nurl = \"redis://:canary@h\"\n").unwrap();
    fs::set_permissions(home.config(), fs::Permissions::from_mode(0o444)).unwrap();
    home.ucp(&["context", "use", "a"])
        .assert_code(0)
        .stderr_has("holds a password and can be read by other users")
        .stderr_has("redis://:***@h:6379/0")
        .stderr_lacks("canary");
    home.ucp(&["context", "show"])
        .assert_code(0)
        .stdout_lacks("canary");
}

#[test]
fn a_broken_config_is_named_with_its_line_and_stops_what_it_could_mislead() {
    let (home, server) = (Home::new(), TestServer::start());
    fs::create_dir_all(home.config().parent().unwrap()).unwrap();
    let text = "[contexts.a]\nurl = \"redis://h\"\nproduktion = true\n";
    fs::write(home.config(), text).unwrap();
    home.ucp(&["-u", &server.url(), "ping"])
        .assert_code(2)
        .stderr_has("config.toml:3: unknown key `produktion`, did you mean `production`?");
    home.ucp(&["--help"]).assert_code(0);
}

#[test]
fn a_password_is_asked_for_at_a_terminal_and_nowhere_else() {
    let (home, server) = (
        Home::new(),
        TestServer::with_args(&["--requirepass", "canary"]),
    );
    home.ucp(&["-u", &server.url(), "ping"])
        .assert_code(5)
        .stderr_has("requires a password")
        .stderr_has("hint: give a password");
    let env = [("HOME", home.path().to_str().unwrap())];
    let mut terminal = Terminal::run(&["-u", &server.url(), "ping"], &env);
    terminal
        .await_text("Password for unix://")
        .await_hidden()
        .type_line("canary");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
    let mut terminal = Terminal::run(&["-u", &server.url(), "ping"], &env);
    terminal
        .await_text("Password for unix://")
        .await_hidden()
        .type_line("wrong");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(5), "{shown}");
    assert!(
        shown.contains("refused the password of user `default`"),
        "{shown}"
    );
}

#[test]
fn names_of_contexts_complete() {
    let home = Home::new();
    home.ucp(&["context", "add", "staging", "-u", "redis://:canary@s"])
        .assert_code(0);
    home.ucp(&["context", "add", "prod", "-u", "redis://p"])
        .assert_code(0);
    for (line, found) in [
        (
            &["context", "use", "=s"][..],
            "staging\tredis://:***@s:6379/0\n",
        ),
        (&["context", "remove", "=p"], "prod\tredis://p:6379/0\n"),
        (
            &["ping", "--context", "=st"],
            "staging\tredis://:***@s:6379/0\n",
        ),
    ] {
        let words = [&["__complete", "ucp-streams"], line].concat();
        home.ucp(&words).assert_code(0).stdout_is(found);
    }
}

#[test]
fn a_server_of_ones_own_is_a_context_while_it_runs() {
    let home = Home::new();
    home.ucp(&["context", "add", "other", "-u", "redis://other.invalid"])
        .assert_code(0);
    home.ucp(&["dev", "start"])
        .assert_code(0)
        .stderr_has("the context `dev` is now selected");
    home.ucp(&["dev", "start"]).assert_code(0);
    home.ucp(&["ping"])
        .assert_code(0)
        .stdout_has(".ucp-streams");
    home.ucp(&["dev", "stop"]).assert_code(0).stderr_is_empty();
    let left = home.ucp(&["context", "list", "-o", "json"]).stdout_json();
    assert_eq!(left.as_array().unwrap().len(), 1);
    // Nothing is selected then: what was selected before could be production.
    assert_eq!(
        (&left[0]["name"], &left[0]["selected"]),
        (&"other".into(), &false.into())
    );
    home.ucp(&["context", "add", "dev", "-u", "redis://ours.invalid"])
        .assert_code(0);
    home.ucp(&["dev", "start"])
        .assert_code(0)
        .stderr_has("there is already a context `dev` of yours");
    home.ucp(&["dev", "stop"]).assert_code(0);
    home.ucp(&["context", "show", "dev"])
        .assert_code(0)
        .stdout_has("ours.invalid");
}

#[test]
fn what_would_not_be_valid_is_named_as_it_was_given() {
    let home = Home::new();
    for (flags, said) in [
        (
            &["--url", "http://h"][..],
            "error: `http://` is not a scheme",
        ),
        (
            &["--url", "redis://h", "--tls-ca", "ca.pem"],
            "error: tls_ca requires a rediss:// url",
        ),
    ] {
        home.ucp(&[&["context", "add", "a"], flags].concat())
            .assert_code(2)
            .stderr_has(said)
            .stderr_lacks("config.toml");
    }
    assert!(!home.config().exists());
}
