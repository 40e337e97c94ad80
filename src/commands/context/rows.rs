//! How contexts are shown: never with a secret.

use crate::model::{Cell, CommandLine, Tone, escaped, report};
use crate::settings::contexts::{NamedContext, Selection};

report! {
    /// A line of `context list`.
    #[derive(Debug)]
    pub(in crate::commands) struct ContextRow {
        name: String => text("NAME"),
        selected: bool => whole("SELECTED"),
        url: String => text("URL"),
        production: bool => whole("PRODUCTION") by |row| marked(row.production),
    }
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

report! {
    /// Everything in a context.
    #[derive(Debug)]
    pub(in crate::commands) struct Details {
        name: String => text("NAME"),
        selected: bool => whole("SELECTED"),
        url: String => text("URL"),
        production: bool => whole("PRODUCTION") by |row| marked(row.production),
        /// Where its password comes from: a file, `url`, or nowhere.
        password: Option<String> => text("PASSWORD FROM"),
        tls_ca: Option<String> => text("TLS CA"),
        tls_cert: Option<String> => text("TLS CERT"),
        tls_key: Option<String> => text("TLS KEY"),
        tls_server_name: Option<String> => text("TLS SERVER NAME"),
        topology: Option<String> => text("TOPOLOGY"),
    }
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
    format!("changed context {}", named(name, context))
}

pub(super) fn removed(name: &str, was_selected: bool) -> String {
    let name = escaped(name.as_bytes());
    if was_selected {
        format!("removed context {name}; no context is selected now")
    } else {
        format!("removed context {name}")
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
