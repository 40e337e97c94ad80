//! The lines for `DuckDB` in the help of `archive export`, as they stand there, over an archive of the platform's events.

use std::process::Command;

use crate::described;
use crate::support::scene::Scene;
use crate::support::{installed, ucp};

/// The lines of the help that call `DuckDB`.
fn lines() -> Vec<String> {
    let help = ucp(&["archive", "export", "--help"]);
    let help = help.assert_code(0).stdout().replace(" \\\n      ", " ");
    let lines = help.lines().map(str::trim);
    lines
        .filter(|it| it.starts_with("duckdb "))
        .map(str::to_owned)
        .collect()
}

#[test]
#[ignore = "needs DuckDB: make test-interop"]
fn the_lines_of_the_help_query_a_table_and_an_archive() {
    let scene = Scene::start();
    for number in 0..300usize {
        let kind = if number % 3 == 0 {
            "refund"
        } else {
            "purchase"
        };
        let mut words = vec![
            "XADD".to_owned(),
            "events.raw".to_owned(),
            format!("{}-0", 1_700_000_000_000 + number as u64),
        ];
        for (name, value) in described("events.raw", "b", number) {
            let value = if name == "event_type" {
                kind.to_owned()
            } else {
                value
            };
            words.extend([name, value]);
        }
        scene
            .server
            .redis(&words.iter().map(String::as_str).collect::<Vec<_>>());
    }
    scene
        .bash("ucp-streams archive events.raw --to archive")
        .assert_code(0);
    scene
        .bash("ucp-streams archive export archive --stream events.raw --to raw.parquet")
        .assert_code(0);
    let program = installed("interop", "python").join("duckdb_cli");
    let query = |line: &str| {
        let output = Command::new("bash")
            .args(["-c", line])
            .current_dir(scene.home())
            .env("PATH", format!("{}:/usr/bin:/bin", program.display()))
            .env("HOME", scene.home())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}\n{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let counted = query(&lines[0]);
    for (kind, count) in [("purchase", "200"), ("refund", "100")] {
        let has = |line: &&str| line.contains(kind) && line.contains(count);
        assert!(counted.lines().any(|line| has(&line)), "{counted}");
    }
    let read = query(&lines[1]);
    assert!(
        read.contains("1700000000000-0") && read.contains("refund"),
        "{read}"
    );
    // Types are right: JSON is taken apart, and a time is one.
    let line = "duckdb -csv -noheader -c \"SELECT sum(payload->>'$.total')::INT, min(time) AT TIME ZONE 'UTC', typeof(any_value(time)) FROM 'raw.parquet'\"";
    let line = line.replace(
        "sum(payload->>'$.total')",
        "sum((payload->>'$.total')::DOUBLE)",
    );
    assert_eq!(
        query(&line).trim(),
        "29997,2023-11-14 22:13:20,TIMESTAMP WITH TIME ZONE"
    );
}
