//! Command lines of this tool as text that can be pasted into a shell, for hints and undo lines.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use super::Name;
use super::escape::is_unsafe;

/// A command of this tool with its arguments. Its `Display` is one line that is safe to print and that a POSIX shell
/// (and bash, zsh and fish) splits into exactly these words.
#[derive(Clone, Debug)]
pub struct CommandLine {
    program: &'static str,
    command: Cow<'static, str>,
    words: Vec<Word>,
}

#[derive(Clone, Debug)]
enum Word {
    /// Already quoted.
    Option(String),
    Argument {
        quoted: String,
        is_dashed: bool,
    },
    /// A placeholder for the reader to fill in: `ID…`.
    Blank(&'static str),
}

impl CommandLine {
    /// `ucp-streams COMMAND`: `groups set-id`.
    pub fn new(command: impl Into<Cow<'static, str>>) -> Self {
        Self::of_program(TOOL, command)
    }

    /// A command line of another program: `PROGRAM COMMAND`.
    pub fn of_program(program: &'static str, command: impl Into<Cow<'static, str>>) -> Self {
        Self {
            program,
            command: command.into(),
            words: Vec::new(),
        }
    }

    /// The same command line with an argument.
    #[must_use]
    pub fn arg(mut self, value: impl Argument) -> Self {
        let (quoted, is_dashed) = value.into_word();
        self.words.push(Word::Argument { quoted, is_dashed });
        self
    }

    /// The same command line with an option and its value: `--stream S`.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Argument) -> Self {
        self.words.push(Word::Option(option(name, value)));
        self
    }

    /// The same command line with an option that has no value: `--force`.
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>) -> Self {
        self.words.push(Word::Option(name.into()));
        self
    }

    /// The same command line with a placeholder for the reader to fill in: `ID…`.
    #[must_use]
    pub fn blank(mut self, what: &'static str) -> Self {
        self.words.push(Word::Blank(what));
        self
    }
}

/// What this tool is called.
const TOOL: &str = "ucp-streams";
/// Commands that ask no server.
const SERVERLESS: [&str; 5] = [
    "completions",
    "context",
    "man",
    "topology example",
    "topology show",
];

/// The options with which this process was told where its server is, as they were typed.
static SERVER_OPTIONS: OnceLock<Vec<String>> = OnceLock::new();

/// Adds these options, each quoted, to every command that this process suggests from now on, so that it asks the same
/// server. Everything that suggests a command would have to be handed them otherwise. Only the first call counts.
pub fn suggest_with(options: Vec<String>) {
    let _ = SERVER_OPTIONS.set(options);
}

impl CommandLine {
    /// The options of [`suggest_with`] that it does not have itself.
    fn server_options(&self) -> impl Iterator<Item = &'static String> {
        let asks_none = |it: &&str| {
            let more = self.command.strip_prefix(*it);
            more.is_some_and(|more| more.is_empty() || more.starts_with(' '))
        };
        let asks = self.program == TOOL && !SERVERLESS.iter().any(asks_none);
        let options = SERVER_OPTIONS.get().filter(|_| asks);
        options.into_iter().flatten().filter(|option| {
            let name = |text: &str| text.split([' ', '=']).next().map(str::to_owned);
            let is_own =
                |word: &Word| matches!(word, Word::Option(own) if name(own) == name(option));
            !self.words.iter().any(is_own)
        })
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.program, self.command)?;
        let is_dashed = |it: &Word| matches!(it, Word::Argument { is_dashed, .. } if *is_dashed);
        let mut server_options = self.server_options();
        if !self.words.iter().any(is_dashed) {
            self.words
                .iter()
                .try_for_each(|word| write!(f, " {word}"))?;
            return server_options.try_for_each(|option| write!(f, " {option}"));
        }
        // An argument that looks like an option is one only before `--`.
        let (options, arguments): (Vec<&Word>, Vec<&Word>) = self
            .words
            .iter()
            .partition(|it| matches!(it, Word::Option(_)));
        options.iter().try_for_each(|word| write!(f, " {word}"))?;
        server_options.try_for_each(|option| write!(f, " {option}"))?;
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

/// A possible argument of this tool: a name, in a form that [`Name::typed`] parses, or another text, which is used
/// unchanged.
pub trait Argument {
    /// The word for a shell, and whether its value looks like an option.
    fn into_word(self) -> (String, bool);
}

impl Argument for &Name {
    fn into_word(self) -> (String, bool) {
        let word = self.word();
        let is_dashed = word.trim_start_matches('\'').starts_with('-');
        (word, is_dashed)
    }
}

impl Argument for &str {
    fn into_word(self) -> (String, bool) {
        (quoted(self.as_bytes()), self.starts_with('-'))
    }
}

impl Argument for &[u8] {
    fn into_word(self) -> (String, bool) {
        (quoted(self), self.starts_with(b"-"))
    }
}

impl Argument for String {
    fn into_word(self) -> (String, bool) {
        self.as_str().into_word()
    }
}

/// An option with its value, as it is typed: `--stream S`.
pub fn option(name: &str, value: impl Argument) -> String {
    let (quoted, is_dashed) = value.into_word();
    // A value that looks like an option would be taken for one.
    let between = if is_dashed { "=" } else { " " };
    format!("{name}{between}{quoted}")
}

/// `bytes` as one shell word, for anything that is not a name (for names see [`Name::word`]). Plain words stay
/// unchanged. Characters that must not reach a terminal, and those that fish interprets inside quotes, are written
/// with `printf` (which loses a line feed at the very end, because a shell's substitution drops it).
pub fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => text.to_owned(),
        Ok(text) if !text.chars().any(|it| it == '\\' || is_unsafe(it)) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => printed(bytes),
    }
}

fn is_plain(text: &str) -> bool {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "_-./:@+,".contains(it);
    !text.is_empty() && text.chars().all(is_plain)
}

/// As a format for `printf`: all bytes except plain characters in octal.
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

    const ODD: [&str; 12] = [
        "events.raw",
        "it's here",
        "$HOME `id` \"x\" * ? ~ ! #",
        "~",
        "=ls",
        "{events.raw}:dlq",
        "\u{fc}mlaut \u{1f600}",
        "bell\x07 tab\t line\nend",
        "a\\\\b\\",
        "rtl\u{202e}",
        "--yes",
        "--yes\n\\",
    ];

    #[track_caller]
    fn is_safe(line: &str) {
        assert!(!line.chars().any(is_unsafe), "{line:?}");
    }

    #[test]
    fn a_shell_reads_any_text_back() {
        for text in ODD.into_iter().chain([""]) {
            let line = CommandLine::new("ack").arg(text).to_string();
            is_safe(&line);
            let words = read_back(&line);
            assert_eq!(words.last().unwrap(), text.as_bytes(), "{line}");
            assert_eq!(words.len(), if text.starts_with('-') { 3 } else { 2 });
            let line = CommandLine::new("pending").option("--stream", text);
            let words = read_back(&line.to_string()).join(&b' ');
            assert!(words.ends_with(text.as_bytes()), "{line}");
        }
    }

    #[test]
    fn this_tool_reads_any_name_back() {
        let odd = ODD.map(str::as_bytes).into_iter();
        for name in odd.chain([&b""[..], b"bad\xff\xfe%s\\n'", b"a\0b", b"$'a'", b"\"\\$'"]) {
            let name = Name::new(name);
            let line = CommandLine::new("ack").arg(&name).to_string();
            is_safe(&line);
            let words = read_back(&line);
            assert_eq!(
                Name::typed(words.last().unwrap()),
                Ok(name.clone()),
                "{line}"
            );
            assert_eq!(words.len(), if words[1] == b"--" { 3 } else { 2 });
            let line = CommandLine::new("pending").option("--stream", &name);
            let word = read_back(&line.to_string()).pop().unwrap();
            let value = word.strip_prefix(b"--stream=").unwrap_or(&word);
            assert_eq!(Name::typed(value), Ok(name), "{line}");
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
