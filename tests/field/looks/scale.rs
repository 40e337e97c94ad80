//! What looks at a server cost it does not grow with the streams: a small run of the benchmark.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::support::server_binary;

/// How many calls each command makes, at a scale.
fn calls(scale: &str) -> BTreeMap<String, u64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scale.py");
    let run = Command::new("python3")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_ucp-streams"))
        .args(["--rounds", "1", "--scale", scale, "--server"])
        .arg(server_binary())
        .output();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{run:?}");
    let lines = said.lines().skip_while(|it| !it.starts_with("COMMAND"));
    let of = |line: &str| {
        let (name, figures) = line.split_at(34);
        let calls = figures.split_whitespace().nth(3).unwrap();
        (name.trim().to_owned(), calls.parse().unwrap())
    };
    lines.skip(1).map(of).collect()
}

#[test]
fn field_what_a_look_asks_for_does_not_grow_with_the_stream() {
    let (small, large) = (calls("0.0001"), calls("0.002"));
    for name in [
        "info",
        "lag",
        "groups",
        "check",
        "consumers event-processors",
    ] {
        let (few, many) = (small[name], large[name]);
        // A rate is taken from the ids of the newest entries, in some pages at most.
        assert!(
            many <= few + 8 && many <= 50,
            "{name}: {few}, and {many} of twenty times as many"
        );
    }
    assert!(
        large.keys().any(|it| it.starts_with("check (topology of")),
        "{large:?}"
    );
}
