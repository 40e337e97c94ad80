//! The meaning of a piece of text.

/// The meaning of a piece of text; the theme decides how it looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Good.
    Ok,
    /// Needs attention.
    Warn,
    /// Bad.
    Bad,
    /// Less important than the rest.
    Dim,
    /// The title of what follows.
    Heading,
    /// An entry id.
    Id,
}
