//! Writes entries as a file of Parquet, with a column for each field.
//!
//! A value that its column cannot hold, a field without a column and one that an entry has again are kept in the column
//! `rest`, so that all of an entry is in its row.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use tempfile::NamedTempFile;

use super::table::{ColumnKind, ColumnSpec, OWN_COLUMNS, REST, Written};
use crate::model::{Entry, json_bytes};

/// The most rows of a row group, which is the part that is held in memory.
const GROUP_ROWS: usize = 65_536;
/// The most bytes of a row group, before it is compressed.
const GROUP_BYTES: usize = 64 << 20;
/// The most columns of fields: those declared, and those that are found.
const COLUMNS_MAX: usize = 256;

type Output = BufWriter<NamedTempFile>;
type RowGroup<'a> = SerializedRowGroupWriter<'a, Output>;

/// A file that is written, without its name; it is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` once the file was handed over to what writes row groups.
    file: Option<NamedTempFile>,
    columns: Vec<ColumnSpec>,
    places: HashMap<Vec<u8>, usize>,
    groups: Option<SerializedFileWriter<Output>>,
    held: Vec<Entry>,
    held_bytes: usize,
    written: Written,
}

impl Writer {
    /// Begins a file in `folder` with these columns. Fields that the first entries have beside them become columns too.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn create(folder: &Path, declared: Vec<ColumnSpec>) -> io::Result<Self> {
        let file = tempfile::Builder::new()
            .prefix(".")
            .suffix(".partial")
            .tempfile_in(folder)?;
        Ok(Self {
            file: Some(file),
            columns: declared,
            places: HashMap::new(),
            groups: None,
            held: Vec::new(),
            held_bytes: 0,
            written: Written::default(),
        })
    }

    /// Takes an entry.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn push(&mut self, entry: &Entry) -> io::Result<()> {
        let sizes = entry.fields.iter().map(|it| it.0.len() + it.1.len());
        self.held_bytes += sizes.sum::<usize>();
        self.held.push(entry.clone());
        if self.held.len() == GROUP_ROWS || self.held_bytes >= GROUP_BYTES {
            self.write_group().map_err(to_io)?;
        }
        Ok(())
    }

    /// Writes what is left and the end of the file. Returns the file, and what it has.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn finish(mut self) -> io::Result<(NamedTempFile, Written)> {
        let groups = self.last_group().map_err(to_io)?;
        self.written.columns = self.columns.len() as u64;
        let file = groups.into_inner().map_err(to_io)?.into_inner()?;
        self.written.bytes = file.as_file().metadata()?.len();
        file.as_file().sync_all()?;
        Ok((file, self.written))
    }

    fn last_group(&mut self) -> Result<SerializedFileWriter<Output>> {
        // A file without a row has its columns, too.
        self.write_group()?;
        let groups = self.groups.take();
        groups.ok_or_else(|| ParquetError::General("the file was not begun".to_owned()))
    }

    fn begin(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        self.columns.extend(found_in(&self.held, &self.columns));
        let names = self.columns.iter().enumerate();
        self.places = names
            .map(|(at, it)| (it.name.clone().into_bytes(), at))
            .collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("ucp-streams ", env!("CARGO_PKG_VERSION")).to_owned());
        let schema = schema(&self.columns)?;
        let file = BufWriter::new(file);
        self.groups = Some(SerializedFileWriter::new(
            file,
            schema,
            Arc::new(properties.build()),
        )?);
        Ok(())
    }

    /// Writes a row group of what is held.
    fn write_group(&mut self) -> Result<()> {
        self.begin()?;
        let Some(groups) = &mut self.groups else {
            return Ok(());
        };
        let held = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        if held.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row<'_>> = held
            .iter()
            .map(|entry| Row::new(entry, &self.columns, &self.places))
            .collect();
        let mut group = groups.next_row_group()?;
        write_own(&mut group, &held)?;
        for (at, column) in self.columns.iter().enumerate() {
            let values = rows.iter().map(|it| it.values.get(at).copied().flatten());
            write_field(&mut group, column.kind, values)?;
        }
        let rest = rows.iter().map(Row::rest);
        write::<ByteArrayType>(&mut group, rest.map(|it| it.map(ByteArray::from)))?;
        group.close()?;
        self.written.entries += rows.len() as u64;
        self.written.with_rest += rows.iter().filter(|it| !it.others.is_empty()).count() as u64;
        Ok(())
    }
}

/// The fields of entries that have no column yet, in the order in which they appear.
fn found_in(entries: &[Entry], declared: &[ColumnSpec]) -> Vec<ColumnSpec> {
    let mut known: HashSet<&[u8]> = declared.iter().map(|it| it.name.as_bytes()).collect();
    let mut found = Vec::new();
    for (name, _) in entries.iter().flat_map(|it| &it.fields) {
        if declared.len() + found.len() == COLUMNS_MAX {
            break;
        }
        if let Ok(text) = std::str::from_utf8(name)
            && let Some(column) = ColumnSpec::new(text, ColumnKind::Text)
            && known.insert(name)
        {
            found.push(column);
        }
    }
    found
}

/// The values of an entry by their columns, and what has none.
struct Row<'a> {
    values: Vec<Option<&'a [u8]>>,
    others: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Row<'a> {
    fn new(entry: &'a Entry, columns: &[ColumnSpec], places: &HashMap<Vec<u8>, usize>) -> Self {
        let mut row = Self {
            values: vec![None; columns.len()],
            others: Vec::new(),
        };
        for (name, value) in &entry.fields {
            let at = places.get(name).copied();
            let holds = |at: &usize| {
                columns
                    .get(*at)
                    .is_some_and(|it| self::holds(it.kind, value))
            };
            match at.filter(holds).and_then(|at| row.values.get_mut(at)) {
                Some(place @ None) => *place = Some(value),
                _ => row.others.push((name, value)),
            }
        }
        row
    }

    /// What has no column, as JSON: `[[name, value], …]`.
    fn rest(&self) -> Option<Vec<u8>> {
        if self.others.is_empty() {
            return None;
        }
        let mut json = vec![b'['];
        for (place, (name, value)) in self.others.iter().enumerate() {
            json.extend_from_slice(if place == 0 { b"[" } else { b",[" });
            json_bytes(&mut json, name);
            json.push(b',');
            json_bytes(&mut json, value);
            json.push(b']');
        }
        json.push(b']');
        Some(json)
    }
}

/// Whether a column of this kind keeps the value as it is, so that the same bytes can be made of it again.
fn holds(kind: ColumnKind, value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    match kind {
        ColumnKind::Text => true,
        ColumnKind::Json => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        ColumnKind::Integer => text.parse::<i64>().is_ok_and(|it| it.to_string() == text),
        ColumnKind::Bool => matches!(text, "true" | "false"),
    }
}

fn schema(columns: &[ColumnSpec]) -> Result<TypePtr> {
    let [id, time, seq] = OWN_COLUMNS;
    let text = || Some(LogicalType::String);
    let moment = LogicalType::timestamp(true, TimeUnit::MILLIS);
    let mut fields = vec![
        column(id, Physical::BYTE_ARRAY, Repetition::REQUIRED, text())?,
        column(time, Physical::INT64, Repetition::OPTIONAL, Some(moment))?,
        column(
            seq,
            Physical::INT64,
            Repetition::REQUIRED,
            Some(LogicalType::integer(64, false)),
        )?,
    ];
    for field in columns {
        let (physical, logical) = match field.kind {
            ColumnKind::Text => (Physical::BYTE_ARRAY, text()),
            ColumnKind::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
            ColumnKind::Integer => (Physical::INT64, None),
            ColumnKind::Bool => (Physical::BOOLEAN, None),
        };
        fields.push(column(
            &field.name,
            physical,
            Repetition::OPTIONAL,
            logical,
        )?);
    }
    fields.push(column(
        REST,
        Physical::BYTE_ARRAY,
        Repetition::OPTIONAL,
        Some(LogicalType::Json),
    )?);
    let group = Type::group_type_builder("entry").with_fields(fields);
    Ok(Arc::new(group.build()?))
}

fn column(
    name: &str,
    physical: Physical,
    repetition: Repetition,
    logical: Option<LogicalType>,
) -> Result<TypePtr> {
    let column = Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical);
    Ok(Arc::new(column.build()?))
}

/// Writes the columns that every stream has: id, time, and the part of the id after the time.
fn write_own(group: &mut RowGroup<'_>, entries: &[Entry]) -> Result<()> {
    let ids = entries
        .iter()
        .map(|it| ByteArray::from(it.id.to_string().into_bytes()));
    write_required::<ByteArrayType>(group, &ids.collect::<Vec<_>>())?;
    let times = entries
        .iter()
        .map(|it| it.id.time().map(|_| it.id.ms.cast_signed()));
    write::<Int64Type>(group, times)?;
    let places = entries.iter().map(|it| it.id.seq.cast_signed());
    write_required::<Int64Type>(group, &places.collect::<Vec<_>>())
}

fn write_field<'a>(
    group: &mut RowGroup<'_>,
    kind: ColumnKind,
    values: impl Iterator<Item = Option<&'a [u8]>>,
) -> Result<()> {
    match kind {
        ColumnKind::Text | ColumnKind::Json => {
            let values = values.map(|it| it.map(|value| ByteArray::from(value.to_vec())));
            write::<ByteArrayType>(group, values)
        }
        ColumnKind::Integer => write::<Int64Type>(group, values.map(|it| it.and_then(whole))),
        ColumnKind::Bool => {
            write::<BoolType>(group, values.map(|it| it.map(|value| value == b"true")))
        }
    }
}

fn whole(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn write_required<T: DataType>(group: &mut RowGroup<'_>, values: &[T::T]) -> Result<()> {
    write_levels::<T>(group, values, None)
}

/// Writes a column whose values may be missing.
fn write<T: DataType>(
    group: &mut RowGroup<'_>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<()> {
    let (mut present, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        present.extend(value);
    }
    write_levels::<T>(group, &present, Some(&levels))
}

fn write_levels<T: DataType>(
    group: &mut RowGroup<'_>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    let column = group.next_column()?;
    let mut column = column.ok_or_else(|| ParquetError::General("no column is left".to_owned()))?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

fn to_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_holds_only_what_can_be_made_of_it_again() {
        for (kind, held, not) in [
            (ColumnKind::Text, &["", "a", "é"][..], &[&b"\xff"[..]][..]),
            (
                ColumnKind::Json,
                &["{}", "[1]", "1", "null"],
                &[b"", b"{", b"{} {}", b"a"],
            ),
            (
                ColumnKind::Integer,
                &["0", "-1", "9223372036854775807"],
                &[
                    b"",
                    b"+1",
                    b"01",
                    b"-0",
                    b"1.0",
                    b" 1",
                    b"9223372036854775808",
                ],
            ),
            (ColumnKind::Bool, &["true", "false"], &[b"", b"True", b"1"]),
        ] {
            for value in held {
                assert!(holds(kind, value.as_bytes()), "{kind:?} {value}");
            }
            for value in not {
                assert!(!holds(kind, value), "{kind:?} {value:?}");
            }
        }
    }
}
