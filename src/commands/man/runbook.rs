//! The runbook: what to type in which trouble. Its text is `runbook.md`, whose commands a test runs.

use anyhow::Result;
use clap::Command;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::page::{Page, RUNBOOK, header, section, see};

/// What `man` calls it.
pub(super) const NAME: &str = "runbook";

/// Markdown, of which it uses headings (`##`), paragraphs, code spans and fenced blocks.
const TEXT: &str = include_str!("runbook.md");

/// Its page.
///
/// # Errors
/// A bug: the page cannot be written to memory.
pub(super) fn page() -> Result<Vec<u8>> {
    let about = "what to type when something is wrong with the event pipeline";
    let also = ["ucp-streams", "ucp-streams-doctor", "ucp-streams-check"];
    of_text(RUNBOOK, about, TEXT, &also)
}

/// A page about no command, of Markdown; it names the pages to see also.
///
/// # Errors
/// A bug: the page cannot be written to memory.
pub(super) fn of_text(
    name: &'static str,
    about: &'static str,
    text: &str,
    also: &[&str],
) -> Result<Vec<u8>> {
    let mut page = Page::default();
    header(&mut page, name, &Command::new(name).about(about))?;
    page.roff(|roff| {
        section(roff, "DESCRIPTION");
        // Its first line is the title, which NAME has.
        let lines = { text.lines() }.skip_while(|it| it.is_empty() || it.starts_with("# "));
        body(roff, lines);
        see(roff, also.iter().copied());
    })?;
    Ok(page.into_text())
}

fn body<'a>(roff: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    let (mut is_fenced, mut is_between, mut is_begun) = (false, false, true);
    for line in lines {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
            // A section begins a paragraph by itself.
            if is_fenced && is_begun {
                roff.control("PP", []);
            }
            roff.control(if is_fenced { "nf" } else { "fi" }, []);
        } else if is_fenced {
            let word = if line.starts_with("$ ") {
                bold(line)
            } else {
                roman(line)
            };
            roff.text([word]);
        } else if line.is_empty() {
            is_between = is_begun;
            continue;
        } else if let Some(heading) = line.strip_prefix("## ") {
            section(roff, &heading.to_uppercase());
            // A section begins a paragraph by itself.
            (is_begun, is_between) = (false, false);
            continue;
        } else {
            if is_between {
                roff.control("PP", []);
            }
            roff.text(spans(line));
        }
        (is_begun, is_between) = (true, false);
    }
}

/// Text, in which what is between backticks is bold.
fn spans(line: &str) -> Vec<Inline> {
    let parts = line.split('`').enumerate();
    let inline = |(place, part): (usize, &str)| {
        if place % 2 == 1 {
            bold(part)
        } else {
            roman(part)
        }
    };
    parts.map(inline).collect()
}
