//! Checks one entry against its stream's schema, in place: valid fields stay borrowed, known missing values are
//! filled in, and faults are reported for each field.
//!
//! The bulk path calls [`Checker::check_line`] with one reused vector and one reused [`Findings`];
//! [`Checker::check_record`] does the same for a single owned entry.

mod flat;
mod object;
mod plain;
mod printed;
mod report;
mod size;
mod text;
mod timestamp;
mod value;

use std::borrow::Cow;

pub use object::{Parsed, parse_entry};
pub use printed::{is_entry_id, may_be_printed};
pub use report::{EXCERPT_CHARS_MAX, Invalid, Oddity, Rule, Warning};
pub use size::Size;
pub use timestamp::{ReadTimestamp, read_timestamp};
pub use value::is_uuid;

use super::{FieldSpec, FieldType, StreamSpec};
use crate::model::{Fields, Time, nearest};

/// A field's name and value, borrowed from the input if they are unchanged.
pub type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// How many faults of one entry are reported.
const INVALID_MAX: usize = 1000;
/// Names with these prefixes are written only by this tool.
pub const RESERVED_PREFIXES: [&[u8]; 2] = [b"_dlq_", b"_ucp_"];

/// An entry that may be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The fields of the entry, including those that were filled in.
    pub fields: Fields,
    /// Warnings about values that are accepted.
    pub warnings: Vec<Warning>,
}

/// The result of a check; an entry is valid when `invalid` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What is wrong.
    pub invalid: Vec<Invalid>,
    /// Warnings about values that are accepted.
    pub warnings: Vec<Warning>,
}

impl Findings {
    /// Clears the findings, and keeps the allocated memory.
    pub fn clear(&mut self) {
        self.invalid.clear();
        self.warnings.clear();
    }
}

/// Checks the entries of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Checker<'s> {
    /// The stream's schema; `None`, or one without fields, accepts any entry.
    pub stream: Option<&'s StreamSpec>,
    /// Whether an id that is not a UUID is an error instead of a warning.
    pub strict: bool,
    /// The values for a missing `event_id` and `timestamp`; `None` when they must be given.
    pub fill_in: Option<FillIn>,
    /// A field that must be given and have a value, whatever the schema says.
    pub required: Option<&'s [u8]>,
    /// The greatest size of an entry that is given in the form in which this tool prints entries.
    pub printed_max: Size,
}

/// Where the values for missing fields come from.
#[derive(Clone, Copy, Debug)]
pub struct FillIn {
    /// The time for a missing `timestamp`.
    pub now: fn() -> Time,
    /// The id for a missing `event_id`.
    pub new_event_id: fn() -> String,
}

impl Default for FillIn {
    /// This machine's time and random UUIDs (version 7).
    fn default() -> Self {
        Self {
            now: Time::now,
            new_event_id: || uuid::Uuid::now_v7().to_string(),
        }
    }
}

impl<'s> Checker<'s> {
    /// A lenient checker that fills in missing values if it knows them.
    pub fn new(stream: Option<&'s StreamSpec>) -> Self {
        Self {
            stream,
            strict: false,
            fill_in: Some(FillIn::default()),
            required: None,
            printed_max: Size::EVENT,
        }
    }

    /// The fields that an entry must have; empty when any are accepted.
    fn schema(&self) -> &'s [FieldSpec] {
        self.stream.map_or(&[], |stream| &stream.fields)
    }

    /// Parses one line of JSON into `fields` (which is emptied first) and checks it.
    pub fn check_line<'a>(
        &self,
        line: &'a [u8],
        fields: &mut Vec<Pair<'a>>,
        findings: &mut Findings,
    ) where
        's: 'a,
    {
        fields.clear();
        let parsed = match parse_entry(line, fields) {
            Ok(parsed) => parsed,
            Err(invalid) => return findings.invalid.push(invalid),
        };
        if let Some(null) = parsed.first_null
            && self.schema().is_empty()
        {
            let invalid = Invalid::new(&fields[null].0, Rule::Null);
            return findings.invalid.push(invalid);
        }
        let looks_printed = |at: &usize| self.looks_printed(&fields[*at]);
        let warnings = parsed.suspects.iter().filter_map(looks_printed);
        findings.warnings.extend(warnings);
        let size_max = if parsed.is_printed {
            self.printed_max
        } else {
            Size::EVENT
        };
        self.check_sized(size_max, fields, findings);
    }

    /// The warning about a field of a flat object that looks as `read` prints one. A field whose type is JSON may
    /// look like that.
    fn looks_printed(&self, (name, value): &Pair<'_>) -> Option<Warning> {
        let named = |spec: &&FieldSpec| {
            spec.name.as_bytes() == &**name || is_camel_case_of(name, spec.name.as_bytes())
        };
        let spec = self.schema().iter().find(named);
        if spec.is_some_and(|it| matches!(it.kind, FieldType::Json | FieldType::JsonArray)) {
            return None;
        }
        let oddity = printed::oddity(name, value)?;
        Some(Warning::new(name, value, oddity))
    }

    /// Checks an entry in place: names in the platform's camelCase are replaced by the schema's, times by their
    /// written form, and a missing `event_id` or `timestamp` is inserted at its place in the schema.
    pub fn check_fields<'a>(&self, fields: &mut Vec<Pair<'a>>, findings: &mut Findings)
    where
        's: 'a,
    {
        self.check_sized(Size::EVENT, fields, findings);
    }

    fn check_sized<'a>(&self, size_max: Size, fields: &mut Vec<Pair<'a>>, findings: &mut Findings)
    where
        's: 'a,
    {
        if let Err(rule) = size_max.check(fields) {
            findings.invalid.push(Invalid::of_entry(rule));
            return;
        }
        self.check_by_schema(fields, findings);
        let Some(required) = self.required else {
            return;
        };
        match fields.iter().find(|(name, _)| **name == *required) {
            None => findings.invalid.push(Invalid::new(required, Rule::Missing)),
            // The schema may have said so already.
            Some((_, value)) if value.is_empty() && findings.invalid.is_empty() => {
                findings.invalid.push(Invalid::new(required, Rule::Empty));
            }
            Some(_) => {}
        }
    }

    fn check_by_schema<'a>(&self, fields: &mut Vec<Pair<'a>>, findings: &mut Findings)
    where
        's: 'a,
    {
        let schema = self.schema();
        if schema.is_empty() {
            if fields.is_empty() {
                findings.invalid.push(Invalid::of_entry(Rule::NoFields));
            }
            let reserved = fields.iter().filter_map(|(name, _)| reserved(name));
            findings.invalid.extend(reserved.take(INVALID_MAX));
            return;
        }
        rename_camel_case(schema, fields);
        let seen = self.check_each(schema, fields, findings);
        self.fill_in(schema, seen, fields, findings);
    }

    /// Checks the fields that are there. The result has a bit for each field of the schema that was found.
    fn check_each(
        &self,
        schema: &[FieldSpec],
        fields: &mut [Pair<'_>],
        findings: &mut Findings,
    ) -> u128 {
        let mut seen = 0u128;
        for (name, value) in fields {
            if findings.invalid.len() >= INVALID_MAX {
                break;
            }
            let Some((at, spec)) = find(schema, name) else {
                let invalid = reserved(name).unwrap_or_else(|| unknown(schema, name));
                findings.invalid.push(invalid);
                continue;
            };
            if seen & (1 << at) != 0 {
                findings.invalid.push(Invalid::new(name, Rule::Repeated));
                continue;
            }
            seen |= 1 << at;
            self.check_one(spec, value, findings);
        }
        seen
    }

    fn check_one(&self, spec: &FieldSpec, value: &mut Cow<'_, [u8]>, findings: &mut Findings) {
        let name = spec.name.as_bytes();
        if value.is_empty() {
            if !spec.optional {
                findings.invalid.push(Invalid::new(name, Rule::Empty));
            }
            return;
        }
        // A moment is rewritten, and the one who gave it knows it as it was.
        let given = matches!(spec.kind, FieldType::Timestamp).then(|| value.clone());
        match value::check_value(&spec.kind, value, self.strict) {
            Ok(None) => {}
            Ok(Some(oddity)) => {
                let given = given.as_deref().unwrap_or(value);
                findings.warnings.push(Warning::new(name, given, oddity));
            }
            Err(rule) => findings.invalid.push(Invalid::of_value(name, value, rule)),
        }
    }

    fn fill_in<'a>(
        &self,
        schema: &'s [FieldSpec],
        seen: u128,
        fields: &mut Vec<Pair<'a>>,
        findings: &mut Findings,
    ) where
        's: 'a,
    {
        for (at, spec) in schema.iter().enumerate() {
            let name = spec.name.as_bytes();
            if seen & (1 << at) != 0 || self.required == Some(name) {
                continue;
            }
            if let Some(value) = self.known_value(spec) {
                let position = at.min(fields.len());
                let pair = (Cow::Borrowed(name), Cow::Owned(value.into_bytes()));
                fields.insert(position, pair);
            } else if !spec.optional {
                findings.invalid.push(Invalid::new(name, Rule::Missing));
            }
        }
    }

    /// The value that is filled in for a missing field, if there is one.
    fn known_value(&self, spec: &FieldSpec) -> Option<String> {
        let from = self.fill_in?;
        match (spec.name.as_str(), &spec.kind) {
            ("event_id", FieldType::Uuid | FieldType::String) => Some((from.new_event_id)()),
            ("timestamp", FieldType::Timestamp | FieldType::String) => {
                Some((from.now)().to_string())
            }
            _ => None,
        }
    }

    /// Checks one owned entry.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check_record(&self, fields: Fields) -> Result<Record, Vec<Invalid>> {
        let mut pairs = fields
            .into_iter()
            .map(|(name, value)| (Cow::Owned(name), Cow::Owned(value)))
            .collect();
        let mut findings = Findings::default();
        self.check_fields(&mut pairs, &mut findings);
        record(pairs, findings)
    }

    /// Parses and checks one JSON object, which becomes an owned entry.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check_json(&self, line: &[u8]) -> Result<Record, Vec<Invalid>> {
        let (mut pairs, mut findings) = (Vec::new(), Findings::default());
        self.check_line(line, &mut pairs, &mut findings);
        record(pairs, findings)
    }
}

/// An emptied vector of pairs for entries that borrow from another text; its memory is kept.
pub fn recycle<'b>(mut fields: Vec<Pair<'_>>) -> Vec<Pair<'b>> {
    fields.clear();
    // Of an empty vector nothing is converted; the collection happens in its own allocation.
    fields
        .into_iter()
        .map(|_| (Cow::Borrowed(&b""[..]), Cow::Borrowed(&b""[..])))
        .collect()
}

fn record(pairs: Vec<Pair<'_>>, findings: Findings) -> Result<Record, Vec<Invalid>> {
    if !findings.invalid.is_empty() {
        return Err(findings.invalid);
    }
    let fields = pairs
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    Ok(Record {
        fields,
        warnings: findings.warnings,
    })
}

fn reserved(name: &[u8]) -> Option<Invalid> {
    RESERVED_PREFIXES
        .iter()
        .any(|prefix| name.starts_with(prefix))
        .then(|| Invalid::new(name, Rule::Reserved))
}

fn unknown(schema: &[FieldSpec], name: &[u8]) -> Invalid {
    // It would have its own name by now, were that free.
    if let Some(spec) = schema
        .iter()
        .find(|spec| is_camel_case_of(name, spec.name.as_bytes()))
    {
        return Invalid::new(name, Rule::RepeatedAs(spec.name.clone()));
    }
    let given = String::from_utf8_lossy(name);
    let names = schema.iter().map(|field| field.name.as_str());
    Invalid::new(
        name,
        Rule::Unknown(nearest(&given, names).map(str::to_owned)),
    )
}

fn find<'f>(schema: &'f [FieldSpec], name: &[u8]) -> Option<(usize, &'f FieldSpec)> {
    schema
        .iter()
        .enumerate()
        .find(|(_, spec)| spec.name.as_bytes() == name)
}

/// Gives fields in camelCase the schema's name, unless that name is there as well.
fn rename_camel_case<'a>(schema: &'a [FieldSpec], fields: &mut [Pair<'a>]) {
    for at in 0..fields.len() {
        let given = &fields[at].0;
        if !given.iter().any(u8::is_ascii_uppercase) || find(schema, given).is_some() {
            continue;
        }
        let meant = schema
            .iter()
            .map(|spec| spec.name.as_bytes())
            .find(|name| is_camel_case_of(given, name));
        if let Some(name) = meant
            && !fields.iter().any(|(other, _)| **other == *name)
        {
            fields[at].0 = Cow::Borrowed(name);
        }
    }
}

/// Whether `camel` is `snake` with each `_x` written as `X`.
fn is_camel_case_of(camel: &[u8], snake: &[u8]) -> bool {
    let mut rest = snake.iter();
    let all = camel.iter().all(|byte| {
        if byte.is_ascii_uppercase() {
            rest.next() == Some(&b'_') && rest.next() == Some(&byte.to_ascii_lowercase())
        } else {
            rest.next() == Some(byte)
        }
    });
    all && rest.next().is_none()
}

#[cfg(test)]
mod tests;
