//! What a piece of text means.

/// What a piece of text means; how that looks is the theme's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Good.
    Ok,
    /// Look at it.
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
