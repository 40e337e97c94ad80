//! SERVERS.md: the table in it, read and written.

use std::path::{Path, PathBuf};

/// The page, and its table: the header first, then a row a probe.
#[derive(Debug)]
pub(crate) struct Page {
    before: String,
    table: Vec<Vec<String>>,
    after: String,
}

pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Page {
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(repository("tests/servers/SERVERS.md")).unwrap();
        let start = text.find("\n| ").expect("a table") + 1;
        let length: usize = text[start..]
            .split_inclusive('\n')
            .take_while(|line| line.starts_with('|'))
            .map(str::len)
            .sum();
        let cells = |line: &str| -> Vec<String> {
            let line = line.trim().trim_matches('|');
            line.split(" | ").map(|it| it.trim().to_owned()).collect()
        };
        let mut table: Vec<Vec<String>> = text[start..start + length].lines().map(cells).collect();
        table.remove(1);
        Self {
            before: text[..start].to_owned(),
            table,
            after: text[start + length..].to_owned(),
        }
    }

    /// What the rows are about.
    pub(crate) fn rows(&self) -> Vec<&str> {
        self.table[1..].iter().map(|row| row[0].as_str()).collect()
    }

    /// The cells of one server.
    pub(crate) fn column(&self, server: &str) -> Option<Vec<&str>> {
        let place = self.table[0].iter().position(|it| it == server)?;
        Some(
            self.table[1..]
                .iter()
                .map(|row| row[place].as_str())
                .collect(),
        )
    }

    /// Makes the rows those of `rows`, and the column of `server` what they say; other columns keep what they said.
    pub(crate) fn renew(&mut self, server: &str, rows: &[(&str, String)]) {
        if !self.table[0].iter().any(|it| it == server) {
            self.table[0].push(server.to_owned());
        }
        let servers = self.table[0].clone();
        let old = std::mem::replace(&mut self.table, vec![servers.clone()]);
        for (what, now) in rows {
            let said = old.iter().find(|row| row[0] == *what);
            let mut row = vec![(*what).to_owned()];
            for (place, name) in servers.iter().enumerate().skip(1) {
                let kept = said
                    .and_then(|row| row.get(place))
                    .map_or("?", String::as_str);
                row.push(if name == server { now } else { kept }.to_owned());
            }
            self.table.push(row);
        }
    }

    pub(crate) fn write(&self) {
        let line = |cells: &Vec<String>| format!("| {} |\n", cells.join(" | "));
        let rule = format!("|{}\n", "---|".repeat(self.table[0].len()));
        let rows: String = self.table[1..].iter().map(line).collect();
        let text = format!(
            "{}{}{rule}{rows}{}",
            self.before,
            line(&self.table[0]),
            self.after
        );
        std::fs::write(repository("tests/servers/SERVERS.md"), text).unwrap();
    }
}
