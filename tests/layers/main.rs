//! Holds the code to the table in `src/lib.rs`: which layer names which, which crate is named where, that
//! only the settings read the environment, that nothing but the console prints, that what computes reaches for no files,
//! that every module says what it is, and that nothing public is there for nobody.
//!
//! It reads the sources as text: `source` turns them into tokens, `table` reads the table, `rules` and `unused` judge.
//! A report of long files and functions informs (`cargo test --test layers -- --nocapture`), it never fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "its modules are for itself")]

mod circles;
mod planted;
mod rules;
mod sizes;
mod source;
mod table;
mod unused;

use std::fs;
use std::path::Path;

use rules::Violation;
use source::Source;
use table::Table;

/// Every file under `src/`, with its path relative to it.
fn sources() -> Vec<Source> {
    let files = files("src");
    assert!(files.len() > 20, "only {} files found", files.len());
    source::read_all(files)
}

/// The paths, relative to it, and texts of the Rust files under `dir`.
fn files(dir: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    files
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            files.push((name.to_owned(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A file of the package, by its path in it.
fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn table() -> Table {
    Table::parse(&text("src/lib.rs"))
}

#[track_caller]
fn assert_none(violations: &[Violation]) {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn the_code_keeps_to_the_table() {
    assert_none(&rules::check(&table(), &sources()));
}

#[test]
fn no_two_files_need_each_other() {
    let sources = sources();
    let circles = circles::find(&sources);
    assert!(circles.is_empty(), "circles of files: {circles:#?}");
}

#[test]
fn what_the_table_allows_is_used() {
    let (table, sources) = (table(), sources());
    for layer in table.layers().filter(|layer| *layer != "commands") {
        let of_layer = || sources.iter().filter(|source| source.layer() == layer);
        for used in table.uses(layer).into_iter().flatten() {
            let is_used = of_layer()
                .flat_map(rules::named_from_root)
                .any(|it| it.is(used));
            assert!(
                is_used,
                "{layer} may use {used} by src/lib.rs, and does not"
            );
        }
    }
}

#[test]
fn every_dependency_says_where_it_belongs() {
    let manifest: toml_edit::DocumentMut = text("Cargo.toml").parse().unwrap();
    let named = manifest["dependencies"].as_table().unwrap().iter();
    let mut named: Vec<String> = named.map(|(name, _)| name.replace('-', "_")).collect();
    let known = rules::CRATES.iter().map(|(name, _)| *name);
    let mut known: Vec<&str> = known.chain(rules::CRATES_FOR_ALL).collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known, "Cargo.toml, tests/layers/rules.rs");
}

#[test]
fn nothing_is_public_for_nobody() {
    let tests: Vec<_> = [files("tests"), files("benches")]
        .iter()
        .flatten()
        .map(|(_, text)| source::tokens(text))
        .collect();
    assert_none(&unused::check(&sources(), &tests));
}

#[test]
fn every_module_of_the_tests_says_what_it_is() {
    for (path, text) in files("tests") {
        assert!(text.starts_with("//!"), "tests/{path} opens with no `//!`");
    }
}

#[test]
fn every_module_of_the_crate_has_its_row() {
    let lib = text("src/lib.rs");
    let mut declared: Vec<&str> = lib
        .lines()
        .filter_map(|line| {
            line.strip_suffix(';')?
                .rsplit_once("mod ")
                .map(|(_, name)| name)
        })
        .collect();
    let table = table();
    let mut rows: Vec<&str> = table.layers().collect();
    declared.sort_unstable();
    rows.sort_unstable();
    assert_eq!(declared, rows, "modules of src/lib.rs, rows of its table");
}

#[test]
fn long_files_and_functions_are_reported() {
    for line in sizes::report(&sources()) {
        println!("{line}");
    }
}
