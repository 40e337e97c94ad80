//! The formats of reports, entries and logs.

/// What `-o` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns, cut to the terminal's width.
    Table,
    /// All columns, nothing cut.
    Wide,
    /// One JSON array or object.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180 with a header.
    Csv,
    /// Tab-separated with a header, raw numbers.
    Plain,
}

impl Format {
    /// Every format, in the order help lists them.
    pub const ALL: [Self; 6] = [
        Self::Table,
        Self::Wide,
        Self::Json,
        Self::Ndjson,
        Self::Csv,
        Self::Plain,
    ];

    /// The word that names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Plain => "plain",
        }
    }

    /// Whether it is JSON of either kind.
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson)
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Time, level, message and fields.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
