//! Files and functions long enough to look for the missing idea. A report, not a rule.

use crate::source::{Source, Token};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;

/// One line for each long file and function.
pub fn report(sources: &[Source]) -> Vec<String> {
    let mut lines = Vec::new();
    for source in sources {
        let count = source.text.lines().count();
        if count > FILE_LINES {
            lines.push(format!("src/{}: {count} lines", source.path));
        }
        for (name, line, length) in functions(&source.tokens) {
            if length > FUNCTION_LINES {
                let path = &source.path;
                lines.push(format!("src/{path}:{line}: fn {name} has {length} lines"));
            }
        }
    }
    lines
}

/// The name, first line and number of lines of every function with a body.
pub fn functions(tokens: &[Token]) -> Vec<(&str, usize, usize)> {
    let starts = (0..tokens.len().saturating_sub(1))
        .filter(|&at| tokens[at].is("fn") && tokens[at + 1].is_word());
    starts
        .filter_map(|at| {
            let end = body_end(&tokens[at..])?;
            let line = tokens[at].line;
            Some((tokens[at + 1].text.as_str(), line, end - line + 1))
        })
        .collect()
}

/// The last line of the function that begins `tokens`; none for a declaration.
fn body_end(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0;
    for token in tokens {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token.is("}") {
                    return Some(token.line);
                }
            }
            ";" if depth == 0 => return None,
            _ => {}
        }
    }
    None
}
