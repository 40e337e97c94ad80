//! What is public and named nowhere: the compiler takes everything public in a library for used.

use std::collections::BTreeSet;

use crate::rules::Violation;
use crate::source::{Source, Token};

/// What a public item is introduced with.
const ITEMS: [&str; 8] = [
    "const", "enum", "fn", "macro", "static", "struct", "trait", "type",
];

/// Public items whose name stands nowhere else: neither in `sources`, tests left out, nor in `tests`. A re-export is no
/// use. Two items of one name are one to it: it finds most of what is unused, not all.
pub fn check(sources: &[Source], tests: &[Vec<Token>]) -> Vec<Violation> {
    let others = tests.iter().flatten().map(|token| token.text.as_str());
    let named: BTreeSet<&str> = sources.iter().flat_map(names).chain(others).collect();
    let mut unused = Vec::new();
    for source in sources {
        for token in introduced(&source.tokens) {
            if !named.contains(token.text.as_str()) {
                unused.push(Violation {
                    path: source.path.clone(),
                    line: token.line,
                    rule: format!("{} is public, and nothing names it", token.text),
                });
            }
        }
    }
    unused
}

/// The names of the public items.
fn introduced(tokens: &[Token]) -> Vec<&Token> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if !tokens[at].is("pub") {
            continue;
        }
        let words = tokens[at + 1..].iter().take_while(|token| token.is_word());
        let words: Vec<&Token> = words.take(4).collect();
        let item = words.windows(2).rfind(|pair| is_item(pair[0]));
        found.extend(item.map(|pair| pair[1]));
    }
    found
}

/// Every word that neither introduces an item nor re-exports one.
fn names(source: &Source) -> Vec<&str> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    let mut is_reexport = false;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &tokens[at]);
        is_reexport = match token.text.as_str() {
            "use" => before.is_some_and(|before| before.is("pub")),
            ";" => false,
            _ => is_reexport,
        };
        if token.is_word() && !is_reexport && !before.is_some_and(is_item) {
            found.push(token.text.as_str());
        }
    }
    found
}

fn is_item(token: &Token) -> bool {
    ITEMS.contains(&token.text.as_str())
}
