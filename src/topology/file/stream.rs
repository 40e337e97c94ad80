//! `[streams.NAME]`: one stream of the file.

use super::reader::{Item, Reader};
use super::words::{OPTIONAL, UNLIMITED};
use crate::model::Name;
use crate::topology::{FieldSpec, FieldType, OnFull, StreamSpec};

pub(super) fn merge(reader: &mut Reader<'_>, item: &Item<'_>, spec: &mut StreamSpec) {
    for item in reader.table(item) {
        match item.key {
            "maxlen" => merge_maxlen(reader, &item, spec),
            "on_full" => {
                spec.on_full = reader.word(&item, OnFull::ALL).unwrap_or(spec.on_full);
            }
            "dead_letter" => {
                if let Some(name) = reader.string(&item) {
                    spec.dead_letter = Name::from(name);
                }
            }
            "redact" => spec.redact = reader.names(&item).unwrap_or_default(),
            "fields" => {
                let fields = reader.table(&item);
                spec.fields = fields
                    .iter()
                    .filter_map(|field| field_spec(reader, field))
                    .collect();
            }
            _ => reader.unknown_key(
                &item,
                &["maxlen", "on_full", "dead_letter", "redact", "fields"],
            ),
        }
    }
}

fn merge_maxlen(reader: &mut Reader<'_>, item: &Item<'_>, spec: &mut StreamSpec) {
    if item.is_string(UNLIMITED) {
        spec.maxlen = None;
    } else if let Some(maxlen) = reader.count(item, 1) {
        spec.maxlen = Some(maxlen);
    }
}

fn field_spec(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<FieldSpec> {
    let (kind, optional) = match reader.list_of_strings(item) {
        Some(mut words) => {
            let optional = words.last().is_some_and(|last| last == OPTIONAL);
            words.truncate(words.len() - usize::from(optional));
            (FieldType::Words(words), optional)
        }
        None => named_type(reader, item)?,
    };
    Some(FieldSpec {
        name: item.key.to_owned(),
        kind,
        optional,
    })
}

fn named_type(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<(FieldType, bool)> {
    let text = reader.string(item)?;
    let (name, optional) = match text.strip_suffix(OPTIONAL) {
        Some(name) => (name, true),
        None => (text, false),
    };
    let found = FieldType::NAMED.into_iter().find(|(it, _)| *it == name);
    if found.is_none() {
        let names = FieldType::NAMED.map(|(name, _)| name);
        reader.not_one_of(item, name, &names);
    }
    found.map(|(_, kind)| (kind, optional))
}
