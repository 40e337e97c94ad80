//! Holds the code to the table in `src/lib.rs`: which layer names which, which crate is named where, that
//! only the settings read the environment, that nothing prints, and that every module says what it is.
//!
//! It reads the sources as text: `source` turns them into tokens, `table` reads the table, `rules` judges.
//! A report of long files and functions informs (`cargo test --test layers -- --nocapture`), it never fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "its modules are for itself")]

mod planted;
mod rules;
mod sizes;
mod source;
mod table;

use std::fs;
use std::path::Path;

use source::Source;
use table::Table;

/// Every file under `src/`, with its path relative to it.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    assert!(files.len() > 20, "only {} files found", files.len());
    source::read_all(files)
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

fn table() -> Table {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    Table::parse(&fs::read_to_string(lib).unwrap())
}

#[test]
fn the_code_keeps_to_the_table() {
    let violations: Vec<String> = rules::check(&table(), &sources())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn every_module_of_the_crate_has_its_row() {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let lib = fs::read_to_string(lib).unwrap();
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
