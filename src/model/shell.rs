//! Command lines of this tool as text to be pasted into a shell: what hints and undo lines suggest.

use std::fmt::{self, Write as _};

use super::name::is_unsafe;

/// A command of this tool with its arguments. Its `Display` is one line that a POSIX shell (and bash, zsh and fish)
/// reads back as exactly these words, and that is safe to print.
#[derive(Clone, Debug)]
pub struct CommandLine {
    command: &'static str,
    words: Vec<Word>,
}

#[derive(Clone, Debug)]
enum Word {
    /// Quoted already.
    Option(String),
    Argument {
        quoted: String,
        is_dashed: bool,
    },
    /// What the reader is to fill in: `ID…`.
    Blank(&'static str),
}

impl CommandLine {
    /// `ucp-streams COMMAND`: `groups set-id`.
    pub fn new(command: &'static str) -> Self {
        let words = Vec::new();
        Self { command, words }
    }

    /// With an argument.
    #[must_use]
    pub fn arg(mut self, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.words.push(Word::Argument {
            quoted: quoted(value),
            is_dashed: value.starts_with(b"-"),
        });
        self
    }

    /// With an option and its value: `--stream S`.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        // A value that looks like an option would be taken for one.
        let between = if value.starts_with(b"-") { "=" } else { " " };
        let option = format!("{name}{between}{}", quoted(value));
        self.words.push(Word::Option(option));
        self
    }

    /// With what the reader is to fill in: `ID…`.
    #[must_use]
    pub fn blank(mut self, what: &'static str) -> Self {
        self.words.push(Word::Blank(what));
        self
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ucp-streams {}", self.command)?;
        let is_dashed = |it: &Word| matches!(it, Word::Argument { is_dashed, .. } if *is_dashed);
        if !self.words.iter().any(is_dashed) {
            return self.words.iter().try_for_each(|word| write!(f, " {word}"));
        }
        // An argument that looks like an option is one only before `--`.
        let (options, arguments): (Vec<&Word>, Vec<&Word>) = self
            .words
            .iter()
            .partition(|it| matches!(it, Word::Option(_)));
        options.iter().try_for_each(|word| write!(f, " {word}"))?;
        f.write_str(" --")?;
        arguments.iter().try_for_each(|word| write!(f, " {word}"))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Option(text) | Self::Argument { quoted: text, .. } => text,
            Self::Blank(what) => what,
        })
    }
}

/// `bytes` as one word of a shell. Plain names stay as they are; what must not reach a terminal as it is comes from
/// `printf` (a line feed at the very end is lost there, as a shell's substitution drops it).
pub fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => text.to_owned(),
        Ok(text) if !text.chars().any(is_unsafe) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => printed(bytes),
    }
}

fn is_plain(text: &str) -> bool {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "_-./:@+,".contains(it);
    !text.is_empty() && text.chars().all(is_plain)
}

/// As a format of `printf`, all but plain characters as their bytes in octal.
fn printed(bytes: &[u8]) -> String {
    let mut text = String::from("\"$(printf '");
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b" _./:@+,".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "\\{byte:03o}");
        }
    }
    text.push_str("')\"");
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The words that `sh` makes of `line`, the name of the tool left out.
    fn read_back(line: &str) -> Vec<Vec<u8>> {
        let script = format!("ucp_streams() {{ printf '%s\\0' \"$@\"; }}; {line}")
            .replace("ucp-streams ", "ucp_streams ");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{line}");
        let mut words: Vec<Vec<u8>> = output.stdout.split(|it| *it == 0).map(Into::into).collect();
        words.pop();
        words
    }

    #[test]
    fn a_shell_reads_any_name_back() {
        for name in [
            &b"events.raw"[..],
            b"it's here",
            b"$HOME `id` \"x\" \\ * ? ~ ! #",
            b"~",
            b"=ls",
            b"{events.raw}:dlq",
            b"",
            "\u{fc}mlaut \u{1f600}".as_bytes(),
            b"bell\x07 tab\t line\nend",
            b"bad\xff\xfe%s\\n'",
            "rtl\u{202e}".as_bytes(),
            b"--yes",
        ] {
            let line = CommandLine::new("ack").arg(name).to_string();
            assert!(!line.chars().any(is_unsafe), "{line:?}");
            let words = read_back(&line);
            assert_eq!(words.last().map(Vec::as_slice), Some(name), "{line}");
            let line = CommandLine::new("pending").option("--stream", name);
            let words = read_back(&line.to_string()).join(&b' ');
            assert!(words.ends_with(name), "{line}");
        }
    }

    #[test]
    fn plain_names_stay_readable() {
        let line = CommandLine::new("groups set-id")
            .arg("event-processors")
            .option("--stream", "events.raw")
            .arg("1-0")
            .blank("ID…");
        assert_eq!(
            line.to_string(),
            "ucp-streams groups set-id event-processors --stream events.raw 1-0 ID…"
        );
    }

    #[test]
    fn what_looks_like_an_option_is_none() {
        let line = CommandLine::new("ack")
            .arg("-g")
            .option("--stream", "-s")
            .arg("1-0");
        assert_eq!(line.to_string(), "ucp-streams ack --stream=-s -- -g 1-0");
    }
}
