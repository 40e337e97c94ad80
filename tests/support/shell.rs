//! Shells with this tool's completion, in a terminal.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::Terminal;

/// What the shell's own start-up file says, its name, and how it is started with it.
#[derive(Debug)]
pub struct Shell {
    file: &'static str,
    text: String,
    command: &'static str,
}

/// GNU bash.
pub fn bash() -> Shell {
    Shell {
        file: "rc",
        text: format!(
            "PS1='ready> '\nsource '{}/ucp-streams.bash'\n",
            scripts().display()
        ),
        command: "bash --noprofile --rcfile rc -i",
    }
}

/// The Z shell.
pub fn zsh() -> Shell {
    Shell {
        file: ".zshrc",
        text: format!(
            "PS1='ready> '\nfpath=('{}' $fpath)\nautoload -Uz compinit\ncompinit -u -D\n",
            scripts().display()
        ),
        command: "ZDOTDIR=$HOME zsh -i",
    }
}

/// fish.
pub fn fish() -> Shell {
    Shell {
        file: "init.fish",
        text: format!(
            "function fish_prompt; echo -n 'ready> '; end\nset -g fish_greeting\nsource '{}/ucp-streams.fish'\n",
            scripts().display()
        ),
        command: "fish --no-config --init-command 'source init.fish' -i",
    }
}

/// elvish, where it is installed.
pub fn elvish() -> Option<Shell> {
    let found = Command::new("elvish").arg("-version").output();
    found.ok().map(|_| Shell {
        file: "rc.elv",
        text: format!(
            "set edit:prompt = {{ put 'ready> ' }}\nset edit:rprompt = {{ }}\neval (slurp < '{}/ucp-streams.elv')\n",
            scripts().display()
        ),
        command: "elvish -rc rc.elv",
    })
}

fn scripts() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions")
}

impl Shell {
    /// Starts it in `home`, with `url` as the tool's server, and awaits its prompt.
    #[track_caller]
    pub fn start(&self, home: TempDir, url: &str) -> Terminal {
        fs::write(home.path().join(self.file), &self.text).unwrap();
        let terminal = Terminal::start(home, url, self.command);
        terminal.shows("ready>");
        terminal
    }
}
