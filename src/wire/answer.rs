//! Replies that the server may refuse.

use super::error::{ErrorKind, Result};

/// The reply, or `None` when the server refuses the command, for whatever reason.
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

/// As [`allowed`], for a key beside a stream, which may be of another type, or which the user may not access.
///
/// # Errors
/// Any other error.
pub fn unless_other_type<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if error.kind == ErrorKind::WrongType => Ok(None),
        answer => allowed(answer),
    }
}
