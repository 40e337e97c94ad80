//! Tests of the file, changes to it, and the selection.

use super::*;
use crate::settings::Env;

/// Places in a directory of their own.
fn places(dir: &Path) -> Places {
    Places::of(&Env::of(|variable| {
        (variable == "HOME").then(|| dir.into())
    }))
}

fn with(text: &str) -> (tempfile::TempDir, Places) {
    let dir = tempfile::tempdir().expect("a directory");
    let places = places(dir.path());
    let file = places.config.clone().expect("a file");
    fs::create_dir_all(file.parent().expect("a parent")).expect("made");
    fs::write(file, text).expect("written");
    (dir, places)
}

fn text(places: &Places) -> String {
    fs::read_to_string(places.config.as_deref().expect("a file")).expect("read")
}

const TWO: &str = "\
# of the team
[contexts.staging]
url = \"redis://staging:6379\" # behind the VPN

[contexts.prod]
url = \"rediss://ops:secret@prod:6380/2\"
password_file = \"~/pw\"
tls_ca = \"certs/ca.pem\"
production = true
";

#[test]
fn a_file_is_read_and_its_paths_are_resolved() {
    let (dir, places) = with(TWO);
    let contexts = Contexts::read(&places).expect("reads");
    let names: Vec<_> = contexts.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["prod", "staging"]);
    let prod = contexts.get("prod").expect("there");
    assert_eq!(prod.endpoint.to_string(), "rediss://ops:***@prod:6380/2");
    assert_eq!(prod.password_file, Some(dir.path().join("pw")));
    let ca = dir.path().join(".config/ucp-streams/certs/ca.pem");
    assert_eq!(prod.endpoint.tls_options.ca, Some(ca));
    assert!(prod.production && !contexts.get("staging").expect("there").production);
    assert!(!format!("{contexts:?}").contains("secret"));
    let missing = contexts.get("stagign").expect_err("not there");
    assert!(missing.message.contains("did you mean `staging`?"));
}

#[test]
fn no_file_is_no_context() {
    let dir = tempfile::tempdir().expect("a directory");
    let contexts = Contexts::read(&places(dir.path())).expect("reads");
    assert_eq!(contexts.iter().count(), 0);
    let homeless = Places::of(&Env::of(|_| None));
    assert!(Contexts::read(&homeless).is_ok());
    assert_eq!(
        Selection::default()
            .write(&homeless)
            .expect_err("no home")
            .kind,
        Kind::Local
    );
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_without_secrets() {
    for (text, said) in [
        (
            "[contexts.a]\nurll = \"x\"",
            "config.toml:2: unknown key `urll`, did you mean `url`?",
        ),
        (
            "[context.a]\n",
            "config.toml:1: unknown key `context`, did you mean `contexts`?",
        ),
        (
            "[contexts.a]\nuser = \"u\"",
            "config.toml:1: context `a` has no url",
        ),
        (
            "[contexts.a]\nurl = \"http://u:secret@h\"",
            "config.toml:2: `http://` is not a scheme",
        ),
        (
            "[contexts.a]\nurl = \"redis://h\"\ntls_ca = \"c\"",
            "config.toml:3: tls_ca requires a rediss:// url",
        ),
        (
            "[contexts.a]\nurl = \"rediss://h\"\ntls_key = \"c\"",
            "config.toml:3: tls_cert and tls_key must be given together",
        ),
        (
            "[contexts.a]\nurl = \"redis://h\"\nproduction = \"yes\"",
            "config.toml:3: production must be true or false",
        ),
        (
            "[contexts.a]\nurl = 1",
            "config.toml:2: url is not a string",
        ),
        ("[contexts.a]\nurl = \"\"", "config.toml:2: url is empty"),
        ("[contexts\nurl = \"secret\"", "config.toml:1: not TOML"),
        ("contexts = 1", "config.toml:1: `contexts` is not a table"),
    ] {
        let (_dir, places) = with(text);
        let problem = Contexts::read(&places).expect_err(text);
        assert_eq!(problem.kind, Kind::Usage);
        assert!(problem.message.contains(said), "{}", problem.message);
        assert!(!problem.message.contains("secret"), "{}", problem.message);
    }
}

#[test]
fn a_change_leaves_the_rest_as_it_was() {
    let (_dir, places) = with(TWO);
    let contexts = Contexts::read(&places).expect("reads");
    let change = ContextEdit::default()
        .set("url", Some("redis://elsewhere:1"))
        .set("user", Some("ops"));
    let contexts = contexts
        .edit(&places, "staging", Edit::Change, change)
        .expect("edits");
    let expected = TWO.replace(
        "url = \"redis://staging:6379\" # behind the VPN\n",
        "url = \"redis://elsewhere:1\" # behind the VPN\nuser = \"ops\"\n",
    );
    assert_eq!(text(&places), expected);
    let change = ContextEdit::default().unset("user").expect("a key");
    let contexts = contexts
        .edit(&places, "staging", Edit::Change, change)
        .expect("edits");
    let change = ContextEdit::default().set("url", Some("redis://new"));
    let contexts = contexts
        .edit(&places, "new", Edit::Add, change)
        .expect("adds");
    assert!(text(&places).starts_with("# of the team\n"));
    assert!(text(&places).ends_with("\n[contexts.new]\nurl = \"redis://new\"\n"));
    let contexts = contexts
        .edit(&places, "prod", Edit::Remove, ContextEdit::default())
        .expect("removes");
    assert!(!contexts.has("prod") && !text(&places).contains("prod"));
}

#[test]
fn what_would_not_be_valid_is_not_written() {
    let (_dir, places) = with(TWO);
    let edit = |name, edit, change| {
        let contexts = Contexts::read(&places).expect("reads");
        contexts
            .edit(&places, name, edit, change)
            .expect_err("refused")
            .kind
    };
    let url = |url: &str| ContextEdit::default().set("url", Some(url));
    assert_eq!(edit("staging", Edit::Add, url("redis://h")), Kind::Refused);
    assert_eq!(edit("none", Edit::Change, url("redis://h")), Kind::NotFound);
    assert_eq!(edit("none", Edit::Remove, url("redis://h")), Kind::NotFound);
    assert_eq!(edit("new", Edit::Add, url("h:1")), Kind::Usage);
    assert_eq!(edit("prod", Edit::Change, url("redis://h")), Kind::Usage);
    assert_eq!(text(&places), TWO);
    assert!(ContextEdit::default().unset("url").is_err());
    let near = ContextEdit::default()
        .unset("usr")
        .err()
        .expect("no such key");
    assert!(near.message.contains("did you mean `user`?"));
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_only_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (dir, places) = with("");
    let file = places.config.clone().expect("a file");
    let real = dir.path().join("dotfiles.toml");
    fs::write(&real, TWO).expect("written");
    fs::remove_file(&file).expect("removed");
    symlink(&real, &file).expect("linked");
    let mode = |mode| fs::set_permissions(&real, fs::Permissions::from_mode(mode)).expect("set");
    for (given, warned) in [(0o644, true), (0o600, false)] {
        mode(given);
        let contexts = Contexts::read(&places).expect("reads");
        assert_eq!(contexts.exposure().is_some(), warned);
    }
    mode(0o644);
    let contexts = Contexts::read(&places).expect("reads");
    contexts
        .edit(&places, "prod", Edit::Remove, ContextEdit::default())
        .expect("removes");
    assert!(fs::symlink_metadata(&file).expect("there").is_symlink());
    let data = fs::metadata(&real).expect("there");
    assert_eq!(data.permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_selection_goes_back_and_forth() {
    let (_dir, places) = with("");
    assert_eq!(
        Selection::read(&places).expect("reads"),
        Selection::default()
    );
    let to = |name: &str| Some(name.to_owned());
    let selection = Selection::default()
        .switched_to(to("a"))
        .switched_to(to("b"));
    selection.write(&places).expect("writes");
    let read = Selection::read(&places).expect("reads");
    assert_eq!(read, selection);
    assert_eq!(
        (read.current.as_deref(), read.previous.as_deref()),
        (Some("b"), Some("a"))
    );
    assert_eq!(read.clone().switched_to(to("b")), read);
    let without = read.without("b");
    assert_eq!(
        (without.current.as_deref(), without.previous.as_deref()),
        (None, Some("a"))
    );
    fs::write(places.state.as_deref().expect("a file"), "]").expect("written");
    assert_eq!(
        Selection::read(&places).expect_err("broken").kind,
        Kind::Local
    );
}
