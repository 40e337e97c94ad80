//! Screens that are committed, so that a change of one is seen.

use std::path::Path;

/// Holds `text` against the committed screen of this name, or renews that.
#[track_caller]
pub(crate) fn assert_committed(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/top/snapshots")
        .join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|it| it == "1") {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{} differs; UPDATE_SNAPSHOTS=1 cargo test --test top renews it\ncommitted:\n{committed}\nnow:\n{text}",
        path.display()
    );
}
