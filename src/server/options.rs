//! The configuration of a private server, and its arguments.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// How much of the data survives the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing.
    #[default]
    None,
    /// An append-only file that is synced every second: a crash of the machine loses about a second.
    EverySecond,
    /// An append-only file that is synced before each reply: an acknowledged write survives.
    Always,
}

/// How to start a private server.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much of the data survives it.
    pub persistence: Persistence,
    /// Listen on this port of 127.0.0.1 as well; the unix socket is always there.
    pub port: Option<u16>,
    /// Further server arguments, as `--name value`; they come last and take precedence.
    pub args: Vec<OsString>,
    /// How long it may take until it answers, counted again each time it says that it is loading its data.
    pub ready_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            persistence: Persistence::None,
            port: None,
            args: Vec::new(),
            ready_within: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// The defaults with this persistence.
    pub fn with_persistence(persistence: Persistence) -> Self {
        Self {
            persistence,
            ..Self::default()
        }
    }

    /// The server's arguments for data in `dir`, the unix socket `socket` and the log file `log`.
    pub(super) fn arguments(&self, dir: &Path, socket: &Path, log: &Path) -> Vec<OsString> {
        let port = self.port.unwrap_or(0).to_string();
        let (append_only, fsync) = match self.persistence {
            Persistence::None => ("no", "no"),
            Persistence::EverySecond => ("yes", "everysec"),
            Persistence::Always => ("yes", "always"),
        };
        let mut arguments: Vec<OsString> = vec!["--dir".into(), dir.into()];
        arguments.extend(["--unixsocket".into(), socket.into()]);
        arguments.extend(["--logfile".into(), log.into()]);
        let fixed = [
            ["--unixsocketperm", "700"],
            ["--bind", "127.0.0.1"],
            ["--port", &port],
            ["--save", ""],
            ["--appendonly", append_only],
            ["--appendfsync", fsync],
        ];
        arguments.extend(fixed.as_flattened().iter().map(OsString::from));
        arguments.extend(self.args.iter().cloned());
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(options: &Options) -> String {
        options
            .arguments(Path::new("/d"), Path::new("/d/s"), Path::new("/d/l"))
            .join(&OsString::from(" "))
            .into_string()
            .unwrap()
    }

    #[test]
    fn the_network_is_off_unless_a_port_is_given() {
        assert!(arguments(&Options::default()).contains("--port 0"));
        let options = Options {
            port: Some(7001),
            ..Options::default()
        };
        assert!(arguments(&options).contains("--bind 127.0.0.1 --port 7001"));
    }

    #[test]
    fn extra_arguments_come_last() {
        let options = Options {
            args: vec!["--appendonly".into(), "no".into()],
            ..Options::with_persistence(Persistence::Always)
        };
        let text = arguments(&options);
        assert!(text.contains("--appendonly yes --appendfsync always"));
        assert!(text.ends_with("--appendonly no"));
    }
}
