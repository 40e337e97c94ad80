//! Parses the contexts in the file's text. Every error has its line; none shows a value, which may be secret.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, TableLike};

use super::{NamedContext, shown};
use crate::model::{Problem, escaped};
use crate::model::{did_you_mean, nearest};
use crate::wire::{Endpoint, Transport};

/// The key that every context must have.
pub(super) const URL: &str = "url";

/// The keys of a context.
pub(super) const KEYS: [&str; 9] = [
    URL,
    "user",
    "password_file",
    "tls_ca",
    "tls_cert",
    "tls_key",
    "tls_server_name",
    "topology",
    "production",
];

/// The table that contexts are in.
pub(super) const TABLE: &str = "contexts";

/// Reads all contexts of `text`. Paths in it are relative to the file's directory, or to `home` after `~/`.
pub(super) fn read(
    file: &Path,
    text: &str,
    home: Option<&Path>,
) -> Result<BTreeMap<String, NamedContext>, Problem> {
    parse(&Reader {
        file,
        text,
        home,
        is_written: true,
    })
}

/// As [`read`], for a text that is not in the file yet: errors are about the requested change, not about lines.
pub(super) fn read_unwritten(
    file: &Path,
    text: &str,
    home: Option<&Path>,
) -> Result<BTreeMap<String, NamedContext>, Problem> {
    parse(&Reader {
        file,
        text,
        home,
        is_written: false,
    })
}

fn parse(reader: &Reader<'_>) -> Result<BTreeMap<String, NamedContext>, Problem> {
    let document = Document::parse(reader.text)
        .map_err(|error| reader.wrong(error.span(), &format!("not TOML: {}", error.message())))?;
    reader.only(document.as_table(), &[TABLE])?;
    let Some(contexts) = document.get(TABLE) else {
        return Ok(BTreeMap::new());
    };
    let contexts = reader.table(contexts, TABLE)?;
    contexts
        .iter()
        .map(|(name, item)| Ok((name.to_owned(), reader.context(name, item)?)))
        .collect()
}

struct Reader<'t> {
    file: &'t Path,
    text: &'t str,
    home: Option<&'t Path>,
    is_written: bool,
}

impl Reader<'_> {
    fn context(&self, name: &str, item: &Item) -> Result<NamedContext, Problem> {
        let table = self.table(item, name)?;
        self.only(table, &KEYS)?;
        let url = self.string(table, URL)?.ok_or_else(|| {
            let name = escaped(name.as_bytes());
            self.wrong(item.span(), &format!("context `{name}` has no url"))
        })?;
        let mut endpoint = Endpoint::parse(url)
            .map_err(|error| self.wrong(span_of(table, URL), &error.to_string()))?;
        if let Some(user) = self.string(table, "user")? {
            endpoint.username = Some(user.to_owned());
        }
        self.tls(table, &mut endpoint)?;
        Ok(NamedContext {
            endpoint,
            password_file: self.path(table, "password_file")?,
            topology: self.path(table, "topology")?,
            production: self.truth(table, "production")?,
        })
    }

    fn tls(&self, table: &dyn TableLike, endpoint: &mut Endpoint) -> Result<(), Problem> {
        let options = &mut endpoint.tls_options;
        options.ca = self.path(table, "tls_ca")?;
        options.cert = self.path(table, "tls_cert")?;
        options.key = self.path(table, "tls_key")?;
        options.server_name = self.string(table, "tls_server_name")?.map(str::to_owned);
        let first = KEYS[3..7].iter().find(|key| table.contains_key(key));
        let Some(key) = first else { return Ok(()) };
        if options.cert.is_some() != options.key.is_some() {
            let message = "tls_cert and tls_key must be given together";
            return Err(self.wrong(span_of(table, key), message));
        }
        if !endpoint.tls || matches!(endpoint.transport, Transport::Unix(_)) {
            let message = format!("{key} requires a rediss:// url");
            return Err(self.wrong(span_of(table, key), &message));
        }
        Ok(())
    }

    fn only(&self, table: &dyn TableLike, known: &[&str]) -> Result<(), Problem> {
        let Some((key, item)) = table.iter().find(|(key, _)| !known.contains(key)) else {
            return Ok(());
        };
        let near = did_you_mean(nearest(key, known.iter().copied()));
        let message = format!("unknown key `{}`{near}", escaped(key.as_bytes()));
        Err(self.wrong(span_of(table, key).or_else(|| item.span()), &message))
    }

    fn table<'i>(&self, item: &'i Item, name: &str) -> Result<&'i dyn TableLike, Problem> {
        item.as_table_like().ok_or_else(|| {
            let message = format!("`{}` is not a table", escaped(name.as_bytes()));
            self.wrong(item.span(), &message)
        })
    }

    fn string<'i>(&self, table: &'i dyn TableLike, key: &str) -> Result<Option<&'i str>, Problem> {
        let Some(item) = table.get(key) else {
            return Ok(None);
        };
        match item.as_str() {
            Some(text) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(item.span(), &format!("{key} is empty"))),
            None => Err(self.wrong(item.span(), &format!("{key} is not a string"))),
        }
    }

    fn path(&self, table: &dyn TableLike, key: &str) -> Result<Option<PathBuf>, Problem> {
        let Some(text) = self.string(table, key)? else {
            return Ok(None);
        };
        let path = match (text.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.file.parent().unwrap_or(Path::new(".")).join(text),
        };
        Ok(Some(path))
    }

    fn truth(&self, table: &dyn TableLike, key: &str) -> Result<bool, Problem> {
        table.get(key).map_or(Ok(false), |item| {
            item.as_bool()
                .ok_or_else(|| self.wrong(item.span(), &format!("{key} must be true or false")))
        })
    }

    fn wrong(&self, span: Option<Range<usize>>, message: &str) -> Problem {
        if !self.is_written {
            return Problem::usage(message);
        }
        let line = span
            .and_then(|span| self.text.get(..span.start))
            .map(|before| format!(":{}", before.matches('\n').count() + 1));
        Problem::usage(format!(
            "{}{}: {message}",
            shown(self.file),
            line.unwrap_or_default()
        ))
    }
}

fn span_of(table: &dyn TableLike, key: &str) -> Option<Range<usize>> {
    table.key(key).and_then(toml_edit::Key::span)
}
