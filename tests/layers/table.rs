//! The table in `src/lib.rs`: rows of a layer, what lives there, and what it may use.

use std::collections::BTreeSet;

/// Which layer may use which.
#[derive(Debug)]
pub struct Table {
    rows: Vec<(String, BTreeSet<String>)>,
}

impl Table {
    /// Reads the rows `//! | [`layer`] | … | may use |`: `nothing of ours`, `everything above`, or names of
    /// layers above it with a remark in parentheses. So no layer can use another in a circle.
    pub fn parse(lib: &str) -> Self {
        let mut rows: Vec<(String, BTreeSet<String>)> = Vec::new();
        for line in lib.lines() {
            let Some(row) = line.strip_prefix("//! | [`") else {
                continue;
            };
            let (layer, row) = row.split_once("`]").expect("a layer's name");
            let cell = row.trim_end_matches(['|', ' ']).rsplit('|').next();
            let uses = match cell.expect("what it may use").trim() {
                "nothing of ours" => BTreeSet::new(),
                "everything above" => rows.iter().map(|(layer, _)| layer.clone()).collect(),
                names => names.split(',').map(|name| bare(name).to_owned()).collect(),
            };
            for used in &uses {
                assert!(
                    rows.iter().any(|(above, _)| above == used),
                    "row {layer} of src/lib.rs names {used:?}, which has no row above it"
                );
            }
            rows.push((layer.to_owned(), uses));
        }
        assert!(!rows.is_empty(), "no table in src/lib.rs");
        Self { rows }
    }

    /// Every layer, from the first row.
    pub fn layers(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|(layer, _)| layer.as_str())
    }

    /// Whether there is such a layer.
    pub fn has(&self, layer: &str) -> bool {
        self.layers().any(|row| row == layer)
    }

    /// What `layer` may use besides itself; none when it has no row.
    pub fn uses(&self, layer: &str) -> Option<&BTreeSet<String>> {
        self.rows
            .iter()
            .find_map(|(row, uses)| (row == layer).then_some(uses))
    }
}

/// A name without the remark after it.
fn bare(name: &str) -> &str {
    name.split('(').next().unwrap_or_default().trim()
}
