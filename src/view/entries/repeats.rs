//! Repeated field names in an entry.

use std::collections::{HashMap, HashSet};

/// For up to this many fields, repeats are found by comparing all pairs, without an allocation.
const COMPARED: usize = 32;

/// Whether there is one.
pub(super) fn has_repeats<A: AsRef<[u8]>, B>(fields: &[(A, B)]) -> bool {
    if fields.len() <= COMPARED {
        return fields.iter().enumerate().any(|(place, (name, _))| {
            fields[..place]
                .iter()
                .any(|(other, _)| other.as_ref() == name.as_ref())
        });
    }
    let mut seen = HashSet::with_capacity(fields.len());
    !fields.iter().all(|(name, _)| seen.insert(name.as_ref()))
}

/// Whether fields of the same name are always adjacent.
pub(super) fn are_together<A: AsRef<[u8]>, B>(fields: &[(A, B)]) -> bool {
    let mut seen = HashSet::with_capacity(fields.len());
    let mut last = None;
    fields.iter().all(|(name, _)| {
        let name = Some(name.as_ref());
        let goes_on = last == name;
        last = name;
        goes_on || seen.insert(name)
    })
}

/// The values of each name, with names in the order of their first field.
pub(super) fn grouped<A: AsRef<[u8]>, B: AsRef<[u8]>>(
    fields: &[(A, B)],
) -> Vec<(&[u8], Vec<&[u8]>)> {
    let mut places = HashMap::with_capacity(fields.len());
    let mut groups: Vec<(&[u8], Vec<&[u8]>)> = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let place = *places.entry(name.as_ref()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, values)) => values.push(value.as_ref()),
            None => groups.push((name.as_ref(), vec![value.as_ref()])),
        }
    }
    groups
}
