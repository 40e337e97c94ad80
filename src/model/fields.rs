//! The fields of an entry as owned values.

/// Fields in the order they were written; names may repeat, names and values may be any bytes.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The total size of the names and values.
pub fn bytes_of(fields: &Fields) -> usize {
    fields
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}
