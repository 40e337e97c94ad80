//! The runbook's text, read: its sections, and in them the commands with what is shown under each.

/// What stands under a heading, up to the next one.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) heading: &'a str,
    pub(super) parts: Vec<Part<'a>>,
}

/// A piece of a section.
#[derive(Debug)]
pub(super) enum Part<'a> {
    /// A line that is no command and no output, without its end.
    Text(&'a str),
    /// A command, and what it shows.
    Step { command: &'a str, shown: String },
}

impl Section<'_> {
    /// It as it stands, without its heading.
    pub(super) fn text(&self) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(line) => format!("{line}\n"),
            Part::Step { command, shown } => format!("$ {command}\n{shown}"),
        });
        parts.collect()
    }
}

/// The sections; the first is what stands above all headings.
pub(super) fn sections(text: &str) -> Vec<Section<'_>> {
    let section = |heading| Section {
        heading,
        parts: Vec::new(),
    };
    let mut sections = vec![section("")];
    let mut is_fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
        } else if let Some(heading) = line.strip_prefix("## ").filter(|_| !is_fenced) {
            sections.push(section(heading));
            continue;
        }
        let parts = &mut sections.last_mut().unwrap().parts;
        let command = line.strip_prefix("$ ").filter(|_| is_fenced);
        match (command, parts.last_mut()) {
            (Some(command), _) => parts.push(Part::Step {
                command,
                shown: String::new(),
            }),
            (None, Some(Part::Step { shown, .. })) if is_fenced => {
                shown.push_str(line);
                shown.push('\n');
            }
            _ => parts.push(Part::Text(line)),
        }
    }
    sections
}
