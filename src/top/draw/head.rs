//! The first rows: which server it is and when it was seen, the verdict, and the worst finding with its command.

use ratatui::buffer::Buffer;

use super::paint::Pen;
use crate::findings::Severity;
use crate::model::{Time, Tone, escaped, format_duration, human_bytes, human_millis};
use crate::streams::about::Memory;
use crate::top::event::{LastChange, Look};
use crate::top::state::State;
use crate::view::{Theme, to_the_second};

pub(super) fn draw(buffer: &mut Buffer, state: &State, theme: Theme) {
    let end = buffer.area.width;
    server(&mut Pen::new(buffer, theme, (0, end), 0), state);
    verdict(&mut Pen::new(buffer, theme, (0, end), 1), state);
    next_step(&mut Pen::new(buffer, theme, (0, end), 2), state);
}

/// Whether the figures are old, and so is the verdict.
pub(super) fn word(state: &State) -> &'static str {
    match &state.latest {
        Some(_) if state.outage.is_some() => "OLD",
        Some(look) => look.doctor.verdict.word(),
        None => "UNKNOWN",
    }
}

pub(super) fn tone(state: &State) -> Tone {
    match &state.latest {
        Some(_) if state.outage.is_some() => Tone::Bad,
        Some(look) => of_severity(look.doctor.verdict),
        None => Tone::Warn,
    }
}

pub(super) const fn of_severity(severity: Severity) -> Tone {
    match severity {
        Severity::Ok => Tone::Ok,
        Severity::Unknown | Severity::Warning => Tone::Warn,
        Severity::Critical => Tone::Bad,
    }
}

fn server(pen: &mut Pen<'_>, state: &State) {
    let mut parts = Vec::new();
    if let Some(look) = &state.latest {
        let about = &look.about;
        parts.extend(about.server.as_ref().map(|it| escaped(it.as_bytes())));
        parts.extend(about.role.as_ref().map(|it| escaped(it.as_bytes())));
        parts.push(to_the_second(about.now.unwrap_or(look.at)));
        parts.extend(look.memory.map(memory));
    }
    if let Some((since, _)) = &state.paused {
        let ago = human_millis(state.now.ms.saturating_sub(since.ms));
        pen.write(
            Tone::Warn,
            &format!("PAUSED since {} ({ago})", clock(*since)),
        );
        pen.write(Tone::Plain, "  ");
    }
    if state.is_recorded {
        let held = if state.is_held { ", held" } else { "" };
        pen.write(Tone::Warn, &format!("RECORDED{held}"))
            .write(Tone::Plain, "  ");
    }
    pen.write(Tone::Heading, &escaped(state.name.as_bytes()));
    for part in parts {
        pen.write(Tone::Dim, " · ").write(Tone::Plain, &part);
    }
    let every = format!("every {}", format_duration(state.every));
    pen.write(Tone::Dim, " · ").write(Tone::Dim, &every);
}

fn memory(Memory { used, max }: Memory) -> String {
    match max {
        Some(max) => {
            let percent = u128::from(used) * 100 / u128::from(max.max(1));
            format!("mem {percent}%")
        }
        None => format!("mem {}", human_bytes(used)),
    }
}

/// `18:06:10Z`.
pub(super) fn clock(at: Time) -> String {
    let text = to_the_second(at);
    text.split_once('T')
        .map_or(text.clone(), |(_, clock)| clock.to_owned())
}

fn verdict(pen: &mut Pen<'_>, state: &State) {
    let Some(look) = &state.latest else {
        pen.write(Tone::Warn, "asking for the figures");
        return;
    };
    if let Some((why, since)) = &state.outage {
        let age = human_millis(state.now.ms.saturating_sub(look.at.ms));
        let text = format!(
            ": these figures are {age} old; since {}: {why}; trying again",
            clock(*since)
        );
        pen.write(tone(state), word(state))
            .write(Tone::Plain, &text);
        return;
    }
    for (place, (severity, count)) in counts(look).into_iter().enumerate() {
        let text = format!("{} {count}", severity.word());
        pen.write(Tone::Plain, if place > 0 { ", " } else { "" });
        pen.write(of_severity(severity), &text);
    }
    if !look.denied.is_empty() {
        let names: Vec<String> = look.denied.iter().map(ToString::to_string).collect();
        pen.write(
            Tone::Warn,
            &format!(" · not allowed to read {}", names.join(", ")),
        );
    }
    match look.doctor.findings.first() {
        Some(worst) => {
            let text = format!(" · {}: {}", worst.subject(), worst.summary);
            pen.write(Tone::Plain, &text);
        }
        None => {
            pen.write(tone(state), word(state));
            pen.write(Tone::Plain, &format!(": {}", look.doctor.summary));
        }
    }
}

/// How many findings there are of each severity, the worst first.
fn counts(look: &Look) -> Vec<(Severity, usize)> {
    let of = |severity: Severity| {
        let found = look.doctor.findings.iter();
        (severity, found.filter(|it| it.severity == severity).count())
    };
    let all = [Severity::Critical, Severity::Warning, Severity::Unknown];
    all.map(of)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// What to type about the worst finding, and what was changed last.
fn next_step(pen: &mut Pen<'_>, state: &State) {
    let worst = state
        .latest
        .as_ref()
        .and_then(|it| it.doctor.findings.first());
    let next = worst.filter(|it| !it.next.is_empty());
    if let Some(worst) = next {
        pen.write(Tone::Plain, "→ ")
            .write(Tone::Heading, &worst.next);
    }
    let last_change = state.latest.as_ref().and_then(|it| it.last_change.as_ref());
    if let Some(LastChange { row, undo }) = last_change {
        let told = row.told(state.now, undo.as_ref());
        pen.write(Tone::Dim, if next.is_some() { " · " } else { "" })
            .write(Tone::Dim, "last change: ")
            .write(Tone::Plain, &told);
    }
}
