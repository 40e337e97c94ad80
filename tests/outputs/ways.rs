//! How a command is run, and what holds of every run whatever it prints.

use crate::mask::regex;
use crate::support::{Invocation, Run};

/// Columns of the terminals.
pub(crate) const COLUMNS: u16 = 80;

/// Where a command's outputs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Into pipes.
    Piped,
    /// To a terminal that shows colours.
    Terminal,
    /// The same, with `NO_COLOR=1`.
    NoColour,
    /// A terminal that can do nothing.
    Dumb,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Piped, Self::Terminal, Self::NoColour, Self::Dumb];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Piped => "piped",
            Self::Terminal => "terminal",
            Self::NoColour => "NO_COLOR",
            Self::Dumb => "TERM=dumb",
        }
    }

    pub(crate) fn apply(self, invocation: Invocation) -> Invocation {
        let on_terminals = |it: Invocation| it.on_terminals(COLUMNS);
        match self {
            Self::Piped => invocation.env("TERM", "xterm-256color"),
            Self::Terminal => on_terminals(invocation).env("TERM", "xterm-256color"),
            Self::NoColour => on_terminals(invocation)
                .env("TERM", "xterm-256color")
                .env("NO_COLOR", "1"),
            Self::Dumb => on_terminals(invocation).env("TERM", "dumb"),
        }
    }
}

/// An output format, or none said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Default,
    Named(&'static str),
}

impl Form {
    pub(crate) const ALL: [Self; 7] = [
        Self::Named("table"),
        Self::Named("wide"),
        Self::Named("json"),
        Self::Named("ndjson"),
        Self::Named("csv"),
        Self::Named("plain"),
        Self::Default,
    ];

    pub(crate) fn args(self) -> Vec<&'static str> {
        match self {
            Self::Default => Vec::new(),
            Self::Named(name) => vec!["-o", name],
        }
    }

    /// It as a heading.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Default => "without -o".to_owned(),
            Self::Named(_) => self.args().join(" "),
        }
    }

    /// The format that is meant.
    pub(crate) fn meant(self, way: Way) -> &'static str {
        match (self, way) {
            (Self::Named(name), _) => name,
            (Self::Default, Way::Piped) => "plain",
            (Self::Default, _) => "table",
        }
    }
}

/// Escape bytes stand nowhere but in colours on a terminal that wants them.
#[track_caller]
pub(crate) fn assert_no_stray_escape(run: &Run, form: &str, way: Way) {
    for text in [run.stdout(), &settled(run.stderr(), way)] {
        let rest = match way {
            Way::Terminal => without_colours(text),
            _ => text.to_owned(),
        };
        let rest = match form {
            // Lines of csv end as its standard says.
            "csv" => rest.replace("\r\n", "\n"),
            _ => rest,
        };
        let stray = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
        assert!(
            !rest.contains(stray),
            "a control character, {}: {rest:?}\n{run}",
            way.word()
        );
        assert!(
            !rest.contains('\u{202e}'),
            "a bidi control: {rest:?}\n{run}"
        );
    }
}

/// What is left of standard error when a progress bar has come and gone. Only a terminal that can do it has one. Lines that a
/// terminal's width broke are whole again: where they are broken depends on the moment's figures.
pub(crate) fn settled(text: &str, way: Way) -> String {
    let bar = regex("(?m)[^\n]*\r\u{1b}\\[2K");
    match way {
        Way::Piped => text.to_owned(),
        Way::Dumb => unbroken(text),
        Way::Terminal | Way::NoColour => unbroken(&bar.replace_all(text, "")),
    }
}

fn unbroken(text: &str) -> String {
    use unicode_width::UnicodeWidthStr as _;
    let mut whole = String::new();
    let mut before = 0;
    for line in text.lines() {
        let shown = without_colours(line);
        let words = shown.trim_start();
        let first = words.split(' ').next().unwrap_or_default();
        let is_command = first.trim_start_matches('`') == "ucp-streams";
        let is_broken = before + 1 + first.width() > usize::from(COLUMNS) || is_command;
        if words.len() < shown.len() && is_broken && whole.ends_with('\n') {
            whole.pop();
            let end = whole.trim_end_matches(" \\").len();
            whole.truncate(end);
            whole.push(' ');
            whole.push_str(line.trim_start());
        } else {
            whole.push_str(line);
        }
        before = shown.width();
        whole.push('\n');
    }
    whole
}

fn without_colours(text: &str) -> String {
    let colour = regex("\u{1b}\\[[0-9;]*m");
    colour.replace_all(text, "").into_owned()
}

/// What a script reads line by line has one row a line, whatever the values hold.
#[track_caller]
pub(crate) fn assert_rows_are_lines(run: &Run, form: &str) {
    let text = run.stdout().replace("\r\n", "\n");
    let entry = regex(r"^(\S+\t)?\d+-\d+(\t|$)");
    match form {
        "json" if !text.is_empty() => {
            run.stdout_json();
        }
        "ndjson" => {
            run.stdout_ndjson();
        }
        // Entries have as many fields as they have, and no header.
        "plain" if entry.is_match(&text) && text.lines().all(|it| entry.is_match(it)) => {}
        "csv" | "plain" => {
            for part in text.split("\n\n") {
                let mut counts: Vec<usize> = part.lines().map(|it| fields(it, form)).collect();
                counts.dedup();
                assert!(counts.len() <= 1, "rows of {counts:?} fields\n{run}");
            }
        }
        _ => {}
    }
}

/// The fields of a line of csv or plain.
fn fields(line: &str, form: &str) -> usize {
    if form == "plain" {
        return line.split('\t').count();
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(line.as_bytes());
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 1, "one record: {line}");
    records[0].len()
}

/// A table, which is what stands under a line of capitals, fits its terminal, unless it was asked for whole.
#[track_caller]
pub(crate) fn assert_fits(run: &Run) {
    use unicode_width::UnicodeWidthStr as _;
    let text = without_colours(run.stdout());
    let is_header =
        |line: &str| line.starts_with(char::is_uppercase) && line == line.to_uppercase();
    for table in text.split("\n\n") {
        for line in table.lines().skip_while(|line| !is_header(line)) {
            assert!(
                line.width() <= usize::from(COLUMNS),
                "too wide: {line}\n{run}"
            );
        }
    }
}
