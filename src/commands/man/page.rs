//! One manual page: what clap knows about a command, then its examples, output, exit status, environment and files.

use std::io;

use anyhow::{Context as _, Result};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use serde_json::Value;

use crate::cli::Prints;
use crate::commands::help::describe::{Facts, with_option};
use crate::commands::help::shape;
use crate::exit::Exit;
use crate::settings::Env;

/// The date of the manual pages. It is changed by hand for each release, so that the same source always gives the same
/// pages.
const DATE: &str = "2026-11-23";
const MANUAL: &str = "ucp-streams manual";
/// The pages that are about no command.
pub(super) const RUNBOOK: &str = "ucp-streams-runbook";
pub(super) const HANDLERS: &str = "ucp-streams-handlers";
pub(super) const MOVING: &str = "ucp-streams-moving";

/// The files that any command may read or create, and what they are.
const FILES: [(&str, &str); 5] = [
    (
        "~/.config/ucp-streams/config.toml",
        "The contexts: named connections. Written by the context commands, with permissions that let no other user \
            read it. When XDG_CONFIG_HOME is set, the file is there instead of in ~/.config.",
    ),
    (
        "~/.local/state/ucp-streams/context.toml",
        "The name of the selected context. When XDG_STATE_HOME is set, the file is there instead of in ~/.local/state.",
    ),
    (
        "ucp-streams.toml",
        "The topology: streams, groups and handlers, merged over the built-in ones. It is read from the working \
            directory, unless --topology or the environment names another file.",
    ),
    (
        ".ucp-streams/",
        "The private server of dev start: its data, its log and its socket. It is in the working directory, unless \
            --dir names another.",
    ),
    (
        "the file of --password-file",
        "The first line of the file is the password. A warning is printed when other users can read the file.",
    ),
];

/// Environment variables that belong to other software but have an effect here.
const OTHERS: [(&str, &str); 5] = [
    (
        "NOTIFY_SOCKET",
        "The socket on which a worker tells systemd that it is ready, alive, or stopping.",
    ),
    (
        "PATH",
        "The directories that are searched for the server binary and for the programs of --exec.",
    ),
    (
        "SSL_CERT_DIR",
        "A directory of certificate authorities that are trusted instead of the system's, unless --tls-ca names a file.",
    ),
    (
        "SSL_CERT_FILE",
        "A file of certificate authorities that are trusted instead of the system's, unless --tls-ca names a file.",
    ),
    (
        "WATCHDOG_USEC",
        "How long systemd waits for a worker's next keep-alive message, in microseconds.",
    ),
];

/// Every command, with the words that name it.
pub(super) type Pages<'a> = Vec<(Vec<String>, &'a Command)>;

/// The page of `command`, whose words are `path`; `pages` are all commands.
///
/// # Errors
/// A bug: the page cannot be written to memory.
pub(super) fn of(path: &[String], command: &Command, pages: &Pages<'_>) -> Result<Vec<u8>> {
    let facts = Facts::of(command);
    let mut page = Page::default();
    let man = header(&mut page, &path.join("-"), &alone(path, command))?;
    page.part(|out| man.render_synopsis_section(out))?;
    page.part(|out| man.render_description_section(out))?;
    page.roff(|roff| notes(roff, &facts))?;
    page.part(|out| man.render_options_section(out))?;
    page.roff(|roff| {
        if path.len() > 1 {
            section(roff, "GLOBAL OPTIONS");
            let reference = [roman("See "), bold("ucp-streams"), roman("(1).")];
            roff.text(reference);
        }
        commands(roff, path, pages);
        examples(roff, &facts.examples);
        output(roff, &facts);
        exit_status(roff);
        environment(roff);
        files(roff);
        see_also(roff, path, pages);
    })?;
    Ok(page.into_text())
}

/// Begins the page called `name` with its title and what it is about.
pub(super) fn header(page: &mut Page, name: &str, command: &Command) -> Result<Man> {
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .date(DATE)
        .source(format!("ucp-streams {}", env!("CARGO_PKG_VERSION")))
        .manual(MANUAL);
    page.part(|out| man.render_title(out))?;
    page.part(|out| man.render_name_section(out))?;
    Ok(man)
}

/// The command as if it were a tool of its own, without the options that all commands share.
fn alone(path: &[String], command: &Command) -> Command {
    let mut command = command.clone().disable_help_subcommand(true);
    if path.len() > 1 {
        command = command
            .disable_help_flag(true)
            .disable_version_flag(true)
            .display_name(path.join("-"));
    }
    command.bin_name(path.join(" "))
}

/// A page that is written in pieces. Each piece would begin with the same definitions, which are removed.
#[derive(Default)]
pub(super) struct Page {
    text: Vec<u8>,
}

impl Page {
    fn part(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<()> {
        let mut preamble = Vec::new();
        Roff::new().to_writer(&mut preamble)?;
        let mut piece = Vec::new();
        write(&mut piece).context("cannot write a manual page")?;
        let piece = String::from_utf8(piece).context("a manual page is not UTF-8")?;
        let preamble = String::from_utf8(preamble).context("a manual page is not UTF-8")?;
        let mut new = piece.as_str();
        if !self.text.is_empty() {
            new = new.strip_prefix(&preamble).unwrap_or(new);
        }
        // Two breaks around an empty line say what one macro does, and mandoc complains of them.
        for line in new.replace(".br\n\n.br\n", ".sp\n").lines() {
            self.text.extend_from_slice(line.trim_end().as_bytes());
            self.text.push(b'\n');
        }
        Ok(())
    }

    pub(super) fn roff(&mut self, fill: impl FnOnce(&mut Roff)) -> Result<()> {
        let mut roff = Roff::new();
        fill(&mut roff);
        self.part(|out| roff.to_writer(out))
    }

    pub(super) fn into_text(self) -> Vec<u8> {
        self.text
    }
}

pub(super) fn section(roff: &mut Roff, title: &str) {
    roff.control("SH", [title]);
}

/// A term and what it means.
fn term(roff: &mut Roff, term: Inline, meaning: &str) {
    roff.control("TP", []);
    roff.text([term]);
    roff.text([roman(meaning)]);
}

fn notes(roff: &mut Roff, facts: &Facts) {
    for note in &facts.notes {
        roff.control("PP", []);
        for line in note.lines() {
            roff.text([roman(line.trim())]);
        }
    }
    if let Some(impact) = facts.impact {
        roff.control("PP", []);
        roff.text([
            roman("Impact: "),
            bold(impact.word()),
            roman(format!(" \u{2013} {}.", impact.meaning())),
        ]);
        if let Some(with) = &facts.impact_with {
            let with = with_option(with).replacen("with", "With", 1);
            roff.text([roman(with.replace(" - ", " \u{2013} ") + ".")]);
        }
    }
}

fn commands(roff: &mut Roff, path: &[String], pages: &Pages<'_>) {
    let below: Vec<_> = pages
        .iter()
        .filter(|(other, _)| other.len() == path.len() + 1 && other.starts_with(path))
        .collect();
    if below.is_empty() {
        return;
    }
    section(roff, "COMMANDS");
    for (other, command) in below {
        let about = command.get_about().map(ToString::to_string);
        roff.control("TP", []);
        roff.text([bold(other.join("-")), roman("(1)")]);
        roff.text([roman(about.unwrap_or_default())]);
    }
}

fn examples(roff: &mut Roff, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    section(roff, "EXAMPLES");
    roff.control("nf", []);
    for line in lines.iter().flat_map(|example| example.lines()) {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

fn output(roff: &mut Roff, facts: &Facts) {
    let Some(prints) = facts.prints else {
        return;
    };
    section(roff, "OUTPUT");
    keys(roff, "-o json", prints);
    if let Some(plan) = facts.plan {
        roff.control("PP", []);
        keys(roff, "-o json --dry-run", plan);
    }
    if let Some(with) = facts.with {
        roff.control("PP", []);
        keys(roff, &format!("-o json --{}", with.option), with.prints);
    }
}

/// The keys of what is printed.
fn keys(roff: &mut Roff, flags: &str, prints: Prints) {
    let schema = Value::from(prints.schema());
    let what = shape::whole(&schema);
    roff.text([
        roman("With "),
        bold(flags),
        roman(format!(
            " {what} with these keys (ucp-streams --help-json has the JSON Schema):"
        )),
    ]);
    for key in shape::keys(&schema) {
        roff.control("TP", []);
        roff.text([bold(key.path), roman(format!(" ({})", key.kind))]);
        if !key.about.is_empty() {
            roff.text([roman(key.about)]);
        }
    }
}

fn exit_status(roff: &mut Roff) {
    section(roff, "EXIT STATUS");
    for exit in Exit::ALL {
        term(roff, bold(exit.code().to_string()), exit.meaning());
    }
}

fn environment(roff: &mut Roff) {
    section(roff, "ENVIRONMENT");
    let mut variables = [Env::known(), &OTHERS[..]].concat();
    variables.sort_unstable();
    for (name, meaning) in variables {
        term(roff, bold(name), meaning);
    }
}

fn files(roff: &mut Roff) {
    section(roff, "FILES");
    for (name, meaning) in FILES {
        term(roff, italic(name), meaning);
    }
}

/// The pages to see also: those of the parent command and of the sibling commands; of the tool itself those about no command.
fn see_also(roff: &mut Roff, path: &[String], pages: &Pages<'_>) {
    let above = &path[..path.len() - 1];
    let mut related: Vec<String> = pages
        .iter()
        .map(|(other, _)| other)
        .filter(|other| {
            let beside = above.len() > 1 && other.len() == path.len() && other.starts_with(above);
            *other != path && (*other == above || beside)
        })
        .map(|other| other.join("-"))
        .collect();
    if above.is_empty() {
        related.extend([RUNBOOK, HANDLERS, MOVING].map(str::to_owned));
    }
    if related.is_empty() {
        return;
    }
    see(roff, related);
}

/// The section that names other pages.
pub(super) fn see(roff: &mut Roff, names: impl IntoIterator<Item = impl Into<String>>) {
    section(roff, "SEE ALSO");
    let mut line = Vec::new();
    for name in names {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.push(bold(name));
        line.push(roman("(1)"));
    }
    roff.text(line);
}
