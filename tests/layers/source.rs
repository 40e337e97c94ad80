//! A source file as tokens: comments and literals gone, test code gone, line numbers kept. Enough of the
//! language for the rules, no more.

use std::collections::BTreeSet;

/// A file under `src/`.
#[derive(Debug)]
pub struct Source {
    /// Relative to `src/`.
    pub path: String,
    /// As it is.
    pub text: String,
    /// Without comments, literals and what is under `#[cfg(test)]`.
    pub tokens: Vec<Token>,
}

/// A word, `::`, or one other character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// From 1.
    pub line: usize,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        self.text == text
    }

    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word_character)
    }
}

impl Source {
    /// The layer it belongs to: the first part of its path.
    pub fn layer(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many `super` lead from it to the crate's root.
    pub fn depth(&self) -> usize {
        let path = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        path.strip_suffix("/mod").unwrap_or(path).split('/').count()
    }
}

/// The files (path and text) as sources, without those that are modules for tests only.
pub fn read_all(files: Vec<(String, String)>) -> Vec<Source> {
    let mut test_modules = BTreeSet::new();
    let mut sources = Vec::new();
    for (path, text) in files {
        let (tokens, modules) = without_tests(&tokens(&text));
        let children = path
            .strip_suffix("mod.rs")
            .map_or_else(|| path.replace(".rs", "/"), ToOwned::to_owned);
        for module in modules {
            test_modules.insert(format!("{children}{module}.rs"));
            test_modules.insert(format!("{children}{module}/"));
        }
        sources.push(Source { path, text, tokens });
    }
    sources.retain(|source| {
        !test_modules.iter().any(|module| {
            source.path == *module || (module.ends_with('/') && source.path.starts_with(module))
        })
    });
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The tokens of `text`.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest).unwrap_or_else(|| {
            let length = match first {
                _ if rest.starts_with("::") => 2,
                _ if is_word_character(first) => {
                    rest.find(|c| !is_word_character(c)).unwrap_or(rest.len())
                }
                _ => first.len_utf8(),
            };
            tokens.push(Token {
                text: rest[..length].to_owned(),
                line,
            });
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// How much of the beginning of `rest` is white space, a comment or a literal.
fn skipped(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    if first == '\'' {
        return character(rest);
    }
    let prefix = rest.find(|c| !matches!(c, 'b' | 'r' | 'c')).unwrap_or(0);
    let hashes = rest[prefix..].chars().take_while(|&c| c == '#').count();
    let body = rest[prefix + hashes..].strip_prefix('"')?;
    let before = prefix + hashes + 1;
    let length = if rest[..prefix].contains('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        body.find(&end).map_or(body.len(), |at| at + end.len())
    } else {
        quoted(body)
    };
    Some(before + length)
}

/// The length of a string after its opening quote.
fn quoted(body: &str) -> usize {
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    body.len()
}

/// The length of a character literal; none for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1);
    let (_, first) = characters.next()?;
    let (after, second) = characters.next()?;
    if first == '\\' {
        let from = after + second.len_utf8();
        return rest[from..].find('\'').map(|at| from + at + 1);
    }
    (second == '\'').then_some(after + 1)
}

/// The length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The tokens without the items under `#[cfg(test)]`, and the files that those declare as modules.
fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut modules = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let marked = tokens[at..]
            .iter()
            .map(|token| token.text.as_str())
            .take(MARK.len())
            .eq(MARK);
        if !marked {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let item = at + MARK.len();
        at = item_end(tokens, item);
        if let Some(module) = declared_module(&tokens[item..at]) {
            modules.push(module);
        }
    }
    (kept, modules)
}

/// Where the item that begins at `from` ends: after its `;`, or after the block that is its body.
fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token.is("}") {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The name in `mod name;`.
fn declared_module(item: &[Token]) -> Option<String> {
    match item {
        [.., keyword, name, end] if keyword.is("mod") && end.is(";") => Some(name.text.clone()),
        _ => None,
    }
}
