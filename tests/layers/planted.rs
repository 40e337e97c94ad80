//! The checker checked: violations planted in made-up sources are found, and nothing else is.

use crate::rules::check;
use crate::sizes::functions;
use crate::source::{read_all, tokens};
use crate::table::Table;
use crate::unused;

const LIB: &str = "\
//! | layer | what lives there | may use |
//! |---|---|---|
//! | [`model`] | values | nothing of ours |
//! | [`wire`] | commands | model |
//! | [`streams`] | meaning | model, wire |
//! | [`view`] | text | model, streams (report types) |
//! | [`settings`] | values | model |
//! | [`commands`] | verbs | everything above |
";

/// The violations in one file, as `line: rule`.
fn violations(path: &str, text: &str) -> Vec<String> {
    found(&[(path, &format!("//! A module.\n{text}"))])
}

fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files = files
        .iter()
        .map(|&(path, text)| (path.to_owned(), text.to_owned()));
    check(&Table::parse(LIB), &read_all(files.collect()))
        .iter()
        .map(|violation| format!("{}: {}", violation.line, violation.rule))
        .collect()
}

#[track_caller]
fn one(path: &str, text: &str, expected: &str) {
    let found = violations(path, text);
    assert!(
        found.len() == 1 && found[0].starts_with(expected),
        "{expected:?} wanted, found {found:?}"
    );
}

#[track_caller]
fn none(path: &str, text: &str) {
    assert_eq!(violations(path, text), Vec::<String>::new(), "{text}");
}

#[test]
fn a_layer_that_names_another_it_may_not() {
    let rule = "2: view may not use wire (it may use: model, streams)";
    one("view/table.rs", "use crate::wire::Conn;", rule);
    one("view.rs", "fn f() { crate::wire::dial(); }", rule);
    one(
        "view/a.rs",
        "use crate::{model::Name, wire::{Conn, streams}};",
        rule,
    );
    one("view/a/b.rs", "use super::super::super::wire;", rule);
    one("view/mod.rs", "use super::wire::Conn;", rule);
    one(
        "view/a.rs",
        "pub(in crate::view) use super::super::wire;",
        rule,
    );
    one(
        "model/a.rs",
        "\n\nuse crate::streams;",
        "4: model may not use streams",
    );
}

#[test]
fn what_the_table_allows() {
    none("view/a.rs", "use crate::{model, streams::Report, view::b};");
    none("view/a/b.rs", "use super::super::wire;\nuse super::wire;");
    none(
        "commands/info.rs",
        "use crate::wire; use crate::settings; use crate::view;",
    );
    none("lib.rs", "use crate::wire; pub(crate) mod wire;");
}

#[test]
fn a_name_without_a_row() {
    one(
        "view/a.rs",
        "use crate::extra::x;",
        "2: crate::extra is no layer",
    );
    one("extra/a.rs", "", "1: extra has no row");
}

#[test]
fn a_crate_outside_its_layer() {
    let rule = "2: the crate redis is named only in wire";
    one("streams/a.rs", "use redis::Value;", rule);
    one("streams/a.rs", "fn f(v: &redis::Value) {}", rule);
    one("streams/a.rs", "use ::redis::Value;", rule);
    one("streams/a.rs", "use redis as r;", rule);
    one(
        "streams/a.rs",
        "fn f() { let v = ::redis::Value::Nil; }",
        rule,
    );
    one(
        "view/a.rs",
        "use clap::Args;",
        "2: the crate clap is named only in",
    );
    one(
        "view/a.rs",
        "use dialoguer::Confirm;",
        "2: the crate dialoguer",
    );
    one(
        "commands/a.rs",
        "use comfy_table::Table;",
        "2: the crate comfy_table",
    );
    none("wire/a.rs", "use redis::Value;");
    none(
        "streams/a.rs",
        "let redis = 1; let x = y.redis; model::redis::z();",
    );
}

#[test]
fn the_environment_outside_the_settings() {
    let rule = "2: env::var";
    one("wire/a.rs", "let a = std::env::var(\"A\");", rule);
    one("wire/a.rs", "use std::env::{args, var_os};", rule);
    one("commands/a.rs", "for x in env::vars() {}", rule);
    none("settings.rs", "let a = std::env::var_os(\"A\");");
    none("wire/a.rs", "std::env::temp_dir(); env!(\"CARGO\");");
}

#[test]
fn a_print() {
    one(
        "commands/a.rs",
        "fn f() {\n    println!(\"x\");\n}",
        "3: no println!",
    );
    one("streams/a.rs", "eprint!(\"x\");", "2: no eprint!");
    none("streams/a.rs", "writeln!(f, \"println!\");");
}

#[test]
fn a_stream_of_the_process_outside_the_console() {
    let rule = "2: no stderr(): the console writes";
    one("view/a.rs", "let out = std::io::stderr().lock();", rule);
    one(
        "wire/a.rs",
        "use std::io::stderr; fn f() { stderr(); }",
        rule,
    );
    none(
        "streams/a.rs",
        "child.stdout(Stdio::null()); t.stdout; fn stdout() {}",
    );
}

#[test]
fn files_in_a_layer_that_only_computes() {
    let rule = "2: std::fs is not for view";
    one("view/a.rs", "use std::fs::File;", rule);
    one("view/a.rs", "use std::{fmt, fs};", rule);
    one(
        "model/a.rs",
        "std::net::lookup();",
        "2: std::net is not for model",
    );
    none("streams/a.rs", "use std::fs::File;");
    none("view/a.rs", "use std::fmt::Write; let fs = 1;");
}

#[test]
fn a_command_that_asks_the_server_itself() {
    let rule = "2: wire::xinfo_groups is for an operation in streams";
    one(
        "commands/a.rs",
        "use crate::wire::{Connection, xinfo_groups};",
        rule,
    );
    one("commands/a.rs", "wire::xinfo_groups(&stream)", rule);
    none(
        "commands/a.rs",
        "use crate::wire::{self, Connection, FieldSlices};",
    );
    none("streams/a.rs", "use crate::wire::xinfo_groups;");
}

#[test]
#[should_panic(expected = "row view of src/lib.rs names \"console\", which has no row above it")]
fn a_table_in_a_circle() {
    Table::parse("//! | [`view`] | text | console |\n//! | [`console`] | writes | view |\n");
}

#[test]
fn what_is_public_and_never_named() {
    let unused = |lines: &str, elsewhere: &str, tests: &str| -> Vec<String> {
        let files = [("view/a.rs", lines), ("view/b.rs", elsewhere)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        unused::check(&read_all(files.into()), &[tokens(tests)])
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let item = "\npub const fn odd() {}";
    let found = ["src/view/a.rs:2: odd is public, and nothing names it"];
    assert_eq!(unused(item, "pub use a::odd;", ""), found);
    assert_eq!(
        unused(item, "#[cfg(test)] mod t { fn f() { odd(); } }", ""),
        found
    );
    assert!(unused(item, "fn f() { odd(); }", "").is_empty());
    assert!(unused(item, "", "fn f() { odd(); }").is_empty());
    assert!(unused("pub(super) fn odd() {} fn other() {}", "", "").is_empty());
    assert_eq!(unused("pub struct Odd { pub field: u8 }", "", "").len(), 1);
}

#[test]
fn a_module_without_a_word_about_itself() {
    let found = found(&[("view/a.rs", "use crate::model;\n//! Too late.\n")]);
    assert_eq!(found, ["1: a module opens with `//!` and what lives there"]);
}

#[test]
fn comments_literals_and_tests_are_free() {
    none(
        "view/a.rs",
        "// crate::wire\n/* a /* crate::wire */ crate::wire */\n/// crate::wire\n",
    );
    none(
        "view/a.rs",
        r##"const A: &str = "a \" crate::wire"; const B: &str = r#"" crate::wire"#;"##,
    );
    none(
        "view/a.rs",
        "fn f<'a>(x: &'a str) -> char { '\"' } // crate::wire \"",
    );
    none(
        "view/a.rs",
        "#[cfg(test)]\nmod tests {\n use crate::wire;\n fn f() { println!(); }\n}",
    );
    none(
        "view/a.rs",
        "#[cfg(test)]\n#[path = \"x\"]\nuse crate::wire;",
    );
    let after = "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::wire;";
    one("view/a.rs", after, "4: view may not use wire");
    let quoted = "const A: char = '\"';\nuse crate::wire; // \"";
    one("view/a.rs", quoted, "3: view may not use wire");
}

#[test]
fn a_module_for_tests_in_a_file_of_its_own_is_free() {
    let violation = "//! Tests.\nuse crate::wire;";
    for (parent, child) in [
        ("view/mod.rs", "view/tests.rs"),
        ("view/row.rs", "view/row/tests.rs"),
        ("view/row.rs", "view/row/tests/more.rs"),
    ] {
        let parent = (parent, "//! A module.\n#[cfg(test)]\nmod tests;\n");
        assert_eq!(found(&[parent, (child, violation)]), Vec::<String>::new());
    }
    let parent = ("view/mod.rs", "//! A module.\nmod tests;\n");
    assert_eq!(found(&[parent, ("view/tests.rs", violation)]).len(), 1);
}

#[test]
fn functions_are_measured_with_their_braces() {
    let text = "trait T { fn a(&self) -> [u8; 2]; }\nfn b() {\n  let c = \"}\";\n  if c {}\n}\n";
    assert_eq!(functions(&tokens(text)), [("b", 2, 4)]);
}
