//! The dialogs that lead to a change: who gets the entries, the plan, consent.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr as _;

use super::help::boxed;
use super::paint::Pen;
use crate::model::{ConsumerInfo, Tone, counted, escaped, human_count, human_millis, with_commas};
use crate::streams::retry_stream::Route;
use crate::top::action::{Action, Consented, Dialog, Proposal, Selected};
use crate::view::{Theme, fitted};

/// How many consumers are listed around the chosen one.
const CONSUMERS_MAX: usize = 12;

/// A line of a dialog.
type Line = (Tone, String);

pub(super) fn draw(buffer: &mut Buffer, dialog: &Dialog, theme: Theme) {
    let (title, lines) = match dialog {
        Dialog::Recipient {
            which,
            consumers,
            at,
            ..
        } => (recipient_title(which), recipients(consumers, *at)),
        Dialog::Planning(action) => (action.verb().to_owned(), vec![plain("planning")]),
        Dialog::Refused { action, why } => (action.verb().to_owned(), refused(action, why)),
        Dialog::Consent {
            action,
            proposal,
            typed,
        } => (action.verb().to_owned(), consent(proposal, typed)),
        Dialog::Applying(action, tried) => {
            let tried = with_commas(tried);
            let line =
                format!("under way, {tried} tried; q or Ctrl-C stops it before the next entries");
            (action.verb().to_owned(), vec![plain(line)])
        }
        Dialog::Unlock { name, typed } => ("production".to_owned(), unlock(name, typed)),
    };
    let width = buffer.area.width.saturating_sub(6).min(96);
    let lines: Vec<Line> = lines
        .into_iter()
        .flat_map(|line| broken(line, width))
        .collect();
    let inner = boxed(
        buffer,
        &title,
        u16::try_from(lines.len()).unwrap_or(u16::MAX),
    );
    // Where not all of it fits, what is asked is at the end.
    let skipped = lines.len().saturating_sub(usize::from(inner.height));
    for (y, (tone, text)) in (inner.y..inner.bottom()).zip(&lines[skipped..]) {
        Pen::new(buffer, theme, (inner.x, inner.right()), y).write(*tone, text);
    }
}

fn plain(text: impl Into<String>) -> Line {
    (Tone::Plain, text.into())
}

/// The line, between words where it is too wide. A command line is never broken by an indent.
fn broken((tone, text): Line, width: u16) -> Vec<Line> {
    if text.width() <= usize::from(width) {
        return vec![(tone, text)];
    }
    let fitted = fitted(text, Some(width), 2);
    fitted.lines().map(|line| (tone, line.to_owned())).collect()
}

fn recipient_title(which: &Selected) -> String {
    match which {
        Selected::Stale => "claim the stale entries for".to_owned(),
        Selected::StaleOf(holder) => format!("claim the stale entries of {holder} for"),
        Selected::Entry(id) => format!("claim {id} for"),
    }
}

fn recipients(consumers: &[ConsumerInfo], at: usize) -> Vec<Line> {
    let first = at / CONSUMERS_MAX * CONSUMERS_MAX;
    let shown = consumers.iter().enumerate().skip(first).take(CONSUMERS_MAX);
    let line = |(place, it): (usize, &ConsumerInfo)| {
        let (tone, mark) = if place == at {
            (Tone::Heading, ">")
        } else {
            (Tone::Plain, " ")
        };
        let (pending, idle) = (human_count(it.pending), human_millis(it.idle_ms));
        (
            tone,
            format!("{mark} {}  {pending} pending, idle {idle}", it.name),
        )
    };
    let mut lines: Vec<Line> = shown.map(line).collect();
    if consumers.len() > CONSUMERS_MAX {
        lines.push((Tone::Dim, format!("{} of {}", at + 1, consumers.len())));
    }
    lines.push(plain(""));
    lines.push((Tone::Dim, "Enter: plan it, Esc: leave".to_owned()));
    lines
}

fn refused(action: &Action, why: &[String]) -> Vec<Line> {
    let mut lines: Vec<Line> = why.iter().map(|it| (Tone::Warn, it.clone())).collect();
    let asks_of_others = why.iter().any(|it| it.contains("--all-groups-see-it"));
    let keys = match action {
        Action::Requeue { route, .. } | Action::Redrive { route, .. }
            if asks_of_others && *route == Route::OneGroup =>
        {
            "v: via the retry stream, a: agree that all groups see it, Esc: leave"
        }
        _ => "Esc: leave",
    };
    lines.extend([plain(""), (Tone::Dim, keys.to_owned())]);
    lines
}

fn consent(proposal: &Proposal, typed: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = proposal.plan.lines().map(plain).collect();
    let (entries, more) = &proposal.entries;
    lines.extend(entries.iter().map(|it| (Tone::Dim, format!("  {it}"))));
    lines.extend(and_more(*more).map(|it| (Tone::Dim, format!("  {it}"))));
    lines.extend(proposal.warnings.iter().map(|it| (Tone::Warn, it.clone())));
    lines.push(plain("the same as:"));
    lines.push((Tone::Heading, format!("  {}", proposal.command)));
    lines.push(plain(""));
    let question = match &proposal.consent {
        Consented::Yes => "Proceed? [y/N]".to_owned(),
        Consented::Name(name) => {
            format!(
                "This is production. Type {} to proceed",
                escaped(name.as_bytes())
            )
        }
    };
    lines.push((Tone::Heading, format!("{question}: {typed}_")));
    lines.push((Tone::Dim, "Enter: answer, Esc: leave".to_owned()));
    lines
}

fn unlock(name: &str, typed: &str) -> Vec<Line> {
    let name = escaped(name.as_bytes());
    vec![
        plain(format!(
            "This server is that of the production context {name}: nothing can be changed."
        )),
        plain(""),
        (
            Tone::Heading,
            format!("Type {name} to allow changes: {typed}_"),
        ),
        (Tone::Dim, "Enter: answer, Esc: leave".to_owned()),
    ]
}

/// `… and 3 more entries`.
fn and_more(count: usize) -> Option<String> {
    (count > 0).then(|| format!("… and {}", counted(count, "more entry", "more entries")))
}
