//! The parameters of a request: each by its name, each once, and none that are not known.

use axum::http::StatusCode;

use super::refusal::Refusal;
use crate::model::Name;

/// The parameters that a request gives.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The parameters, of which each must be `known`. Those in `repeated` may be given several times.
    pub(super) fn new(
        given: Vec<(String, String)>,
        known: &[&str],
        repeated: &[&str],
    ) -> Result<Self, Refusal> {
        for (place, (name, _)) in given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let text = format!("unknown parameter `{}`", name.escape_debug());
                let hint = match known {
                    [] => "it takes none".to_owned(),
                    known => format!("it takes: {}", known.join(", ")),
                };
                return Err(Refusal::new(StatusCode::BAD_REQUEST, text).hint(hint));
            }
            let is_again = given[..place].iter().any(|(before, _)| before == name);
            if is_again && !repeated.contains(&name.as_str()) {
                return Err(bad(name, "it is given twice"));
            }
        }
        Ok(Self(given))
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The name that is the value of a parameter.
    pub(super) fn name(&self, name: &str) -> Result<Option<Name>, Refusal> {
        match self.get(name) {
            Some("") => Err(bad(name, "an empty name names nothing")),
            named => Ok(named.map(Name::from)),
        }
    }

    /// Every value of a parameter.
    pub(super) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        let given = self.0.iter().filter(move |(it, _)| it == name);
        given.map(|(_, value)| value.as_str())
    }

    /// A count from 1 to `most`.
    pub(super) fn count(&self, name: &str, most: usize) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let digits = text.bytes().all(|it| it.is_ascii_digit());
        match text.parse::<usize>() {
            Ok(count) if digits && (1..=most).contains(&count) => Ok(Some(count)),
            _ => {
                let text = text.escape_debug();
                Err(bad(
                    name,
                    &format!("`{text}` is not a number from 1 to {most}"),
                ))
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                let other = other.escape_debug();
                Err(bad(name, &format!("`{other}` is neither true nor false")))
            }
        }
    }
}

/// The refusal of a parameter's value.
pub(super) fn bad(name: &str, why: &str) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        format!("parameter `{name}`: {why}"),
    )
}
