//! Changes the operator's file and leaves everything else in it as it was, including comments.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value, value};

use super::reader::{KEYS, TABLE, URL};
use super::{Contexts, Places, replace, text_in};
use crate::model::{CommandLine, Kind, Problem, escaped};
use crate::model::{did_you_mean, nearest};
use crate::wire::Readdress;

/// The kind of change to a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Adds a new one.
    Add,
    /// Adds a new one, or replaces the existing one.
    Put,
    /// Changes values of an existing one.
    Change,
    /// Removes it.
    Remove,
}

/// The keys to set and to remove, and the change to the address.
#[derive(Clone, Default)]
pub struct ContextEdit {
    set: Vec<(&'static str, Value)>,
    unset: Vec<&'static str>,
    readdress: Readdress,
}

impl ContextEdit {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.unset.is_empty() && self.readdress.is_empty()
    }

    /// The same with `key` set, when there is a value.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        self.set.extend(value.map(|value| (key, value.into())));
        self
    }

    /// The same with a path, which is written as an absolute one, because the file is read from any directory.
    ///
    /// # Errors
    /// A usage error when it is not UTF-8, which a TOML file must be.
    pub fn path(
        self,
        key: &'static str,
        path: Option<&Path>,
        here: &Path,
    ) -> Result<Self, Problem> {
        let Some(path) = path else { return Ok(self) };
        let path = here.join(path);
        let text = path.to_str().ok_or_else(|| {
            Problem::usage(format!(
                "{} is not UTF-8",
                escaped(path.as_os_str().as_encoded_bytes())
            ))
        })?;
        Ok(self.set(key, Some(text)))
    }

    /// The same with a changed address in the existing `url`.
    #[must_use]
    pub fn readdress(mut self, readdress: Readdress) -> Self {
        self.readdress = readdress;
        self
    }

    /// The same with `key` removed.
    ///
    /// # Errors
    /// A usage error with the nearest key when there is no such key, or when it is required.
    pub fn unset(mut self, key: &str) -> Result<Self, Problem> {
        let known = KEYS.iter().find(|known| **known == key && key != URL);
        let Some(known) = known else {
            let near = did_you_mean(nearest(key, KEYS[1..].iter().copied()));
            let key = escaped(key.as_bytes());
            return Err(
                Problem::usage(format!("`{key}` is not a key that can be unset{near}"))
                    .hint(format!("one of {}", KEYS[1..].join(", "))),
            );
        };
        self.unset.push(known);
        Ok(self)
    }
}

impl Contexts {
    /// Changes the file and reads it again; an invalid result is not written.
    ///
    /// # Errors
    /// When the context exists already, or does not exist, or the result is not valid; when the file cannot be
    /// written.
    pub fn edit(
        self,
        places: &Places,
        name: &str,
        edit: Edit,
        change: ContextEdit,
    ) -> Result<Self, Problem> {
        let file = places.config.as_deref().ok_or_else(homeless)?;
        match edit {
            Edit::Add if self.has(name) => return Err(exists(name)),
            Edit::Change | Edit::Remove => drop(self.get(name)?),
            Edit::Add | Edit::Put => {}
        }
        let text = text_in(file)?.unwrap_or_default();
        let mut document: DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| Problem::usage(error.message().to_owned()))?;
        let contexts = document.entry(TABLE).or_insert_with(hidden_table);
        let Some(contexts) = contexts.as_table_like_mut() else {
            return Err(Problem::usage(format!("`{TABLE}` is not a table")));
        };
        if matches!(edit, Edit::Remove | Edit::Put) {
            contexts.remove(name);
        }
        if edit != Edit::Remove {
            let context = contexts
                .entry(name)
                .or_insert_with(|| Item::Table(Table::new()));
            apply(context, change)?;
        }
        let text = document.to_string();
        super::reader::read_unwritten(file, &text, places.home.as_deref())?;
        replace(file, &text)?;
        Self::read(places)
    }
}

fn apply(context: &mut Item, change: ContextEdit) -> Result<(), Problem> {
    let Some(context) = context.as_table_like_mut() else {
        return Ok(());
    };
    for (key, new) in change.set {
        put(context, key, new);
    }
    for key in change.unset {
        context.remove(key);
    }
    let url = context.get(URL).and_then(Item::as_str);
    if let Some(url) = url.filter(|_| !change.readdress.is_empty()) {
        let url = change.readdress.applied_to(url).map_err(|error| {
            Problem::usage(error.to_string())
                .hint("give the whole address of the server with --url")
        })?;
        put(context, URL, url.into());
    }
    Ok(())
}

fn put(context: &mut dyn TableLike, key: &str, new: Value) {
    // The old value's decor, so that a comment behind it stays.
    match context.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = new;
            *old.decor_mut() = decor;
        }
        None => drop(context.insert(key, value(new))),
    }
}

/// A table that shows only as the `[contexts.NAME]` in it.
fn hidden_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

fn exists(name: &str) -> Problem {
    let change = CommandLine::new("context edit").arg(name).blank("…");
    let name = escaped(name.as_bytes());
    Problem::refused(format!("there is a context `{name}` already"))
        .hint(format!("change it: {change}"))
}

/// The error that there is no directory for the files.
pub(super) fn homeless() -> Problem {
    Problem::new(
        Kind::Local,
        "there is no home directory to keep contexts in",
    )
    .hint("set $HOME or $XDG_CONFIG_HOME and $XDG_STATE_HOME")
}
