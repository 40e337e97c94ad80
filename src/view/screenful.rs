//! What a screen shows that is drawn again and again: a report, what is said of it, and never more than fits.

use super::wrap::{columns_of, cropped};
use super::{Options, Tone, fitted};
use crate::model::{counted, escaped};

/// Draws everything at once, on terminals that can wait for it.
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[?2026l";
/// Clears to the end of the line, and from there to the end of the screen.
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_REST: &str = "\x1b[J";
/// How far what does not fit on the line of an outage is set in.
const INDENT: usize = 2;

/// The content of a screen.
#[derive(Clone, Debug, Default)]
pub struct Screenful {
    /// Why what stands below is old.
    pub outage: Option<String>,
    /// What a command wrote to its standard output.
    pub body: Vec<u8>,
    /// How many more lines it wrote, which were not kept.
    pub beyond: usize,
    /// What it said on standard error.
    pub said: Vec<String>,
}

impl Screenful {
    /// All of it, for a terminal on which it then stays.
    pub fn whole(&self, options: &Options) -> String {
        let mut text = String::new();
        for line in self.lines(options) {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// What draws it in place of what the screen showed before.
    pub fn drawn(&self, options: &Options, rows: usize) -> String {
        let columns = options.width.map_or(usize::MAX, usize::from);
        let mut lines = self.lines(options);
        if lines.len() + self.beyond > rows {
            let kept = rows.saturating_sub(1);
            let more = lines.len() + self.beyond - kept.min(lines.len());
            lines.truncate(kept);
            let lines_more = counted(more as u64, "more line does", "more lines do");
            let cut = format!("{lines_more} not fit on this screen");
            lines.push(options.theme.paint(Tone::Dim, &cut).into_owned());
        }
        let count = lines.len();
        let mut text = String::from(BEGIN);
        for (place, line) in lines.into_iter().enumerate() {
            if place > 0 {
                text.push_str("\r\n");
            }
            let line = cropped(&line, columns);
            // Behind the last column there is nothing to clear, and the cursor still stands on it.
            let clear = if columns_of(&line) < columns {
                CLEAR_LINE
            } else {
                ""
            };
            text.push_str(&line);
            text.push_str(clear);
        }
        if count < rows {
            text.push_str(if count > 0 { "\r\n" } else { "" });
            text.push_str(CLEAR_REST);
        }
        text.push_str(END);
        text
    }

    fn lines(&self, options: &Options) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(outage) = &self.outage {
            let outage = fitted(escaped(outage.as_bytes()), options.width, INDENT);
            lines.extend(
                outage
                    .lines()
                    .map(|it| options.theme.paint(Tone::Bad, it).into_owned()),
            );
        }
        lines.extend(
            String::from_utf8_lossy(&self.body)
                .lines()
                .map(str::to_owned),
        );
        lines.extend(
            self.said
                .iter()
                .flat_map(|it| it.lines())
                .map(str::to_owned),
        );
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Format;

    fn options(width: u16) -> Options {
        Options {
            width: Some(width),
            ..Options::new(Format::Table)
        }
    }

    fn screen(body: &str) -> Screenful {
        Screenful {
            body: body.into(),
            ..Screenful::default()
        }
    }

    #[test]
    fn it_begins_at_the_top_and_clears_what_it_does_not_cover() {
        assert_eq!(
            screen("one\ntwo\n").drawn(&options(10), 5),
            "\x1b[?2026h\x1b[Hone\x1b[K\r\ntwo\x1b[K\r\n\x1b[J\x1b[?2026l"
        );
        assert_eq!(
            screen("").drawn(&options(10), 5),
            "\x1b[?2026h\x1b[H\x1b[J\x1b[?2026l"
        );
    }

    #[test]
    fn it_never_moves_the_screen_up() {
        let full = screen("1234567890\nabcdefghijklm\n");
        assert_eq!(
            full.drawn(&options(10), 2),
            "\x1b[?2026h\x1b[H1234567890\r\nabcdefghij\x1b[?2026l"
        );
        let more = Screenful {
            beyond: 7,
            ..screen("a\nb\nc\n")
        };
        let drawn = more.drawn(&options(60), 3);
        assert!(
            drawn.contains("a\x1b[K\r\nb\x1b[K\r\n8 more lines do not fit on this screen"),
            "{drawn:?}"
        );
        for rows in 0..6 {
            let drawn = more.drawn(&options(60), rows);
            assert!(
                drawn.matches("\r\n").count() < rows.max(1),
                "{rows}: {drawn:?}"
            );
        }
    }

    #[test]
    fn an_outage_stands_above_the_old_figures_and_what_was_said_below_them() {
        let screen = Screenful {
            outage: Some("these are old\x07".into()),
            said: vec!["warning: a\n  b".into()],
            ..screen("lag 5\n")
        };
        assert_eq!(
            screen.whole(&options(80)),
            "these are old\\x07\nlag 5\nwarning: a\n  b\n"
        );
    }
}
