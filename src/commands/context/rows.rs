//! What is shown of contexts: never a secret.

use serde::Serialize;

use crate::model::{CommandLine, escaped};
use crate::settings::contexts::{NamedContext, Selection};
use crate::view::{Cell, Column, Row, Tone};

/// A line of `context list`.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct ContextRow {
    name: String,
    selected: bool,
    url: String,
    production: bool,
}

impl ContextRow {
    pub(super) fn new(name: &str, context: &NamedContext, selection: &Selection) -> Self {
        Self {
            name: name.to_owned(),
            selected: selection.current.as_deref() == Some(name),
            url: context.endpoint.to_string(),
            production: context.production,
        }
    }
}

impl Row for ContextRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("name", "NAME"),
        Column::whole("selected", "SELECTED"),
        Column::text("url", "URL"),
        Column::whole("production", "PRODUCTION"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            name,
            selected,
            url,
            production,
        } = self;
        vec![
            name.as_str().into(),
            (*selected).into(),
            url.as_str().into(),
            marked(*production),
        ]
    }
}

/// All of a context.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct Details {
    name: String,
    selected: bool,
    url: String,
    production: bool,
    /// Where its password comes from: its file, `url`, or nowhere.
    password: Option<String>,
    tls_ca: Option<String>,
    tls_cert: Option<String>,
    tls_key: Option<String>,
    tls_server_name: Option<String>,
    topology: Option<String>,
}

impl Details {
    pub(super) fn new(name: &str, context: &NamedContext, selection: &Selection) -> Self {
        let path = |path: &Option<std::path::PathBuf>| {
            path.as_ref()
                .map(|path| path.to_string_lossy().into_owned())
        };
        let in_url = || {
            context
                .endpoint
                .password
                .is_some()
                .then(|| "url".to_owned())
        };
        let tls = &context.endpoint.tls_options;
        let ContextRow {
            name,
            selected,
            url,
            production,
        } = ContextRow::new(name, context, selection);
        Self {
            name,
            selected,
            url,
            production,
            password: path(&context.password_file).or_else(in_url),
            tls_ca: path(&tls.ca),
            tls_cert: path(&tls.cert),
            tls_key: path(&tls.key),
            tls_server_name: tls.server_name.clone(),
            topology: path(&context.topology),
        }
    }
}

impl Row for Details {
    const COLUMNS: &'static [Column] = &[
        Column::text("name", "NAME"),
        Column::whole("selected", "SELECTED"),
        Column::text("url", "URL"),
        Column::whole("production", "PRODUCTION"),
        Column::text("password", "PASSWORD FROM"),
        Column::text("tls_ca", "TLS CA"),
        Column::text("tls_cert", "TLS CERT"),
        Column::text("tls_key", "TLS KEY"),
        Column::text("tls_server_name", "TLS SERVER NAME"),
        Column::text("topology", "TOPOLOGY"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            name,
            selected,
            url,
            production,
            password,
            tls_ca,
            tls_cert,
            tls_key,
            tls_server_name,
            topology,
        } = self;
        let text = |text: &Option<String>| Cell::or_nothing(text.clone());
        vec![
            name.as_str().into(),
            (*selected).into(),
            url.as_str().into(),
            marked(*production),
            text(password),
            text(tls_ca),
            text(tls_cert),
            text(tls_key),
            text(tls_server_name),
            text(topology),
        ]
    }
}

fn marked(production: bool) -> Cell {
    let tone = if production { Tone::Warn } else { Tone::Plain };
    Cell::Marked(tone, None, Box::new(production.into()))
}

pub(super) fn selected(name: &str, context: &NamedContext) -> String {
    format!("context {} is selected", named(name, context))
}

pub(super) fn added(name: &str, context: &NamedContext) -> String {
    let select = CommandLine::new("context use").arg(name);
    format!(
        "added context {}; select it with `{select}`",
        named(name, context)
    )
}

pub(super) fn changed(name: &str, context: &NamedContext) -> String {
    format!("context {} is changed", named(name, context))
}

pub(super) fn removed(name: &str, was_selected: bool) -> String {
    let name = escaped(name.as_bytes());
    if was_selected {
        format!("removed context {name}; no context is selected now")
    } else {
        format!("context {name} is removed")
    }
}

fn named(name: &str, context: &NamedContext) -> String {
    let name = escaped(name.as_bytes());
    let kind = if context.production {
        ", production"
    } else {
        ""
    };
    format!("{name} ({}{kind})", context.endpoint)
}
