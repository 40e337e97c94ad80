//! The header line of commands that look, shown on a terminal: which server, its time, and how many alerts there are.

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use super::Options;
use crate::model::{CommandLine, Time, Tone, counted, escaped, format_duration};
use crate::streams::about::{About, Alarm};
use crate::topology::Level;

/// The separator between two parts.
const DOT: &str = " ·";
/// The indent of the parts of the header that do not fit into its first line.
const INDENT: &str = "  ";

/// The content of the line.
#[derive(Debug)]
pub struct Header<'a> {
    /// The name of the server's context, or its address.
    pub name: String,
    /// What the server says about itself.
    pub about: &'a About,
    /// How often it is drawn again, if it is.
    pub every: Option<Duration>,
}

impl Header<'_> {
    /// The line with its line end. If it is too long for the screen, it is broken between parts.
    pub fn text(&self, options: &Options) -> Vec<u8> {
        let limit = options.width.map_or(usize::MAX, usize::from);
        let (mut text, mut column) = (String::new(), 0);
        for (tone, part) in self.parts() {
            let size = part.width();
            if column > 0 {
                text.push_str(&options.theme.paint(Tone::Dim, DOT));
                column += DOT.width() + 1;
                if column + size > limit {
                    text.push('\n');
                    text.push_str(INDENT);
                    column = INDENT.len();
                } else {
                    text.push(' ');
                }
            }
            text.push_str(&options.theme.paint(tone, &part));
            column += size;
        }
        text.push('\n');
        text.into_bytes()
    }

    fn parts(&self) -> Vec<(Tone, String)> {
        let About {
            server,
            role,
            now,
            alarm,
        } = self.about;
        let said = |text: &String| (Tone::Dim, escaped(text.as_bytes()));
        let mut parts = vec![(Tone::Heading, escaped(self.name.as_bytes()))];
        parts.extend(server.as_ref().map(said));
        parts.extend(role.as_ref().map(said));
        parts.extend(now.map(|now| (Tone::Dim, to_the_second(now))));
        if let Some(every) = self.every {
            let every = format!("every {}", format_duration(every));
            parts.push((Tone::Dim, every));
        }
        parts.extend(alarm.and_then(Self::alarm));
        parts
    }

    /// The number of alerts, and the command that shows them; `None` when there are none.
    fn alarm(Alarm { alerts, worst }: Alarm) -> Option<(Tone, String)> {
        let tone = match worst {
            Some(Level::Critical) => Tone::Bad,
            _ => Tone::Warn,
        };
        let count = counted(alerts, "alert", "alerts");
        let text = format!("{count}: {}", CommandLine::new("check"));
        (alerts > 0).then_some((tone, text))
    }
}

/// A time without its fraction of a second.
pub fn to_the_second(time: Time) -> String {
    let text = time.to_string();
    let whole = text.split_once('.').map(|(whole, _)| format!("{whole}Z"));
    whole.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Format;

    fn about(alerts: u64) -> About {
        About {
            server: Some("redis 8.2.1".to_owned()),
            role: Some("master".to_owned()),
            now: Some(Time::from_ms(1_706_691_600_123)),
            alarm: Some(Alarm {
                alerts,
                worst: Some(Level::Critical),
            }),
        }
    }

    fn shown(name: &str, about: &About, width: u16) -> String {
        let options = Options {
            width: Some(width),
            ..Options::new(Format::Table)
        };
        let header = Header {
            name: name.to_owned(),
            about,
            every: None,
        };
        String::from_utf8(header.text(&options)).expect("UTF-8")
    }

    #[test]
    fn the_line_names_the_server_and_what_is_wrong() {
        let line = "prod · redis 8.2.1 · master · 2024-01-31T09:00:00Z";
        assert_eq!(shown("prod", &about(0), 80), format!("{line}\n"));
        assert_eq!(
            shown("prod", &about(1), 80),
            format!("{line} · 1 alert: ucp-streams check\n")
        );
        assert_eq!(
            shown("prod", &about(12), 60),
            format!("{line} ·\n  12 alerts: ucp-streams check\n")
        );
    }

    #[test]
    fn what_nobody_says_is_left_out() {
        assert_eq!(shown("prod", &About::default(), 80), "prod\n");
        assert_eq!(shown("a\x1b[2Jb", &About::default(), 80), "a\\x1b[2Jb\n");
    }
}
