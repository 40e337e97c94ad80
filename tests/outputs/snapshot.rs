//! Runs written down for people to review, and held against what is committed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::ways::{Form, Way};

/// What a run printed, made the same for every run and server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

const HEAD: &str = "\
# Made by tests/outputs; UPDATE_SNAPSHOTS=1 cargo test --test outputs renews it. ‹1› is an escape sequence of colour,
# `2> ` marks standard error, # is a number that differs from run to run; the time is 2024-01-31T09:00:00Z.
";

/// The runs of one command as text: what is the same is written once, under all its headings.
pub(crate) fn written(command: &str, runs: &[(Form, Way, Shown)]) -> String {
    let mut text = format!("\n$ {command}\n");
    let mut groups: Vec<(Vec<(Form, Way)>, &Shown)> = Vec::new();
    for (form, way, shown) in runs {
        match groups.iter_mut().find(|(_, other)| *other == shown) {
            Some((headings, _)) => headings.push((*form, *way)),
            None => groups.push((vec![(*form, *way)], shown)),
        }
    }
    let has_forms = runs.iter().any(|it| it.0 != Form::Default);
    let is_one = has_forms && groups.len() == 1;
    for (of, shown) in groups {
        text.push('\n');
        if is_one {
            text.push_str("== every format | everywhere\n");
        } else {
            push_headings(&mut text, &of, runs);
        }
        if is_indented(shown, runs) {
            text.push_str("(the same, indented)\n");
        } else {
            text.push_str(&shown.stdout);
        }
        if !shown.stdout.is_empty() && !shown.stdout.ends_with('\n') {
            text.push_str("(no end of line)\n");
        }
        for line in shown.stderr.lines() {
            let _ = writeln!(text, "2> {line}");
        }
        if shown.code != 0 {
            let _ = writeln!(text, "exit status {}", shown.code);
        }
    }
    text
}

/// Whether it says what the piped JSON says, for a person.
fn is_indented(shown: &Shown, runs: &[(Form, Way, Shown)]) -> bool {
    use serde_json::Value;
    let mut piped = runs
        .iter()
        .filter(|it| it.0 == Form::Named("json") && it.1 == Way::Piped);
    let Some((_, _, json)) = piped.next().filter(|(_, _, json)| json != shown) else {
        return false;
    };
    // The masks are no JSON.
    let value = |it: &Shown| serde_json::from_str::<Value>(&it.stdout.replace('#', "0")).ok();
    value(shown).is_some_and(|it| Some(it) == value(json))
}

/// One heading a format: `== -o table | piped, NO_COLOR`.
fn push_headings(text: &mut String, of: &[(Form, Way)], runs: &[(Form, Way, Shown)]) {
    for form in Form::ALL {
        let here: Vec<&str> = of
            .iter()
            .filter(|it| it.0 == form)
            .map(|it| it.1.word())
            .collect();
        let all = runs.iter().filter(|it| it.0 == form).count();
        if here.is_empty() {
            continue;
        }
        let ways = if here.len() == all && all == Way::ALL.len() {
            "everywhere".to_owned()
        } else {
            here.join(", ")
        };
        let _ = writeln!(text, "== {} | {ways}", form.words());
    }
}

/// Holds `text` against the committed file of `name`, or renews that.
#[track_caller]
pub(crate) fn assert_committed(name: &str, text: &str) {
    let path = directory().join(format!("{}.txt", name.replace(' ', "-")));
    let fresh = format!("{HEAD}{text}");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|it| it == "1") {
        std::fs::create_dir_all(directory()).unwrap();
        std::fs::write(&path, fresh).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "{} differs (-committed, +now); UPDATE_SNAPSHOTS=1 cargo test --test outputs renews it\n{}",
        path.display(),
        difference(&committed, &fresh)
    );
}

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outputs/snapshots")
}

/// The lines that differ, each with its sign, and two lines before and after.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut marked: Vec<(char, &str)> = Vec::new();
    let (mut i, mut j) = (0, 0);
    let longest = common(&old, &new);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            marked.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && longest[i + 1][j] >= longest[i][j + 1] {
            marked.push(('-', old[i]));
            i += 1;
        } else {
            marked.push(('+', new[j]));
            j += 1;
        }
    }
    let near = |at: usize| {
        let (from, to) = (at.saturating_sub(2), (at + 3).min(marked.len()));
        marked[from..to].iter().any(|(sign, _)| *sign != ' ')
    };
    let mut text = String::new();
    for (at, (sign, line)) in marked.iter().enumerate() {
        if near(at) {
            let _ = writeln!(text, "{sign}{line}");
        }
    }
    text
}

/// The length of the longest common subsequence of `old[i..]` and `new[j..]`.
fn common(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut longest = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = if old[i] == new[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    longest
}

#[test]
fn a_difference_is_shown_with_its_neighbours() {
    let old = "a\nb\nc\nd\ne\nf\ng\n";
    let new = "a\nb\nc\nX\ne\nf\ng\nh\n";
    assert_eq!(difference(old, new), " b\n c\n-d\n+X\n e\n f\n g\n+h\n");
}
