//! Completion for bash: `ucp-streams __complete-bash LINE TEXT NEXT`. LINE is the command line up to the cursor, as
//! it is typed; TEXT is the end of it that readline will replace; NEXT is the character after the cursor.
//!
//! Bash puts a candidate on the line unchanged, so names chosen by other people must be quoted for the place where
//! they will stand: outside of quotes, or inside `"…`, `'…` or `$'…`. When readline and the shell disagree about that
//! place, nothing is offered.

/// The kind of quotes that a character of the line is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Quote {
    #[default]
    None,
    /// `"…` and `$"…`
    Double,
    /// `'…`
    Single,
    /// `$'…`
    Ansi,
}

impl Quote {
    /// The character that ends it, according to readline.
    const fn end(self) -> Option<char> {
        match self {
            Self::None => None,
            Self::Double => Some('"'),
            Self::Single | Self::Ansi => Some('\''),
        }
    }
}

/// The line as the shell will read it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// The words before the one that is completed, unquoted.
    pub(super) words: Vec<String>,
    /// The word that is completed, unquoted.
    pub(super) current: String,
    /// The part of `current` that stays as it was typed.
    kept: String,
    /// The kind of quotes in which the replaced part begins.
    quote: Quote,
    /// Whether the character after the cursor would end the quotes.
    is_closed_behind: bool,
}

impl Typed {
    /// `None` when candidates cannot be inserted safely.
    pub(super) fn of(line: &str, text: &str, next: &str) -> Option<Self> {
        let mut reader = Reader::default();
        reader.read(line);
        let start = match reader.opened {
            // Readline replaces what is behind the open quote, whether or not `text` has the quote.
            Some(opened) if text.ends_with(&line[opened..]) && line.ends_with(text) => opened,
            Some(_) => return None,
            None => line.strip_suffix(text)?.len(),
        };
        if readline_quote(line) != reader.opened.zip(reader.quote.end()) {
            return None;
        }
        let mut before = Reader::default();
        before.read(&line[..start]);
        if before.quote != reader.quote || before.words.len() != reader.words.len() {
            return None;
        }
        let quote = reader.quote;
        let can_be = !reader.is_redirected && !before.is_escaped;
        can_be.then(|| Self {
            words: reader.words,
            current: reader.word,
            kept: before.word,
            quote,
            is_closed_behind: quote.end().is_some_and(|end| next.starts_with(end)),
        })
    }

    /// What bash has to insert for the whole word `value`; `None` when it cannot be inserted.
    pub(super) fn inserted(&self, value: &str) -> Option<String> {
        let rest = value.strip_prefix(&self.kept)?;
        let Some(end) = self.quote.end() else {
            return Some(unquoted(value, rest));
        };
        let mut text: String = rest.chars().map(|it| self.quoted(it)).collect();
        if self.is_closed_behind && text.contains(end) {
            return None;
        }
        // Readline takes a quote at the beginning for the one that is open already, and does not end quotes where the
        // last character is one.
        if text.starts_with(end) {
            text.insert(0, end);
        }
        if text.ends_with(end) {
            text.push(end);
        }
        Some(text)
    }

    /// A character for use inside the open quotes.
    fn quoted(&self, it: char) -> String {
        match (self.quote, it) {
            (Quote::Double, '$' | '`' | '"' | '\\') | (Quote::Ansi, '\\') => format!("\\{it}"),
            // Inside of these quotes a backslash before it would stay.
            (Quote::Double, '!') => r#""\!""#.to_owned(),
            (Quote::Single, '\'') => r"'\''".to_owned(),
            // Readline would take `\'` for the end.
            (Quote::Ansi, '\'' | '!') => format!("\\x{:02x}", u32::from(it)),
            _ => it.to_string(),
        }
    }
}

/// `rest`, the end of the word `value`, for use outside of quotes. Names in braces stay readable.
fn unquoted(value: &str, rest: &str) -> String {
    let expands = value.contains('{') && (value.contains(',') || value.contains(".."));
    let is_plain = |it: char| {
        it.is_alphanumeric() || "_:=/@%+-".contains(it) || (!expands && "{}.,".contains(it))
    };
    let mut text = String::with_capacity(rest.len());
    for it in rest.chars() {
        if !is_plain(it) {
            text.push('\\');
        }
        text.push(it);
    }
    text
}

/// The open quote according to readline, and the position after it: readline does not know `$'…'`, and treats a
/// backslash in `'…'` as an ordinary character.
fn readline_quote(line: &str) -> Option<(usize, char)> {
    let mut open = None;
    let mut is_escaped = false;
    for (at, it) in line.char_indices() {
        match (open, it) {
            _ if is_escaped => is_escaped = false,
            (None | Some((_, '"')), '\\') => is_escaped = true,
            (Some((_, quote)), it) if quote == it => open = None,
            (None, '"' | '\'') => open = Some((at + 1, it)),
            _ => {}
        }
    }
    open
}

/// Reads a line as bash does, without expansions.
#[derive(Debug, Default)]
struct Reader {
    words: Vec<String>,
    word: String,
    is_word: bool,
    quote: Quote,
    /// The position after the quote that is open.
    opened: Option<usize>,
    /// The next character follows a backslash.
    is_escaped: bool,
    /// The current word is the file of a redirection, which is not a word of the command.
    is_redirected: bool,
}

impl Reader {
    fn read(&mut self, line: &str) {
        let mut rest = line.char_indices().peekable();
        while let Some((at, it)) = rest.next() {
            if std::mem::take(&mut self.is_escaped) {
                self.escaped(it);
                continue;
            }
            let behind = at + it.len_utf8();
            match (self.quote, it) {
                (Quote::Ansi, '\\') if own_escape(&line[behind..]).is_some() => {
                    self.word.extend(own_escape(&line[behind..]));
                    rest.nth(2);
                }
                (Quote::None | Quote::Double | Quote::Ansi, '\\') => self.is_escaped = true,
                (Quote::None, '"') => self.open(Quote::Double, behind),
                (Quote::None, '\'') => self.open(Quote::Single, behind),
                (Quote::None, '$') => match rest.next_if(|(_, it)| matches!(it, '"' | '\'')) {
                    Some((at, '"')) => self.open(Quote::Double, at + 1),
                    Some((at, _)) => self.open(Quote::Ansi, at + 1),
                    None => self.put('$'),
                },
                (Quote::None, ' ' | '\t' | '\n') => self.end(),
                (Quote::None, '<' | '>') => self.redirect(),
                (quote, it) if quote.end() == Some(it) => {
                    (self.quote, self.opened) = (Quote::None, None);
                }
                (_, it) => self.put(it),
            }
        }
    }

    fn open(&mut self, quote: Quote, behind: usize) {
        (self.quote, self.opened, self.is_word) = (quote, Some(behind), true);
    }

    fn put(&mut self, it: char) {
        self.word.push(it);
        self.is_word = true;
    }

    /// Handles the character after a backslash.
    fn escaped(&mut self, it: char) {
        let is_kept = match self.quote {
            Quote::Double => !"$`\"\\\n".contains(it),
            // What it may stand for is no part of a name that is offered.
            Quote::Ansi => !"\\'\"?".contains(it),
            Quote::None | Quote::Single => false,
        };
        if is_kept {
            self.put('\\');
        }
        self.put(it);
    }

    fn end(&mut self) {
        let word = std::mem::take(&mut self.word);
        if std::mem::take(&mut self.is_word) && !std::mem::take(&mut self.is_redirected) {
            self.words.push(word);
        }
    }

    /// Handles `2>file`: neither the number nor the file is a word of the command.
    fn redirect(&mut self) {
        if self.word.bytes().all(|it| it.is_ascii_digit()) {
            self.word.clear();
            self.is_word = false;
        }
        self.end();
        self.is_redirected = true;
    }
}

/// Reads the number that [`Typed::quoted`] writes in `$'…'` after the backslash.
fn own_escape(text: &str) -> Option<char> {
    match text.get(..3)? {
        "x21" => Some('!'),
        "x27" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What bash makes of each of `lines`, in one process: it is started for thousands.
    fn read_back(lines: &[String]) -> Vec<Vec<String>> {
        let mut script = "ucp() { printf '%s\\0' \"$@\"; printf '\\1\\0'; }\n".to_owned();
        for line in lines {
            script.push_str(line);
            script.push('\n');
        }
        let output = Command::new("bash").args(["-c", &script]).output();
        let output = output.expect("bash runs");
        let words = String::from_utf8(output.stdout).expect("UTF-8");
        let lines = words.split_terminator("\u{1}\0");
        lines
            .map(|line| line.split_terminator('\0').map(str::to_owned).collect())
            .collect()
    }

    /// The line after readline has put `value` in and has closed the quotes, as it does.
    fn completed(line: &str, text: &str, value: &str) -> Option<String> {
        let typed = Typed::of(line, text, "")?;
        let inserted = typed.inserted(value)?;
        let mut start = readline_quote(line).map_or(line.len() - text.len(), |(at, _)| at);
        let quote = readline_quote(line).map(|(_, quote)| quote);
        start -= usize::from(quote.is_some_and(|it| inserted.starts_with(it)));
        let mut whole = format!("{}{inserted}", &line[..start]);
        if let Some(quote) = quote.filter(|it| !whole.ends_with(*it)) {
            whole.push(quote);
        }
        Some(whole)
    }

    #[test]
    fn every_character_comes_through_in_all_quotes() {
        let mut lines = Vec::new();
        let mut values = Vec::new();
        for it in (0x20..0x7f).map(char::from).chain(['\u{fc}']) {
            for value in [
                format!("zq{it}b"),
                format!("zq{it}"),
                format!("zq{it}{it}"),
                format!("zq$(x){it}`x`;'{it}\";"),
            ] {
                for (line, text) in [
                    ("ucp zq", "zq"),
                    ("ucp \"zq", "zq"),
                    ("ucp 'zq", "zq"),
                    ("ucp $'zq", "zq"),
                    ("ucp $\"zq", "zq"),
                    ("ucp z\"q", "q"),
                    ("ucp z'q", "q"),
                    ("ucp \"z\"q", "q"),
                    ("ucp \"zq", "\"zq"),
                ] {
                    lines.push(completed(line, text, &value).expect("offered"));
                    values.push(value.clone());
                }
            }
            for quote in ["", "'", "\"", "$'"] {
                let value = format!("{it}zq{it}");
                lines.push(completed(&format!("ucp {quote}"), "", &value).expect("offered"));
                values.push(value);
            }
        }
        // History expansion, which a script has not, happens outside of single quotes.
        for (lines, values) in lines.chunks(500).zip(values.chunks(500)) {
            let read = read_back(lines);
            for ((line, value), words) in lines.iter().zip(values).zip(&read) {
                assert_eq!(*words, [value.as_str()], "{line}");
            }
            assert_eq!(read.len(), lines.len());
        }
    }

    #[test]
    fn an_exclamation_mark_is_never_where_history_expands() {
        for (line, text) in [("ucp a", "a"), ("ucp \"a", "a"), ("ucp $'a", "a")] {
            let whole = completed(line, text, "a!!b").expect("offered");
            assert_eq!(whole.matches('!').count(), whole.matches("\\!").count());
            assert!(!whole.contains("\\!b\""), "{whole}");
        }
    }

    #[test]
    fn the_words_are_those_of_the_shell() {
        let read = |line: &str, text: &str| {
            let typed = Typed::of(line, text, "")?;
            Some((typed.words.join("|"), typed.current))
        };
        for (line, text, words, current) in [
            ("u a 'b c' \"d e\"f g\\ h i", "i", "u|a|b c|d ef|g h", "i"),
            (
                "u -u redis://h:1 x --stream=a:b",
                "b",
                "u|-u|redis://h:1|x",
                "--stream=a:b",
            ),
            ("u 2>/dev/null >f x", "x", "u", "x"),
            ("u x\\ ", "x\\ ", "u", "x "),
            ("u ''", "''", "u", ""),
            ("u ", "", "u", ""),
            ("u at@", "", "u", "at@"),
        ] {
            let found = read(line, text);
            assert_eq!(
                found,
                Some((words.to_owned(), current.to_owned())),
                "{line}"
            );
        }
    }

    #[test]
    fn where_the_place_is_in_doubt_nothing_is_offered() {
        for (line, text) in [
            // Readline takes `\'` for an end.
            ("u $'it\\'s", "s"),
            ("u $'it\\'s' x", "x"),
            ("u >f", "f"),
            ("u x y", "x y"),
            ("u x", "other"),
            ("u 'a'b", "a'b"),
        ] {
            assert_eq!(Typed::of(line, text, ""), None, "{line}");
        }
        let typed = Typed::of("u \"a", "a", "\"").expect("a place");
        assert_eq!(typed.inserted("ab").as_deref(), Some("ab"));
        assert_eq!(typed.inserted("a\"b"), None);
        assert_eq!(typed.inserted("b"), Some("b".to_owned()));
    }
}
