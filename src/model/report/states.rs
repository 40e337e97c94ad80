//! States and outcomes: values that people see as a word.

/// Declares an enum of words: each variant with its word and, after `in`, its `Tone`. In JSON it is the variant's
/// name in `snake_case`.
///
/// ```text
/// states! {
///     /// What is with a group.
///     #[derive(Clone, Copy, Debug)]
///     pub enum State {
///         /// The server has it.
///         Ready = "ready" in Ok,
///     } }
/// ```
macro_rules! states {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $(
                $(#[$said:meta])*
                $word:ident = $text:literal in $tone:ident
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(serde::Serialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        $vis enum $name {
            $($(#[$said])* $word,)*
        }

        impl $name {
            /// The word for it.
            $vis const fn word(&self) -> &'static str {
                match self {
                    $(Self::$word => $text,)*
                }
            }

            const fn tone(&self) -> $crate::model::Tone {
                match self {
                    $(Self::$word => $crate::model::Tone::$tone,)*
                }
            }
        }

        impl From<$name> for $crate::model::Cell {
            fn from(state: $name) -> Self {
                Self::Word(state.tone(), state.word().to_owned())
            }
        }
    };
}
pub(crate) use states;
