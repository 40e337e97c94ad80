//! The context `dev` of a directory's private server, which `dev start` adds and `dev stop` removes.

use crate::model::Problem;
use crate::settings::contexts::{ContextEdit, Contexts, Edit, NamedContext, Places, Selection};
use crate::wire::Transport;

const NAME: &str = "dev";

/// What `dev start` did with the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Kept {
    /// The context now names the server, and is selected.
    Selected,
    /// The operator has a context of this name for another server. It was not changed.
    Foreign,
}

/// Makes `dev` the context of the server at `url`, a unix socket, and selects it.
///
/// # Errors
/// As [`Contexts::edit`] and [`Selection::write`].
pub(in crate::commands) fn select(places: &Places, url: &str) -> Result<Kept, Problem> {
    let contexts = Contexts::read(places)?;
    let there = contexts.get(NAME).ok();
    if there.is_some_and(|context| !is_a_sockets(context)) {
        return Ok(Kept::Foreign);
    }
    if there.is_none_or(|context| context.endpoint.to_string() != url) {
        let change = ContextEdit::default().set("url", Some(url));
        contexts.edit(places, NAME, Edit::Put, change)?;
    }
    let selection = Selection::read(places)?;
    selection.switched_to(Some(NAME.to_owned())).write(places)?;
    Ok(Kept::Selected)
}

/// Removes `dev` when it is the context of the server at `url`. No context is selected afterwards: returning silently
/// to the one selected before could direct the next command at production.
///
/// # Errors
/// As [`select`].
pub(in crate::commands) fn remove(places: &Places, url: &str) -> Result<(), Problem> {
    let contexts = Contexts::read(places)?;
    let is_it = |context: &NamedContext| context.endpoint.to_string() == url;
    if !contexts.get(NAME).is_ok_and(is_it) {
        return Ok(());
    }
    contexts.edit(places, NAME, Edit::Remove, ContextEdit::default())?;
    let selection = Selection::read(places)?;
    selection.without(NAME).write(places)
}

fn is_a_sockets(context: &NamedContext) -> bool {
    matches!(context.endpoint.transport, Transport::Unix(_))
}
