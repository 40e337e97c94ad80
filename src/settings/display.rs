//! How a command shows things: format, colour, width, verbosity. Resolving this never fails, so that even a wrong
//! setting elsewhere can be reported in the way the operator wants.

use super::{Env, Origin, Setting};
use crate::cli::Names;
use crate::cli::{ColorChoice, Globals};
use crate::model::Format;
use crate::model::Name;

/// A pager that shows everything at once counts as no pager.
const NO_PAGER: &str = "cat";

/// The pager for output that is longer than the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PagerChoice {
    /// `less`, if it is installed.
    Usual,
    /// This command line, run by a shell.
    Named(String),
}

/// The resolved display settings.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent choices")]
pub struct DisplaySettings {
    /// The output format.
    pub format: Setting<Format>,
    /// Items are formatted by a template, which receives them as JSON; nothing else is shown as JSON.
    pub by_template: bool,
    /// `--columns`; empty for the default columns.
    pub columns: Vec<Name>,
    /// Whether to print header lines.
    pub headers: bool,
    /// `--names`.
    pub names: bool,
    /// `--csv-safe`.
    pub csv_safe: bool,
    /// Colour on standard output.
    pub colour_stdout: Setting<bool>,
    /// Colour on standard error.
    pub colour_stderr: Setting<bool>,
    /// Whether the terminal can redraw: `$TERM` is set and not `dumb`.
    pub redraws: bool,
    /// The pager for output that is longer than the screen, if one may be used.
    pub pager: Option<PagerChoice>,
    /// `$COLUMNS`: the width of a terminal that does not tell its own, or of an explicit `-o table` elsewhere.
    pub columns_of_env: Option<u16>,
    /// Leave out notes and progress.
    pub quiet: bool,
    /// How often `-v` was given.
    pub verbosity: u8,
    /// `--yes`.
    pub yes: bool,
}

impl DisplaySettings {
    /// Resolves the settings from flags, environment, and whether the two outputs are terminals.
    pub fn resolve(globals: &Globals, env: &Env, stdout_tty: bool, stderr_tty: bool) -> Self {
        Self {
            format: match globals.output {
                _ if globals.template.is_some() => {
                    Setting::new(Format::Ndjson, Origin::Flag("--template"))
                }
                Some(format) => Setting::new(format, Origin::Flag("--output")),
                None if globals.jq.is_some() => Setting::new(Format::Json, Origin::Flag("--jq")),
                None if stdout_tty => Setting::new(Format::Table, Origin::Terminal),
                None => Setting::new(Format::Plain, Origin::Terminal),
            },
            by_template: globals.template.is_some(),
            columns: Names::all(globals.columns.clone()),
            headers: !globals.no_headers,
            names: globals.names,
            csv_safe: globals.csv_safe,
            colour_stdout: colour(globals.color, env, stdout_tty),
            colour_stderr: colour(globals.color, env, stderr_tty),
            redraws: redraws(env),
            pager: pager(globals, env).filter(|_| stdout_tty && redraws(env)),
            columns_of_env: env
                .text("COLUMNS")
                .and_then(|columns| columns.value.parse().ok())
                .filter(|columns| *columns > 0),
            quiet: globals.quiet,
            verbosity: globals.verbose,
            yes: globals.yes,
        }
    }

    /// The output of `-v`: one line per value, with its origin.
    pub fn describe(&self) -> Vec<String> {
        let when = |colour: Setting<bool>| if colour.value { "yes" } else { "no" };
        let Self {
            format,
            colour_stdout: colour,
            ..
        } = self;
        vec![
            format!("output {}, from {}", format.value.word(), format.origin),
            format!("colour {}, from {}", when(*colour), colour.origin),
        ]
    }
}

fn redraws(env: &Env) -> bool {
    cfg!(not(unix)) || env.has("TERM") && !env.is("TERM", "dumb")
}

fn pager(globals: &Globals, env: &Env) -> Option<PagerChoice> {
    if globals.no_pager || cfg!(not(unix)) {
        return None;
    }
    let named = env.text("UCP_STREAMS_PAGER").or_else(|| env.text("PAGER"));
    match named {
        None => Some(PagerChoice::Usual),
        Some(line) if line.value.trim() == NO_PAGER => None,
        Some(line) => Some(PagerChoice::Named(line.value)),
    }
}

/// Whether an output has colour. The flag decides, then `NO_COLOR`, then `CLICOLOR_FORCE`, then whether the output is
/// a terminal that has colours. Source: no-color.org, bixense.com/clicolors.
fn colour(choice: ColorChoice, env: &Env, tty: bool) -> Setting<bool> {
    let (value, origin) = match choice {
        ColorChoice::Always => (true, Origin::Flag("--color")),
        ColorChoice::Never => (false, Origin::Flag("--color")),
        ColorChoice::Auto if env.has("NO_COLOR") => (false, Origin::Env("NO_COLOR")),
        ColorChoice::Auto if env.has("CLICOLOR_FORCE") && !env.is("CLICOLOR_FORCE", "0") => {
            (true, Origin::Env("CLICOLOR_FORCE"))
        }
        ColorChoice::Auto if env.is("TERM", "dumb") => (false, Origin::Env("TERM")),
        ColorChoice::Auto if env.is("CLICOLOR", "0") => (false, Origin::Env("CLICOLOR")),
        ColorChoice::Auto => (tty, Origin::Terminal),
    };
    Setting::new(value, origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::of(|variable| {
            pairs
                .iter()
                .find(|(name, _)| *name == variable)
                .map(|(_, value)| (*value).into())
        })
    }

    #[test]
    fn colour_is_decided_once_for_each_output() {
        use ColorChoice::{Always, Auto, Never};
        for (choice, pairs, tty, expected) in [
            (Auto, &[][..], true, true),
            (Auto, &[], false, false),
            (Auto, &[("NO_COLOR", "1")], true, false),
            (Auto, &[("NO_COLOR", "")], true, true),
            (
                Auto,
                &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
                true,
                false,
            ),
            (Auto, &[("CLICOLOR_FORCE", "1")], false, true),
            (Auto, &[("CLICOLOR_FORCE", "0")], false, false),
            (Auto, &[("TERM", "dumb")], true, false),
            (Auto, &[("CLICOLOR", "0")], true, false),
            (Always, &[("NO_COLOR", "1"), ("TERM", "dumb")], false, true),
            (Never, &[("CLICOLOR_FORCE", "1")], true, false),
        ] {
            assert_eq!(
                colour(choice, &env(pairs), tty).value,
                expected,
                "{choice:?} {pairs:?} {tty}"
            );
        }
        let display = DisplaySettings::resolve(&Globals::default(), &env(&[]), true, false);
        assert!(display.colour_stdout.value && !display.colour_stderr.value);
        assert_eq!(
            colour(Auto, &env(&[("NO_COLOR", "1")]), true).origin,
            Origin::Env("NO_COLOR")
        );
    }

    #[test]
    fn the_format_follows_the_output_unless_said() {
        let format =
            |globals: &Globals, tty| DisplaySettings::resolve(globals, &env(&[]), tty, tty).format;
        let plain = Globals::default();
        assert_eq!(format(&plain, true).value, Format::Table);
        assert_eq!(format(&plain, false).value, Format::Plain);
        let json = Globals {
            output: Some(Format::Json),
            ..Globals::default()
        };
        assert_eq!(
            format(&json, true),
            Setting::new(Format::Json, Origin::Flag("--output"))
        );
    }

    #[test]
    fn a_width_that_is_none_is_no_width() {
        for (text, width) in [("100", Some(100)), ("0", None), ("wide", None)] {
            let display = DisplaySettings::resolve(
                &Globals::default(),
                &env(&[("COLUMNS", text)]),
                true,
                true,
            );
            assert_eq!(display.columns_of_env, width);
        }
    }
}
