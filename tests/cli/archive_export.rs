//! `archive export`: what a table of archived entries has, and that no part of one is left behind.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

use crate::archive::{archive, segments};
use crate::shell::bash;
use crate::support::{Run, TestServer, directory, odd_entries, ucp};

fn export(dir: &Path, to: &Path, more: &[&str]) -> Run {
    let (dir, to) = (dir.to_str().unwrap(), to.to_str().unwrap());
    let words = ["archive", "export", dir, "--to", to, "-o", "json"];
    ucp(&[&words[..], more].concat())
}

/// The rows of a table: of each its cells, as text and without those that have no value.
fn rows(table: &Path) -> Vec<Vec<(String, String)>> {
    let reader = SerializedFileReader::new(File::open(table).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    let cell = |(name, value): (&String, &Field)| {
        let value = match value {
            Field::Null => return None,
            Field::Str(text) => text.clone(),
            other => format!("{other}"),
        };
        Some((name.clone(), value))
    };
    rows.map(|row| row.unwrap().get_column_iter().filter_map(cell).collect())
        .collect()
}

/// The types of the columns, as Parquet has them.
fn types(table: &Path) -> Vec<String> {
    let reader = SerializedFileReader::new(File::open(table).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let columns = schema.columns().iter();
    columns
        .map(|it| {
            let logical = it.logical_type_ref().map(|it| format!("{it:?}"));
            let logical = logical.unwrap_or_default();
            let logical = logical.split('(').next().unwrap_or_default();
            format!("{} {} {logical}", it.name(), it.physical_type())
                .trim_end()
                .to_owned()
        })
        .collect()
}

#[test]
fn fields_of_the_schema_are_columns_of_their_types_and_the_rest_is_kept() {
    let (server, home) = (TestServer::start(), directory());
    let (dir, table) = (home.path().join("archive"), home.path().join("t.parquet"));
    let topology = home.path().join("t.toml");
    fs::write(
        &topology,
        "[streams.orders.fields]\nbrand = \"string\"\ntotal = \"integer\"\npaid = \"bool\"\nbody = \"json\"\nid = \"string\"\n",
    )
    .unwrap();
    for words in [
        "1700000000000-0 brand a total 12 paid true body {\"x\":1}",
        "1700000000000-7 brand b total 12.5 paid yes body {torn later 1 brand c",
        "1700000000001-0 total -3 id mine",
    ] {
        let words: Vec<&str> = ["XADD", "orders"]
            .into_iter()
            .chain(words.split(' '))
            .collect();
        server.redis(&words);
    }
    server.redis(&["XADD", "orders", "1700000000002-0", "brand", "{raw}"]);
    archive(&server, "orders", &dir, &[]).assert_code(0);
    let topology = ["--topology", topology.to_str().unwrap()];
    let row = export(&dir, &table, &topology).assert_code(0).stdout_json();
    for (key, expected) in [
        ("stream", Value::from("orders")),
        ("entries", 4.into()),
        ("first_id", "1700000000000-0".into()),
        ("last_id", "1700000000002-0".into()),
        ("columns", 5.into()),
        ("with_rest", 2.into()),
        ("bytes", fs::metadata(&table).unwrap().len().into()),
    ] {
        assert_eq!(row[key], expected, "{key}");
    }
    assert_eq!(
        types(&table),
        [
            "id BYTE_ARRAY String",
            "time INT64 Timestamp",
            "seq INT64 Integer",
            "brand BYTE_ARRAY String",
            "total INT64",
            "paid BOOLEAN",
            "body BYTE_ARRAY Json",
            "later BYTE_ARRAY String",
            "rest BYTE_ARRAY Json",
        ]
    );
    let time = "2023-11-14 22:13:20.000 +00:00";
    let rows = rows(&table);
    let of = |row: usize| -> Vec<(&str, &str)> {
        let cells = rows[row].iter();
        cells
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    };
    assert_eq!(
        of(0),
        [
            ("id", "1700000000000-0"),
            ("time", time),
            ("seq", "0"),
            ("brand", "a"),
            ("total", "12"),
            ("paid", "true"),
            ("body", "{\"x\":1}"),
        ]
    );
    let rest = r#"[["total","12.5"],["paid","yes"],["body","{torn"],["brand","c"]]"#;
    assert_eq!(
        of(1),
        [
            ("id", "1700000000000-7"),
            ("time", time),
            ("seq", "7"),
            ("brand", "b"),
            ("later", "1"),
            ("rest", rest),
        ]
    );
    assert_eq!(
        of(2)[3..],
        [("total", "-3"), ("rest", r#"[["id","mine"]]"#)]
    );
    assert_eq!(of(3)[3..], [("brand", "{raw}")]);
    assert_eq!(
        fs::metadata(&table).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn odd_entries_are_in_a_table_with_all_that_they_have() {
    let (server, home) = (TestServer::start(), directory());
    let (dir, table) = (home.path().join("archive"), home.path().join("t.parquet"));
    odd_entries(&server, "odd");
    archive(&server, "odd", &dir, &[]).assert_code(0);
    let row = export(&dir, &table, &[]).assert_code(0).stdout_json();
    let archived = server.ucp(&["read", "odd", "--pairs", "-o", "ndjson"]);
    let archived: Vec<Value> = archived
        .stdout_lines()
        .iter()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(row["entries"], archived.len());
    let sorted = |mut pairs: Vec<Value>| {
        pairs.sort_by_key(Value::to_string);
        pairs
    };
    for (cells, entry) in rows(&table).into_iter().zip(&archived) {
        let mut pairs = Vec::new();
        for (name, value) in cells {
            match name.as_str() {
                "id" => assert_eq!(entry["id"], value),
                "time" | "seq" => {}
                "rest" => pairs.extend(serde_json::from_str::<Vec<Value>>(&value).unwrap()),
                _ => pairs.push(Value::from(vec![name, value])),
            }
        }
        let fields = entry["fields"].as_array().unwrap().clone();
        assert!(sorted(pairs) == sorted(fields), "{}", entry["id"]);
    }
}

#[test]
fn a_range_is_taken_and_one_without_entries_has_columns() {
    let (server, home) = (TestServer::start(), directory());
    let dir = home.path().join("archive");
    for ms in 1..=5 {
        server.redis(&["XADD", "s", &format!("{ms}-0"), "n", &ms.to_string()]);
    }
    archive(&server, "s", &dir, &[]).assert_code(0);
    let [some, none] = ["some", "none"].map(|it| home.path().join(it));
    let row = export(&dir, &some, &["--from", "2-0", "--until", "4-0"]);
    let row = row.assert_code(0).stdout_json();
    assert_eq!(
        (&row["first_id"], &row["last_id"]),
        (&"2-0".into(), &"4-0".into())
    );
    assert_eq!(rows(&some).len(), 3);
    let row = export(&dir, &none, &["--from", "6-0"])
        .assert_code(0)
        .stdout_json();
    assert_eq!(
        (&row["entries"], &row["first_id"]),
        (&0.into(), &Value::Null)
    );
    assert_eq!(types(&none).len(), 4);
    export(
        &dir,
        &home.path().join("x"),
        &["--from", "3-0", "--until", "2-0"],
    )
    .assert_code(2)
    .stderr_has("START is after END");
    archive(&server, "s", &home.path().join("two"), &[]).assert_code(0);
}

#[test]
fn a_table_is_whole_or_not_there() {
    let (server, home) = (TestServer::start(), directory());
    let (dir, out) = (home.path().join("archive"), home.path().join("out"));
    fs::create_dir(&out).unwrap();
    odd_entries(&server, "odd");
    archive(&server, "odd", &dir, &[]).assert_code(0);
    let table = out.join("t.parquet");
    fs::write(&table, "mine").unwrap();
    export(&dir, &table, &[])
        .assert_code(6)
        .stderr_has("t.parquet is there already")
        .stderr_has("give another name, or remove it first");
    assert_eq!(fs::read(&table).unwrap(), b"mine");
    fs::remove_file(&table).unwrap();
    export(&dir, &home.path().join("no/t.parquet"), &[])
        .assert_code(74)
        .stderr_has("make its directory first");
    // There is no room for it.
    let line = format!(
        "trap '' XFSZ; ulimit -f 0; \"$UCP\" archive export {} --to {}",
        dir.display(),
        table.display()
    );
    let run = bash(&server, &line);
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(74), "{said}");
    assert!(said.contains("cannot write the file"), "{said}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    // Damage.
    let last = segments(&dir).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&last, bytes).unwrap();
    export(&dir, &table, &[])
        .assert_code(9)
        .stderr_has("is damaged")
        .stderr_has("archive verify");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    export(&dir, &table, &["--stream", "nothing"])
        .assert_code(3)
        .stderr_has("it has `odd`");
}
