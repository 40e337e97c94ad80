//! `completions`: prints the scripts that let a shell ask this tool for completions. They are the files in
//! `completions/`, built into the binary.

use anyhow::Result;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::shared::Context;
use crate::cli::Impact;
use crate::console::Console;
use crate::exit::Exit;

/// Print the script that completes this tool's commands in a shell
///
/// The script asks the tool itself for completions: commands, options, files, and the names of streams, groups and
/// consumers on the server that the command line refers to. When that server does not answer at once, its names are
/// left out.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, after_help = "\
Examples:
  # For the running shell only
  source <(ucp-streams completions bash)
  # For every new shell
  ucp-streams completions bash > \\
      ~/.local/share/bash-completion/completions/ucp-streams
  ucp-streams completions zsh > ~/.zfunc/_ucp-streams  # in $fpath
  ucp-streams completions fish > ~/.config/fish/completions/ucp-streams.fish")]
pub(super) struct Args {
    /// The shell to print the script for
    shell: Shell,
}

#[expect(clippy::unused_async, reason = "every command is run alike")]
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    print(&args, &context.console)
}

/// Reads no settings, so wrong connection settings cannot make it fail.
pub(super) fn print(args: &Args, console: &Console) -> Result<Exit> {
    console.put(args.shell.script().as_bytes())?;
    Ok(Exit::Done)
}

#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::enum_variant_names,
    reason = "the script is written to a file whose name the shell knows"
)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    PowerShell,
    Elvish,
}

impl Shell {
    const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../../completions/ucp-streams.bash"),
            Self::Zsh => include_str!("../../completions/_ucp-streams"),
            Self::Fish => include_str!("../../completions/ucp-streams.fish"),
            Self::PowerShell => include_str!("../../completions/ucp-streams.ps1"),
            Self::Elvish => include_str!("../../completions/ucp-streams.elv"),
        }
    }
}

impl ValueEnum for Shell {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Bash,
            Self::Zsh,
            Self::Fish,
            Self::PowerShell,
            Self::Elvish,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::PowerShell => "powershell",
            Self::Elvish => "elvish",
        }))
    }
}
