//! The places of the two files.

use std::path::PathBuf;

use crate::settings::Env;

/// The files of contexts, by the XDG base directories; `None` when not even a home directory is known.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `~/.config/ucp-streams/config.toml`: the operator's file, which is written only by `context add`, `edit` and
    /// `remove`.
    pub config: Option<PathBuf>,
    /// `~/.local/state/ucp-streams/context.toml`: which context is selected.
    pub state: Option<PathBuf>,
    /// `~/.local/state/ucp-streams/snapshots`: the directory of snapshots.
    pub snapshots: Option<PathBuf>,
    /// `~/.local/state/ucp-streams/replays`: how far replays of archives have come.
    pub replays: Option<PathBuf>,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
}

impl Places {
    /// The places that `$XDG_CONFIG_HOME` and `$XDG_STATE_HOME` name if they are absolute, otherwise the places in the
    /// home directory.
    pub fn of(env: &Env) -> Self {
        let path = |variable| env.path(variable).map(|path| path.value);
        let home = path("HOME").or_else(|| path("USERPROFILE"));
        let base = |variable, usual: &str| {
            path(variable)
                .filter(|path| path.is_absolute())
                .or_else(|| Some(home.as_ref()?.join(usual)))
                .map(|base| base.join("ucp-streams"))
        };
        Self {
            config: base("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("config.toml")),
            state: base("XDG_STATE_HOME", ".local/state").map(|dir| dir.join("context.toml")),
            snapshots: base("XDG_STATE_HOME", ".local/state").map(|dir| dir.join("snapshots")),
            replays: base("XDG_STATE_HOME", ".local/state").map(|dir| dir.join("replays")),
            home,
        }
    }
}
