//! What handles a group's entries, as a topology names it. How it runs is the worker's business.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::model::{Name, Problem, did_you_mean, escaped, nearest, shown_url};

/// The handler of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Handler {
    /// A handler that is built into this tool.
    Builtin(Builtin),
    /// One process per entry: the program and its arguments, no shell.
    Exec(Vec<String>),
    /// Long-lived processes that read entries and write answers, a line each.
    Pipe(Vec<String>),
    /// A POST an entry.
    Http(HttpSpec),
}

/// One POST request per entry to a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HttpSpec {
    /// Where the requests are sent.
    pub target: HttpTarget,
    /// The stream its answers are appended to, if they are kept.
    pub results: Option<Name>,
    /// The value that stands for several requests, if there is one.
    pub fan_out: Option<FanOut>,
}

/// Where an `http` handler posts to: a URL, or the environment variable that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpTarget {
    /// This URL.
    Url(String),
    /// The URL in this variable; without it the group has no handler.
    Env(String),
}

impl HttpTarget {
    /// Reads `$NAME` as a variable and anything else as a URL.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('$') {
            Some(variable) => Self::Env(variable.to_owned()),
            None => Self::Url(text.to_owned()),
        }
    }
}

/// The URL as [`shown_url`] shows it, because its user info and its query may be secret.
impl fmt::Display for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(&shown_url(url)),
            Self::Env(variable) => write!(f, "${variable}"),
        }
    }
}

impl JsonSchema for HttpTarget {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HttpTarget".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl Serialize for HttpTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A field's value that stands for several values: an entry with it leads to several requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FanOut {
    /// The field.
    pub field: String,
    /// The value that stands for the others.
    pub value: String,
    /// The values that it stands for, in order.
    pub into: Vec<String>,
}

impl FanOut {
    /// The values to send for an entry whose field has the value `value`: this value, or all values that it stands for.
    pub fn values<'a>(&'a self, value: &'a str) -> Vec<&'a str> {
        if value == self.value {
            self.into.iter().map(String::as_str).collect()
        } else {
            vec![value]
        }
    }
}

/// A handler that is built into this tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// Counters per brand and profile (see `platform::features`).
    Features,
    /// Merge requests to the review queue or the merges (see `platform::review`).
    ReviewQueue,
    /// Raw events to normalized ones (see `platform::normalize`).
    Normalize,
    /// A copy of each entry to another stream.
    Forward(Name),
    /// One log line per entry.
    Log,
    /// Nothing: acknowledged.
    Null,
}

impl Builtin {
    /// The names as they are written.
    pub const NAMES: [&'static str; 6] = [
        "features",
        "review-queue",
        "normalize",
        "forward:STREAM",
        "log",
        "null",
    ];

    /// Reads a built-in's name; `forward:STREAM` names the stream to copy to.
    ///
    /// # Errors
    /// A usage problem that lists the built-in handlers.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if let Some(stream) = text.strip_prefix("forward:")
            && !stream.is_empty()
        {
            let stream = Name::typed(stream.as_bytes());
            return Ok(Self::Forward(
                stream.map_err(|error| Problem::usage(error.to_string()))?,
            ));
        }
        match text {
            "features" => Ok(Self::Features),
            "review-queue" => Ok(Self::ReviewQueue),
            "normalize" => Ok(Self::Normalize),
            "log" => Ok(Self::Log),
            "null" => Ok(Self::Null),
            _ => Err(Problem::usage(format!(
                "no built-in handler is called `{}`{}",
                escaped(text.as_bytes()),
                did_you_mean(nearest(text, Self::NAMES)),
            ))
            .hint(format!("the built-in handlers: {}", Self::NAMES.join(", ")))),
        }
    }
}

impl fmt::Display for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Features => f.write_str("features"),
            Self::ReviewQueue => f.write_str("review-queue"),
            Self::Normalize => f.write_str("normalize"),
            Self::Forward(stream) => write!(f, "forward:{stream}"),
            Self::Log => f.write_str("log"),
            Self::Null => f.write_str("null"),
        }
    }
}

impl JsonSchema for Builtin {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Builtin".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl Serialize for Builtin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One line, as `info` and texts show it: `features`, `exec ./handle`, `http https://…`.
impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(builtin) => builtin.fmt(f),
            Self::Exec(argv) => write!(f, "exec {}", escaped(argv.join(" ").as_bytes())),
            Self::Pipe(argv) => write!(f, "pipe {}", escaped(argv.join(" ").as_bytes())),
            Self::Http(http) => write!(f, "http {}", http.target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_ins_read_back() {
        for text in [
            "features",
            "review-queue",
            "normalize",
            "forward:a b",
            "log",
            "null",
        ] {
            assert_eq!(
                Builtin::parse(text).map(|it| it.to_string()).ok(),
                Some(text.to_owned())
            );
        }
        let error = Builtin::parse("feature").expect_err("no such").to_string();
        assert!(error.contains("did you mean `features`?"), "{error}");
        assert!(Builtin::parse("forward:").is_err());
    }

    #[test]
    fn only_the_fan_out_value_fans_out() {
        let all = FanOut {
            field: "request_type".into(),
            value: "all".into(),
            into: vec!["churn".into(), "ltv".into()],
        };
        assert_eq!(all.values("all"), ["churn", "ltv"]);
        assert_eq!(all.values("segment"), ["segment"]);
    }
}
