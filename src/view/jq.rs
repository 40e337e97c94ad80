//! `--jq`: a filter over the JSON that is shown. The language is jq's, without the parts that reach outside the
//! filter: no environment, no files, no way to end the program.

use std::fmt::{self, Write as _};

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, Error, File, Loader, parse, span};
use jaq_core::{Compiler, Ctx, Vars, native, unwrap_valr};
use jaq_json::{Val, ValR, read};

use super::json::json_made_safe;
use super::pretty::indent_json;
use crate::model::{Problem, escaped};

/// Functions that are not available, because they read the environment, end the process or write past the console.
const OUTSIDE: [&str; 5] = ["env", "halt", "halt_error", "stderr", "stderr_empty"];
/// Functions that jq has and the definitions of the crates do not.
const FORMATS: &str = r#"
def @tsv: [.[] | if type == "string" then
    split("\\") | join("\\\\") | split("\t") | join("\\t") | split("\n") | join("\\n") | split("\r") | join("\\r")
  elif . == null then "" else tostring end] | join("\t");
def @csv: [.[] | if type == "string" then "\"" + (split("\"") | join("\"\"")) + "\""
  elif . == null then "" else tostring end] | join(",");
"#;
/// The definitions of the crates use `fromjson`, so this replacement must come before them.
const FROM_JSON: &str = "def fromjson: _not_deep | _fromjson;";
/// How deeply JSON in a text may nest.
const DEPTH_MAX: usize = 10_000;
/// How much of a value or an expression an error shows, in characters.
const SHOWN_MAX: usize = 120;

/// A compiled filter.
pub struct JqFilter {
    compiled: jaq_core::Filter<JustLut<Val>>,
}

impl fmt::Debug for JqFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JqFilter")
    }
}

impl JqFilter {
    /// Compiles `expression`.
    ///
    /// # Errors
    /// A usage [`Problem`] that says what is wrong and at which column.
    pub fn compile(expression: &str) -> Result<Self, Problem> {
        let definitions = parse(FROM_JSON, |parser| parser.defs())
            .unwrap_or_default()
            .into_iter()
            .chain(jaq_core::defs())
            .chain(jaq_std::defs())
            .chain(jaq_json::defs())
            .filter(|it| !OUTSIDE.contains(&it.name))
            .chain(parse(FORMATS, |parser| parser.defs()).unwrap_or_default());
        let functions = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs().map(|it| match it {
                ("fromjson", arguments, native) => ("_fromjson", arguments, native),
                other => other,
            }))
            .filter(|it| !OUTSIDE.contains(&it.0))
            .chain([native::run(("_not_deep", native::v(0), |(_, value)| {
                native::bome(not_deep(value))
            }))]);
        let arena = Arena::default();
        let program = File {
            code: expression,
            path: (),
        };
        let modules = Loader::new(definitions)
            .load(&arena, program)
            .map_err(|errors| {
                let faults = errors.into_iter().flat_map(|(_, error)| unread(error));
                refused(expression, faults.collect())
            })?;
        let compiled = Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map_err(|errors| {
                let faults = errors.into_iter().flat_map(|(_, errors)| errors);
                let faults = faults
                    .map(|(name, what)| (name, format!("there is no {} `{name}`", what.as_str())));
                refused(expression, faults.collect())
            })?;
        Ok(Self { compiled })
    }

    /// Appends the results of the filter for every JSON value in `json`, one per line: a text as it is, anything else
    /// as JSON. For a person on a `terminal`, JSON is indented and texts are escaped.
    ///
    /// # Errors
    /// A usage [`Problem`] when `json` is not JSON, or when the filter fails on it.
    pub fn apply(&self, out: &mut Vec<u8>, json: &[u8], terminal: bool) -> Result<(), Problem> {
        for value in read::parse_many(json) {
            let value = value.map_err(|_| {
                Problem::usage("--jq filters JSON, which this command does not print")
                    .hint("leave --jq out")
            })?;
            let context = Ctx::<JustLut<Val>>::new(&self.compiled.lut, Vars::new([]));
            let results = self.compiled.id.run((context, value)).map(unwrap_valr);
            for result in results {
                let result = result.map_err(|error| {
                    Problem::usage(format!("--jq: {}", shortened(&error.to_string())))
                        .hint("see what the filter is given by using -o json without --jq")
                })?;
                push(out, &result, terminal);
            }
        }
        Ok(())
    }
}

/// `value`, unless it is a text whose brackets nest too deeply to be parsed.
fn not_deep(value: Val) -> ValR {
    let Val::TStr(text) = &value else {
        return Ok(value);
    };
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    for byte in text.iter() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'[' | b'{' if !is_quoted => depth += 1,
            b']' | b'}' if !is_quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            let text = format!("fromjson: the text nests deeper than {DEPTH_MAX}");
            return Err(jaq_core::Error::str(text));
        }
    }
    Ok(value)
}

fn push(out: &mut Vec<u8>, value: &Val, terminal: bool) {
    match value {
        Val::TStr(text) if terminal => {
            out.extend_from_slice(escaped(text).as_bytes());
        }
        Val::TStr(text) => out.extend_from_slice(text),
        value => {
            let mut json = Vec::new();
            json_made_safe(&mut json, &value.to_string());
            if terminal {
                indent_json(out, &json, 0);
            } else {
                out.append(&mut json);
            }
        }
    }
    out.push(b'\n');
}

/// The place in the expression, and what is wrong there.
type Fault<'a> = (&'a str, String);

fn unread(error: Error<&str>) -> Vec<Fault<'_>> {
    let expected = |what: &str| format!("expected {what}");
    match error {
        Error::Io(files) => files
            .into_iter()
            .map(|(at, _)| (at, "files cannot be read from here".to_owned()))
            .collect(),
        Error::Lex(faults) => faults
            .into_iter()
            .map(|(what, at)| (at, expected(what.as_str())))
            .collect(),
        Error::Parse(faults) => faults
            .into_iter()
            .map(|(what, at)| (at, expected(what.as_str())))
            .collect(),
    }
}

fn refused(expression: &str, faults: Vec<Fault<'_>>) -> Problem {
    let mut message = "--jq:".to_owned();
    for (place, (at, what)) in faults.into_iter().enumerate() {
        let separator = if place == 0 { "" } else { ";" };
        let what = escaped(what.as_bytes());
        let _ = write!(message, "{separator} {}: {what}", position(expression, at));
    }
    Problem::usage(message).hint(format!(
        "the expression is {}",
        shortened(&escaped(expression.as_bytes()))
    ))
}

/// `at` is a part of `expression`, or empty for its end.
fn position(expression: &str, at: &str) -> String {
    let inside = expression.as_bytes().as_ptr_range();
    if at.is_empty() || !inside.contains(&at.as_ptr()) {
        return "at the end".to_owned();
    }
    let before = &expression[..span(expression, at).start];
    format!("at column {}", before.chars().count() + 1)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(expression: &str, json: &str) -> Result<String, Problem> {
        let mut out = Vec::new();
        JqFilter::compile(expression)?.apply(&mut out, json.as_bytes(), false)?;
        Ok(String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn results_are_lines_and_texts_are_bare() {
        for (expression, json, expected) in [
            (".[].a", "[{\"a\":\"x y\"},{\"a\":2}]\n", "x y\n2\n"),
            (
                ".",
                "{\"b\":1,\"a\":[null,true,1.50]}\n",
                "{\"b\":1,\"a\":[null,true,1.50]}\n",
            ),
            (".id", "{\"id\":\"1-0\"}\n{\"id\":\"2-0\"}\n", "1-0\n2-0\n"),
            ("select(.n > 1)", "{\"n\":1}\n{\"n\":2}\n", "{\"n\":2}\n"),
            (".n", "{\"n\":9007199254740993}", "9007199254740993\n"),
            (
                "[.t | test(\"^a\")], (.t | ascii_upcase)",
                "{\"t\":\"ab\"}",
                "[true]\nAB\n",
            ),
            ("[.a, .b] | @tsv", "{\"a\":1,\"b\":\"x\\ty\"}", "1\tx\\ty\n"),
            (
                "[.[] | \"<\\(.)>\"] | @csv",
                "[\"a,\\\"\",1]",
                "\"<a,\"\">\",\"<1>\"\n",
            ),
            (
                "[null, 1.5, \"a\\\\\\n\"] | (@tsv, @csv)",
                "{}",
                "\t1.5\ta\\\\\\n\n,1.5,\"a\\\n\"\n",
            ),
            ("length", "[]\n", "0\n"),
        ] {
            assert_eq!(filtered(expression, json).expect(expression), expected);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (expression, message) in [
            (".[", "--jq: at the end: expected closing bracket"),
            (
                ".a | nosuch",
                "--jq: at column 6: there is no filter `nosuch`",
            ),
            ("if .a", "--jq: at the end: expected then"),
            ("", "--jq: at the end: expected term"),
            ("$ENV", "--jq: at column 1: there is no variable `$ENV`"),
            ("env", "--jq: at column 1: there is no filter `env`"),
            ("halt", "--jq: at column 1: there is no filter `halt`"),
        ] {
            let problem = JqFilter::compile(expression).expect_err(expression);
            assert_eq!(problem.message, message);
        }
        let problem = filtered(".b.c", "{\"b\":1}").expect_err("no object");
        assert!(
            problem.message.starts_with("--jq: cannot index"),
            "{problem}"
        );
        assert!(filtered(".", "name\tvalue\n").is_err());
    }

    #[test]
    fn a_text_that_nests_too_deep_is_an_error() {
        let nested = |depth: usize| {
            let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            filtered("fromjson | length", &serde_json::json!(json).to_string())
        };
        assert_eq!(nested(100).expect("read"), "1\n");
        let problem = nested(20_000).expect_err("too deep");
        assert!(
            problem.message.contains("nests deeper than 10000"),
            "{problem}"
        );
        let quoted = serde_json::json!(format!("[\"\\\"{}\"]", "[".repeat(20_000))).to_string();
        assert_eq!(filtered("fromjson | length", &quoted).expect("read"), "1\n");
    }

    #[test]
    fn nothing_steers_a_terminal() {
        let mut out = Vec::new();
        let filter = JqFilter::compile(".[]").expect("compiles");
        let json = r#"["\u001b[2J", {"\u001b":"\u202e"}]"#;
        filter.apply(&mut out, json.as_bytes(), true).expect("runs");
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(text, "\\x1b[2J\n{\n  \"\\u001b\": \"\\u202e\"\n}\n");
    }
}
