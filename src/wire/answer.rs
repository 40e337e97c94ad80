//! Answers that may be refused.

use super::error::{ErrorKind, Result};

/// The answer, or `None` when the server refuses to give it, in whatever words.
///
/// # Errors
/// Any other error.
pub fn allowed<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind.is_refusal() => Ok(None),
        Err(error) => Err(error),
    }
}

/// As [`allowed`], of a key beside a stream: it may be something else, or not for this user to see.
///
/// # Errors
/// Any other error.
pub fn unless_other_type<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if error.kind == ErrorKind::WrongType => Ok(None),
        answer => allowed(answer),
    }
}
