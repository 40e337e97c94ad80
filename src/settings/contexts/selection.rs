//! Which context is selected, and which one was before. This is in a file of the tool's own, so that the operator's
//! file may be read-only or kept in a repository.

use std::io;

use toml_edit::{DocumentMut, value};

use super::{Places, local, replace, text_in};
use crate::model::{Problem, quoted};

/// The selected context and the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The selected context's name.
    pub current: Option<String>,
    /// The name that was selected before.
    pub previous: Option<String>,
}

impl Selection {
    /// Reads the file; nothing is selected if it does not exist.
    ///
    /// # Errors
    /// A local error when the file cannot be read or was not written by this tool.
    pub fn read(places: &Places) -> Result<Self, Problem> {
        let Some(file) = &places.state else {
            return Ok(Self::default());
        };
        let Some(text) = text_in(file)? else {
            return Ok(Self::default());
        };
        let document: DocumentMut = text.parse().map_err(|_| {
            let wrong = io::Error::other("it is not TOML");
            local("read", file, &wrong).hint(format!(
                "remove it: rm {}",
                quoted(file.as_os_str().as_encoded_bytes())
            ))
        })?;
        let name = |key| document.get(key)?.as_str().map(str::to_owned);
        Ok(Self {
            current: name("current"),
            previous: name("previous"),
        })
    }

    /// The same with `name` selected, and the present selection as the previous one.
    #[must_use]
    pub fn switched_to(self, name: Option<String>) -> Self {
        if self.current == name {
            return self;
        }
        Self {
            previous: self.current.or(self.previous),
            current: name,
        }
    }

    /// The same without any mention of `name`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.current.take_if(|it| it == name);
        self.previous.take_if(|it| it == name);
        self
    }

    /// Writes it.
    ///
    /// # Errors
    /// A local problem when it cannot be written.
    pub fn write(&self, places: &Places) -> Result<(), Problem> {
        let file = places.state.as_deref().ok_or_else(super::edit::homeless)?;
        let mut document = DocumentMut::new();
        for (key, name) in [("current", &self.current), ("previous", &self.previous)] {
            if let Some(name) = name {
                document[key] = value(name);
            }
        }
        replace(file, &document.to_string())
    }
}
