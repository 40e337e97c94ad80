//! Names that a shell would run or a link would lead elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    Invocation, PATIENCE, Run, Shell, Terminal, TestServer, bash, directory, fish, server_binary,
    zsh,
};

/// Names that run something where a shell reads them as they are. `ran` is the file that would be there then.
const ATTACKS: [&str; 16] = [
    "$(touch ran)b",
    "`touch ran`b",
    "\";touch ran;\"",
    "';touch ran;'",
    "\"'\";touch ran;\"'\"",
    "';touch ran;\"",
    "|touch ran",
    "&touch ran&",
    ";touch ran #",
    ">ran",
    "<(touch ran)",
    "${x:=$(touch ran)}",
    "\\\";touch ran;\\\"",
    "\\';touch ran;\\'",
    "a!!b!touch$x",
    "{a,b..c}~*?[x]",
];

/// What is typed of a name, and the name: each character that a shell could read, in the middle and at the end, where the
/// shell does not await more behind it (`open`).
fn names(open: &str) -> BTreeMap<String, String> {
    let characters = (0x20..0x7f)
        .map(char::from)
        .filter(|it| !it.is_alphanumeric());
    let characters = characters.chain(['\u{fc}']).map(|it| match it {
        _ if open.contains(it) => format!("{it}b"),
        _ => format!("{it}b{it}"),
    });
    let attacks = ATTACKS.iter().map(|&it| it.to_owned());
    let named = |(at, tail)| {
        let typed = format!("zq{at:02}");
        let name = format!("{typed}{tail}");
        (typed, name)
    };
    characters.chain(attacks).enumerate().map(named).collect()
}

/// A program of the tool's name: completion is the tool's own, and all else is written down, a line a run.
fn recorder(home: &Path) {
    let program = home.join("bin/ucp-streams");
    fs::create_dir(home.join("bin")).unwrap();
    let script = format!(
        "#!/bin/sh\ncase $1 in __complete*) exec '{}' \"$@\" ;; esac\n\
         {{ printf '<%s>' \"$@\"; echo; }} >>'{}'\n",
        env!("CARGO_BIN_EXE_ucp-streams"),
        home.join("words").display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The words of the last of `count` runs.
#[track_caller]
fn recorded(terminal: &Terminal, count: usize, line: &str) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let words = fs::read_to_string(terminal.home().join("words")).unwrap_or_default();
        if words.ends_with('\n') && words.lines().count() >= count {
            return words.lines().last().unwrap().to_owned();
        }
        assert!(
            Instant::now() < end,
            "{line} ran nothing:\n{}",
            terminal.screen()
        );
        thread::sleep(Duration::from_millis(2));
    }
}

/// Types each name's beginning in each of `quotes`, and then Tab and Enter.
#[track_caller]
fn runs_nothing(shell: &Shell, quotes: &[&str], open: &str) {
    let server = TestServer::start();
    let names = names(open);
    for name in names.values() {
        server.redis(&["XADD", name, "*", "k", "v"]);
    }
    server.redis(&["XADD", "zn\nb", "*", "k", "v"]);
    let group = "zg`touch ran`b";
    server.redis(&["XGROUP", "CREATE", &names["zq00"], group, "0"]);
    let home = directory();
    recorder(home.path());
    fs::write(home.path().join("zf$(touch ran)b"), "").unwrap();
    let terminal = shell.start(home, &server.url());
    let mut count = 0;
    for quote in quotes {
        for (typed, name) in &names {
            let line = format!("ucp-streams info {quote}{typed}");
            count += 1;
            terminal.enters(&line, &["Tab", "Enter"]);
            let words = recorded(&terminal, count, &line);
            assert_eq!(words, format!("<info><{name}>"), "{line}");
        }
    }
    for (line, words) in [
        ("ucp-streams pending \"zg", "<pending><zg`touch ran`b>"),
        (
            "ucp-streams info x --topology \"zf",
            "<info><x><--topology><zf$(touch ran)b>",
        ),
        // What cannot be typed is not offered.
        ("ucp-streams info zn", "<info><zn>"),
    ] {
        count += 1;
        terminal.enters(line, &["Tab", "Enter"]);
        assert_eq!(recorded(&terminal, count, line), words, "{line}");
    }
    assert!(!terminal.home().join("ran").exists());
}

#[test]
fn field_r2_bash_completes_every_character_in_every_quote_and_runs_none() {
    runs_nothing(&bash(), &["", "\"", "'", "$'", "$\""], "");
}

#[test]
fn field_r2_zsh_completes_every_character_in_every_quote_and_runs_none() {
    runs_nothing(&zsh(), &["", "\"", "'", "$'"], "/");
}

#[test]
fn field_r2_fish_completes_every_character_in_every_quote_and_runs_none() {
    runs_nothing(&fish(), &["", "\"", "'"], "/=@:.,-");
}

#[test]
fn field_r2_a_name_that_would_be_an_option_is_offered_where_it_is_none() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
    for consumer in ["--yes", "till-1"] {
        server.redis(&["XGROUP", "CREATECONSUMER", "s", "g", consumer]);
    }
    let asked = |words: &[&str]| {
        let line = [
            "__complete",
            "ucp-streams",
            "consumers",
            "delete",
            "--stream",
            "s",
            "g",
        ];
        let run = server.command(&[&line[..], words].concat());
        let run = run.env("UCP_STREAMS_COMPLETE_WITHIN", "1m").run();
        // Behind a tab is an option's help.
        run.stdout().to_owned()
    };
    assert_eq!(asked(&["="]), "till-1\n");
    assert!(!asked(&["=--y"]).contains("--yes\n"));
    assert_eq!(asked(&["--", "=--y"]), "--yes\n");
    assert_eq!(
        asked(&["till-1", "=--hand-over-to=--y"]),
        "--hand-over-to=--yes\n"
    );
}

/// A file outside of the directory, which is to stay as it is.
const PRECIOUS: &str = "Host example\n";

fn dev(home: &Path, args: &[&str]) -> Run {
    Invocation::new(&[&["dev"], args].concat())
        .env("HOME", home)
        .env("UCP_STREAMS_SERVER", server_binary())
        .in_dir(home)
        .run()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn field_r9_no_link_in_a_servers_directory_is_followed() {
    for name in [
        "lock",
        "server.log",
        "server.pid",
        "server.sock",
        "dump.rdb",
        "appendonlydir/x",
    ] {
        let home = directory();
        let precious = home.path().join("precious");
        fs::write(&precious, PRECIOUS).unwrap();
        fs::set_permissions(&precious, fs::Permissions::from_mode(0o644)).unwrap();
        let link = home.path().join(".ucp-streams").join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(&precious, &link).unwrap();
        for args in [
            &["start"][..],
            &["start", "--dry-run"],
            &["stop"],
            &["start", "--dir", "./.ucp-streams/"],
        ] {
            let run = dev(home.path(), args);
            run.assert_code(6)
                .stderr_has("is a symbolic link")
                .stderr_has("--dir");
        }
        assert_eq!(fs::read_to_string(&precious).unwrap(), PRECIOUS, "{name}");
        assert_eq!(mode(&precious), 0o644);
        assert!(link.is_symlink());
    }
}

#[test]
fn field_r9_a_servers_directory_is_ones_own() {
    let home = directory();
    let shared = home.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(&shared, home.path().join(".ucp-streams")).unwrap();
    for args in [
        &["start"][..],
        &["stop"],
        &["start", "--dir", ".ucp-streams/"],
    ] {
        dev(home.path(), args)
            .assert_code(6)
            .stderr_has(".ucp-streams is a symbolic link");
    }
    assert_eq!(mode(&shared), 0o755);
    assert!(fs::read_dir(&shared).unwrap().next().is_none());
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
    let run = dev(home.path(), &["start", "--dir", "shared"]);
    run.assert_code(6)
        .stderr_has("can be written by other users")
        .stderr_has("chmod go-w");
    assert_eq!(mode(&shared), 0o777);
    // The neighbours: a directory that is there and one's own, and one that is not there.
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    dev(home.path(), &["start", "--dir", "shared"]).assert_code(0);
    dev(home.path(), &["stop", "--dir", "shared"]).assert_code(0);
    assert_eq!(mode(&shared), 0o700);
    dev(home.path(), &["stop", "--dir", "nothing"]).assert_code(0);
}

#[test]
fn field_r9_pages_and_journals_go_where_they_were_sent() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
    let home = directory();
    let precious = home.path().join("precious");
    fs::write(&precious, PRECIOUS).unwrap();
    fs::create_dir(home.path().join("man")).unwrap();
    symlink("../precious", home.path().join("man/ucp-streams.1")).unwrap();
    let run = Invocation::new(&["man", "--out", "man"])
        .in_dir(home.path())
        .run();
    run.assert_code(6).stderr_has("is a symbolic link");
    symlink("precious", home.path().join("journal")).unwrap();
    let work = |journal: &str| {
        let args = [
            "worker",
            "run",
            "g",
            "--stream",
            "s",
            "--once",
            "--builtin",
            "null",
            "--journal",
            journal,
        ];
        server.command(&args).in_dir(home.path()).run()
    };
    work("journal")
        .assert_code(6)
        .stderr_has("is a symbolic link");
    assert_eq!(fs::read_to_string(&precious).unwrap(), PRECIOUS);
    for journal in ["own", "/dev/stderr"] {
        work(journal).assert_code(0);
    }
}
