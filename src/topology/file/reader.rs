//! Walks a TOML document key by key, and gives each error its line. It knows nothing about topologies.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use toml_edit::{Document, Item as TomlItem, Key, TableLike, Value};

use crate::model::{Name, did_you_mean, escaped, nearest, parse_duration};

/// An error in a topology file, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file's name as it was given.
    pub file: String,
    /// The line, from 1; 0 when the error has none.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", escaped(self.file.as_bytes()))?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Collects errors, so that all of them are found at once.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    file: &'t str,
    text: &'t str,
    pub(super) errors: Vec<FileError>,
}

/// One key of a table and its value.
#[derive(Clone, Debug)]
pub(super) struct Item<'d> {
    pub(super) key: &'d str,
    /// The key with the tables it is in, `groups.mine.backoff.cap`.
    path: String,
    key_span: Range<usize>,
    value: Given<'d>,
}

/// What the file gives for a key, or within a list.
#[derive(Clone, Copy, Debug)]
enum Given<'d> {
    OfKey(&'d TomlItem),
    InList(&'d Value),
}

impl<'d> Given<'d> {
    /// A value, unless it is a table with a header of its own.
    fn value(self) -> Option<&'d Value> {
        match self {
            Self::OfKey(item) => item.as_value(),
            Self::InList(value) => Some(value),
        }
    }

    fn string(self) -> Option<&'d str> {
        self.value()?.as_str()
    }

    fn table(self) -> Option<&'d dyn TableLike> {
        match self {
            Self::OfKey(item) => item.as_table_like(),
            Self::InList(value) => value.as_inline_table().map(|it| it as &dyn TableLike),
        }
    }

    fn span(self) -> Range<usize> {
        let span = match self {
            Self::OfKey(item) => item.span(),
            Self::InList(value) => value.span(),
        };
        span.unwrap_or_default()
    }

    /// The type of the value, in a word.
    fn kind(self) -> &'static str {
        match self {
            Self::OfKey(TomlItem::ArrayOfTables(_)) => "array",
            _ if self.table().is_some() => "table",
            _ => self.value().map_or("nothing", Value::type_name),
        }
    }
}

impl Item<'_> {
    /// Where its key stands in the file.
    pub(super) fn key_span(&self) -> Range<usize> {
        self.key_span.clone()
    }

    /// Whether the value is exactly this string.
    pub(super) fn is_string(&self, text: &str) -> bool {
        self.value.string() == Some(text)
    }

    /// The elements of a list, each under the list's own key; `None` when it is not one.
    pub(super) fn elements(&self) -> Option<Vec<Self>> {
        let array = self.value.value()?.as_array()?;
        let element = |value| Self {
            value: Given::InList(value),
            ..self.clone()
        };
        Some(array.iter().map(element).collect())
    }

    /// Whether the value is `false`.
    pub(super) fn is_false(&self) -> bool {
        self.value.value().and_then(Value::as_bool) == Some(false)
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            text,
            errors: Vec::new(),
        }
    }

    /// The document; `None` when it is not TOML.
    pub(super) fn document(&mut self) -> Option<Document<&'t str>> {
        match Document::parse(self.text) {
            Ok(document) => Some(document),
            Err(error) => {
                let at = error.span().unwrap_or_default();
                self.error_at(&at, error.message());
                None
            }
        }
    }

    fn line_at(&self, span: &Range<usize>) -> usize {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        memchr::memchr_iter(b'\n', before).count() + 1
    }

    pub(super) fn error_at(&mut self, span: &Range<usize>, message: impl Into<String>) {
        let line = self.line_at(span);
        self.error_in_line(line, message);
    }

    pub(super) fn error_in_line(&mut self, line: usize, message: impl Into<String>) {
        self.errors.push(FileError {
            file: self.file.to_owned(),
            line,
            message: message.into(),
        });
    }

    /// Adds an error about an item's value.
    pub(super) fn error(&mut self, item: &Item<'_>, message: impl fmt::Display) {
        let text = format!("{}: {message}", item.path);
        self.error_at(&item.value.span(), text);
    }

    /// Adds an error about a key that is not in `known`.
    pub(super) fn unknown_key(&mut self, item: &Item<'_>, known: &[&str]) {
        let text = format!(
            "unknown key `{}`{} (known keys: {})",
            escaped(item.key.as_bytes()),
            did_you_mean(nearest(item.key, known.iter().copied())),
            known.join(", ")
        );
        self.error_at(&item.key_span, text);
    }

    /// The items of a table; empty, after an error, when it is not a table.
    pub(super) fn table<'d>(&mut self, item: &Item<'d>) -> Vec<Item<'d>> {
        match item.value.table() {
            Some(table) => items(table, &item.path),
            None => self.must_be(item, "a table").unwrap_or_default(),
        }
    }

    pub(super) fn string<'d>(&mut self, item: &Item<'d>) -> Option<&'d str> {
        let text = item.value.string();
        text.or_else(|| self.must_be(item, "a string"))
    }

    /// A whole number of at least `least`.
    pub(super) fn count(&mut self, item: &Item<'_>, least: u64) -> Option<u64> {
        let number = item.value.value().and_then(Value::as_integer);
        let number = number.and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| *number >= least);
        if number.is_none() {
            self.error(item, format!("must be a whole number of at least {least}"));
        }
        number
    }

    pub(super) fn duration(&mut self, item: &Item<'_>) -> Option<Duration> {
        let Some(text) = item.value.string() else {
            return self.must_be(item, "a duration as a string, such as \"60s\"");
        };
        match parse_duration(text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.error(item, error);
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, item: &Item<'_>, words: &[(&str, T)]) -> Option<T> {
        let text = self.string(item)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.not_one_of(item, text, &names);
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn not_one_of(&mut self, item: &Item<'_>, given: &str, words: &[&str]) {
        let text = format!(
            "`{}` is not one of {}{}",
            escaped(given.as_bytes()),
            words.join(", "),
            did_you_mean(nearest(given, words.iter().copied()))
        );
        self.error(item, text);
    }

    /// A list of strings; `None` without an error when it is not a list at all.
    pub(super) fn list_of_strings(&mut self, item: &Item<'_>) -> Option<Vec<String>> {
        let array = item.value.value()?.as_array()?;
        let strings = array.iter().map(|value| value.as_str().map(str::to_owned));
        let strings: Option<Vec<String>> = strings.collect();
        if strings.is_none() {
            self.error(item, "must contain only strings");
        }
        Some(strings.unwrap_or_default())
    }

    /// A list of names, each a field or a path into its JSON.
    pub(super) fn names(&mut self, item: &Item<'_>) -> Option<Vec<Name>> {
        let Some(names) = self.list_of_strings(item) else {
            return self.must_be(item, "a list of strings");
        };
        if names.iter().any(String::is_empty) {
            self.error(item, "must not contain an empty name");
        }
        Some(names.into_iter().map(Name::from).collect())
    }

    pub(super) fn must_be<T>(&mut self, item: &Item<'_>, what: &str) -> Option<T> {
        let is = item.value.kind();
        self.error(item, format!("must be {what}, and is {}", article(is)));
        None
    }
}

fn article(kind: &str) -> String {
    let an = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if an { "an" } else { "a" })
}

/// A table's items in the order of the file.
pub(super) fn items<'d>(table: &'d dyn TableLike, path: &str) -> Vec<Item<'d>> {
    let mut items: Vec<Item<'d>> = table
        .iter()
        .map(|(key, value)| Item {
            key,
            path: joined(path, key),
            key_span: table.key(key).and_then(Key::span).unwrap_or_default(),
            value: Given::OfKey(value),
        })
        .collect();
    items.sort_by_key(|item| item.key_span.start);
    items
}

fn joined(path: &str, key: &str) -> String {
    let key = Key::new(key).to_string();
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}
