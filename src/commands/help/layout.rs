//! The layout of help on a screen: what the command does, its usage, its examples, its own options under headings,
//! and one line about the options that every command has. Manual pages and `--help-json` have layouts of their own.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::Command;
use clap::builder::StyledStr;

use super::describe::{EXAMPLES, after_help, examples_and_rest};
use crate::commands::{HEADINGS, tree};

/// The order of the parts: `{before-help}` is the examples, or the commands under their headings.
const TEMPLATE: &str =
    "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}{all-args}{after-help}";
/// The same order of parts for the tool itself, whose commands must not be listed twice.
const ROOT_TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}\
                             Options:\n{options}{after-help}";
/// The line that takes the place of the options that every command has.
const REFERENCE: &str = "Global options (-u URL, --context, -o FORMAT, …): ucp-streams help global";
/// The word after `help` that shows the options that every command has.
const GLOBAL: &str = "global";

/// The tree of commands with this layout.
pub(in crate::commands) fn laid_out(root: Command) -> Command {
    let commands = grouped(&root);
    let root = root
        .mut_args(|option| {
            let is_global = option.is_global_set();
            option.hide_short_help(is_global).hide_long_help(is_global)
        })
        .mut_subcommands(below);
    let after =
        format!("`ucp-streams COMMAND --help` explains a command, with examples.\n{REFERENCE}");
    root.help_template(ROOT_TEMPLATE)
        .before_help(commands)
        .after_help(after)
}

fn below(command: Command) -> Command {
    let command = command.mut_subcommands(below);
    let (examples, rest) = examples_and_rest(&after_help(&command));
    let mut after = rest;
    if !after.is_empty() {
        after.push_str("\n\n");
    }
    after.push_str(REFERENCE);
    let command = command.help_template(TEMPLATE).after_help(after);
    if examples.is_empty() {
        return command;
    }
    let header = *command.get_styles().get_header();
    let title = EXAMPLES.trim_end();
    let mut before = format!("{header}{title}{header:#}");
    for line in examples.lines() {
        before.push('\n');
        before.push_str(line);
    }
    command.before_help(StyledStr::from(before))
}

/// The commands under their headings, one line each.
fn grouped(root: &Command) -> StyledStr {
    let header = *root.get_styles().get_header();
    let literal = *root.get_styles().get_literal();
    let names = HEADINGS.iter().flat_map(|(_, names)| names.iter());
    let width = names.map(|name| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (place, (heading, names)) in HEADINGS.iter().enumerate() {
        let between = if place == 0 { "" } else { "\n\n" };
        // Into a string nothing can fail.
        let _ = write!(text, "{between}{header}{heading}:{header:#}");
        for command in names.iter().filter_map(|name| root.find_subcommand(name)) {
            let (name, about) = (command.get_name(), command.get_about());
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = write!(text, "\n  {literal}{name:<width$}{literal:#}  {about}");
        }
    }
    StyledStr::from(text)
}

/// The help about the options that every command has, when `args` ask for it.
pub(in crate::commands) fn of_globals(args: &[OsString]) -> Option<StyledStr> {
    let words = args.iter().skip(1);
    let mut words = words
        .filter_map(|word| word.to_str())
        .filter(|word| !word.starts_with('-'));
    if (words.next(), words.next(), words.next()) != (Some("help"), Some(GLOBAL), None) {
        return None;
    }
    let tree = tree();
    let globals = tree.get_arguments().filter(|it| it.is_global_set());
    let help = Command::new("ucp-streams")
        .about("Options that every command has, before or after its name")
        .override_usage("ucp-streams [GLOBAL OPTIONS] COMMAND [OPTIONS]")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(globals.cloned())
        .render_long_help();
    Some(help)
}

#[cfg(test)]
mod tests {
    use super::super::describe::shown;
    use super::*;

    #[test]
    fn every_command_is_under_one_heading() {
        let tree = tree();
        let mut listed: Vec<&str> = HEADINGS
            .iter()
            .flat_map(|it| it.1.iter().copied())
            .collect();
        let shown = shown(&tree);
        let mut there: Vec<&str> = shown
            .iter()
            .filter(|(path, _)| path.len() == 2)
            .map(|(path, _)| path[1].as_str())
            .collect();
        listed.sort_unstable();
        there.sort_unstable();
        assert_eq!(listed, there);
    }

    #[test]
    fn a_command_is_one_line_of_the_list() {
        let help = laid_out(tree()).render_help().to_string();
        for line in help.lines().filter(|line| line.starts_with("  ")) {
            assert!(line.len() <= 80, "{line}");
        }
    }

    #[test]
    fn examples_follow_the_usage_and_globals_are_referred_to() {
        let mut tree = laid_out(tree());
        tree.build();
        let worker = tree.find_subcommand_mut("worker").expect("there");
        let run = worker.find_subcommand_mut("run").expect("there");
        for help in [run.render_help(), run.render_long_help()] {
            let help = help.to_string();
            let place = |text: &str| help.find(text).unwrap_or_else(|| panic!("{text}: {help}"));
            assert!(place("Usage:") < place("Examples:"), "{help}");
            assert!(place("Examples:") < place("Arguments:"), "{help}");
            assert!(place("--exec") < place(REFERENCE), "{help}");
            assert!(!help.contains("--password-file"), "{help}");
            assert_eq!(help.matches("Examples:").count(), 1, "{help}");
        }
        let args = ["ucp-streams", "help", "global"].map(OsString::from);
        let globals = of_globals(&args).expect("asked for").to_string();
        assert!(globals.contains("--password-file"), "{globals}");
        assert!(globals.contains("--yes"), "{globals}");
        assert!(of_globals(&args[..2]).is_none());
    }
}
