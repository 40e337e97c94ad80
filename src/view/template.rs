//! `--template`: formats the output item by item with a template in Jinja's language. A template has access only to
//! the keys of `-o ndjson`: no files, no environment.

use std::fmt::{self, Write as _};

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, UndefinedBehavior, Value};
use serde_json::Deserializer;

use super::json::json_made_safe;
use crate::model::{Problem, escape_into, escaped};

const NAME: &str = "template";
/// A made-up entry, on which a template is tried before anything is read.
const SAMPLE: &str =
    r#"{"stream":"s","id":"1-0","time":"1970-01-01T00:00:00.001Z","fields":{"f":"{}"}}"#;

/// A compiled template.
pub struct Template {
    engine: Environment<'static>,
    source: String,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

impl Template {
    /// Compiles `source`. For a person on a `terminal`, values are escaped, except for line ends and tabs.
    ///
    /// # Errors
    /// A usage [`Problem`] that says what is wrong and at which line and column.
    pub fn compile(source: &str, terminal: bool) -> Result<Self, Problem> {
        let mut engine = Environment::new();
        engine.set_auto_escape_callback(|_| AutoEscape::None);
        engine.set_undefined_behavior(UndefinedBehavior::Chainable);
        engine.set_formatter(move |out, _, value| push(out, value, terminal));
        engine.add_filter("json", |value: Value| json_of(&value));
        engine.add_filter("fromjson", from_json);
        let template = Self {
            source: source.to_owned(),
            engine: {
                engine
                    .add_template_owned(NAME, source.to_owned())
                    .map_err(|error| refused(source, &error))?;
                engine
            },
        };
        let sample = serde_json::from_str(SAMPLE).unwrap_or_default();
        match template.rendered(&sample) {
            Err(error) if names_nothing(error.kind()) => Err(refused(source, &error)),
            // Other values may fare better.
            _ => Ok(template),
        }
    }

    /// Appends the result of the template for every JSON value in `json`, each followed by a line end. A gap record
    /// has a line of its own, whatever the template says.
    ///
    /// # Errors
    /// A usage [`Problem`] when `json` is not JSON, or when the template fails on it.
    pub(super) fn apply(&self, out: &mut Vec<u8>, json: &[u8]) -> Result<(), Problem> {
        for item in Deserializer::from_slice(json).into_iter::<serde_json::Value>() {
            let item = item.map_err(|_| {
                Problem::usage(
                    "--template formats lists and objects, and this command's output is neither",
                )
                .hint("leave --template out")
            })?;
            let text = match gap(&item) {
                Some(line) => line,
                None => self
                    .rendered(&item)
                    .map_err(|error| refused(&self.source, &error))?,
            };
            out.extend_from_slice(text.as_bytes());
            if !text.ends_with('\n') {
                out.push(b'\n');
            }
        }
        Ok(())
    }

    fn rendered(&self, item: &serde_json::Value) -> Result<String, Error> {
        self.engine.get_template(NAME)?.render(item)
    }
}

/// Whether this kind of failure means that the template uses a name that does not exist, whatever the data is.
fn names_nothing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnknownFilter
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownTest
            | ErrorKind::TemplateNotFound
    )
}

fn push(out: &mut Output<'_>, value: &Value, terminal: bool) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::Undefined => return Ok(()),
        ValueKind::None => "null".to_owned(),
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => json_of(value)?,
        _ => value.to_string(),
    };
    let text = if terminal { on_screen(&text) } else { text };
    out.write_str(&text).map_err(Error::from)
}

/// `text` with everything escaped that could control a terminal; line ends and tabs are kept.
fn on_screen(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for part in text.split_inclusive(['\n', '\t']) {
        let (words, end) = match part.char_indices().last() {
            Some((at, '\n' | '\t')) => part.split_at(at),
            _ => (part, ""),
        };
        escape_into(&mut safe, words.as_bytes());
        safe.push_str(end);
    }
    safe
}

fn json_of(value: &Value) -> Result<String, Error> {
    let wrong =
        |error: &dyn fmt::Display| Error::new(ErrorKind::BadSerialization, error.to_string());
    let json = serde_json::to_string(value).map_err(|error| wrong(&error))?;
    let mut safe = Vec::with_capacity(json.len());
    json_made_safe(&mut safe, &json);
    String::from_utf8(safe).map_err(|error| wrong(&error))
}

fn from_json(text: &str) -> Result<Value, Error> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => Ok(Value::from_serialize(value)),
        Err(error) => {
            let what = format!("the text given to fromjson is not JSON: {error}");
            Err(Error::new(ErrorKind::InvalidOperation, what))
        }
    }
}

/// The line for a gap record.
fn gap(item: &serde_json::Value) -> Option<String> {
    let gap = item.as_object().filter(|it| it.len() == 1)?.get("gap")?;
    let part = |key: &str, unknown: &str| match gap.get(key) {
        Some(serde_json::Value::String(text)) => escaped(text.as_bytes()),
        Some(serde_json::Value::Number(number)) => number.to_string(),
        _ => unknown.to_owned(),
    };
    Some(format!(
        "gap\tstream={}\tfrom={}\tto={}\tcount={}",
        part("stream", "?"),
        part("from", "?"),
        part("to", "end"),
        part("count", "unknown")
    ))
}

fn refused(source: &str, error: &Error) -> Problem {
    let mut message = "--template: ".to_owned();
    if let Some(range) = error.range() {
        let before = source.get(..range.start).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (line, column) = (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        );
        // Into a string nothing can fail.
        let _ = write!(message, "line {line}, column {column}: ");
    } else if let Some(line) = error.line() {
        let _ = write!(message, "line {line}: ");
    }
    let what = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    message.push_str(&escaped(what.as_bytes()));
    Problem::usage(message)
        .hint("a template can use the keys of -o ndjson: '{{ id }} {{ fields.brand_id }}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(template: &str, json: &str, terminal: bool) -> Result<String, Problem> {
        let mut out = Vec::new();
        Template::compile(template, terminal)?.apply(&mut out, json.as_bytes())?;
        Ok(String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn an_item_is_a_line() {
        let entry = r#"{"id":"1-0","n":null,"big":9007199254740993,"fields":{"z":"<1>","a":["x","y"],"p":"{\"t\":1.50}"}}"#;
        for (template, expected) in [
            ("{{ id }} {{ fields.z }}", "1-0 <1>\n"),
            (
                "{{ fields.a }} {{ n }} {{ big }}",
                "[\"x\",\"y\"] null 9007199254740993\n",
            ),
            ("{{ nothing.at.all }}|", "|\n"),
            ("{{ (fields.p | fromjson).t }}", "1.5\n"),
            ("{{ fields.z | json }}", "\"<1>\"\n"),
            (
                "{% for name, value in fields | items %}{{ name }},{% endfor %}",
                "z,a,p,\n",
            ),
            ("{% if fields.a %}yes{% endif %}\n\n", "yes\n"),
            ("plain", "plain\n"),
        ] {
            assert_eq!(shown(template, entry, false).expect(template), expected);
        }
        let two = "{\"id\":\"1-0\"}\n{\"id\":\"2-0\"}\n";
        assert_eq!(shown("{{id}}", two, false).expect("shows"), "1-0\n2-0\n");
        let gap = r#"{"gap":{"stream":"s","from":"1-0","to":null,"count":3}}"#;
        assert_eq!(
            shown("{{id}}", gap, false).expect("shows"),
            "gap\tstream=s\tfrom=1-0\tto=end\tcount=3\n"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (template, place, what) in [
            ("{{ id", "line 1, column 4", "unexpected end of input"),
            ("a\n{{ id | nosuch }}", "line 2, column 9", "nosuch"),
            (
                "{% for x in fields %}{{ nosuch() }}{% endfor %}",
                "line 1",
                "nosuch",
            ),
            ("{% if %}", "line 1, column 7", "unexpected"),
            ("{% include 'x' %}", "line 1", "include"),
        ] {
            let problem = Template::compile(template, false).expect_err(template);
            let message = &problem.message;
            assert!(
                message.starts_with(&format!("--template: {place}")),
                "{template}: {message}"
            );
            assert!(message.contains(what), "{template}: {message}");
        }
        let problem = shown(
            "{{ fields.p | fromjson }}",
            r#"{"fields":{"p":"x"}}"#,
            false,
        );
        let message = problem.expect_err("no JSON").message;
        assert!(
            message.starts_with("--template: line 1, column "),
            "{message}"
        );
        assert!(shown("{{ id }}", "name\tvalue\n", false).is_err());
    }

    #[test]
    fn nothing_steers_a_terminal() {
        let entry = r#"{"v":"\u001b[2J\ta\n\u202e\r","o":{"\u001b":"\u202e"}}"#;
        let text = shown("{{ v }} {{ o }}", entry, true).expect("shows");
        assert_eq!(
            text,
            "\\x1b[2J\ta\n\\u{202e}\\r {\"\\u001b\":\"\\u202e\"}\n"
        );
        // A program gets the values as they are.
        let raw = shown("{{ v }}", entry, false).expect("shows");
        assert_eq!(raw, "\u{1b}[2J\ta\n\u{202e}\r\n");
    }
}
