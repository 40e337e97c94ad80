//! Records as they are written and as they are read.

/// The headers of a record in their order; names may repeat, and a value may be null.
pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The partition that it goes to.
    pub partition: u32,
    /// Its key, if it has one.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Headers,
    /// Its time, in milliseconds since 1970.
    pub timestamp_ms: i64,
}

impl Record {
    /// About how many bytes it takes in a batch before compression.
    pub fn bytes(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len) + 10)
            .sum();
        let length = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
        length(&self.key) + length(&self.value) + headers + 40
    }
}

/// Where a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: u32,
    /// Its offset there; `None` when the broker had it already and did not say where.
    pub offset: Option<i64>,
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The partition that it is in.
    pub partition: u32,
    /// Its offset there.
    pub offset: i64,
    /// Its time, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Its key, if it has one.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Headers,
}

impl Stored {
    /// The value of the first header with this name, unless it is null.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.headers.iter().find(|(of, _)| of == name)?;
        value.as_deref()
    }
}

/// What a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The partition.
    pub partition: u32,
    /// The offset of its first record.
    pub begin: i64,
    /// The offset that the next record gets.
    pub end: i64,
}
