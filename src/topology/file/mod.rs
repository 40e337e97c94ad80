//! The topology file: TOML that is merged over the built-in platform key by key. A table of fields replaces the whole
//! table, because a schema is one thing.

mod group;
mod reader;
mod show;
mod stream;
mod words;

use std::collections::HashMap;
use std::ops::Range;

pub use reader::FileError;
pub use show::example_toml;

use reader::{Item, Reader};

use super::{GroupSpec, StreamSpec, Topology};
use crate::model::{Country, Name, Problem};

/// A topology that a file is merged into, and the places of the file that concern it.
struct Merge {
    topology: Topology,
    /// Where the file mentions each stream, and each group; `None` where it does not.
    stream_spans: Vec<Option<Range<usize>>>,
    group_spans: Vec<Option<Range<usize>>>,
    /// Where each stream and each group stands in the topology.
    stream_places: HashMap<Name, usize>,
    group_places: HashMap<Name, usize>,
}

impl Topology {
    /// Merges the text of a topology file over the built-in platform.
    ///
    /// `file` is its name in errors.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file; contradictions between settings come last.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, Vec<FileError>> {
        let mut reader = Reader::new(file, text);
        let mut merge = Merge::over(Self::default());
        if let Some(document) = reader.document() {
            for item in reader::items(document.as_table(), "") {
                merge.top_level(&mut reader, &item);
            }
        }
        // What could not be read would only be complained of twice.
        if reader.errors.is_empty() {
            merge.check(&mut reader);
        }
        if reader.errors.is_empty() {
            Ok(merge.topology)
        } else {
            Err(reader.errors)
        }
    }
}

/// A usage error with everything that is wrong in a topology file.
pub fn file_problem(errors: &[FileError]) -> Problem {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Problem::usage(lines.join("\n"))
        .hint("`ucp-streams topology example` prints a file with every key explained")
}

/// Where each of `names` stands, the first of those that are the same.
fn places<'n>(names: impl Iterator<Item = &'n Name>) -> HashMap<Name, usize> {
    let mut places = HashMap::new();
    for (at, name) in names.enumerate() {
        places.entry(name.clone()).or_insert(at);
    }
    places
}

impl Merge {
    fn over(topology: Topology) -> Self {
        Self {
            stream_spans: vec![None; topology.streams.len()],
            group_spans: vec![None; topology.groups.len()],
            stream_places: places(topology.streams.iter().map(|it| &it.name)),
            group_places: places(topology.groups.iter().map(|it| &it.name)),
            topology,
        }
    }

    fn top_level(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        match item.key {
            "streams" => {
                for stream in reader.table(item) {
                    self.stream(reader, &stream);
                }
            }
            "groups" => {
                for group in reader.table(item) {
                    self.group(reader, &group);
                }
            }
            "default_country" => self.default_country(reader, item),
            "audit" => self.audit(reader, item),
            _ => reader.unknown_key(item, &["streams", "groups", "default_country", "audit"]),
        }
    }

    fn audit(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        match reader.string(item) {
            Some("off") => self.topology.audit = None,
            Some("") => reader.error(item, "must be the name of a stream, or \"off\""),
            Some(name) => self.topology.audit = Some(Name::from(name)),
            None => {}
        }
    }

    fn default_country(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        let Some(text) = reader.string(item) else {
            return;
        };
        self.topology.default_country = Country::parse(text);
        if self.topology.default_country.is_none() {
            let wanted = "must be a calling code such as \"+49\", or a country's two letters that this tool knows";
            reader.error(item, wanted);
        }
    }

    fn stream(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        let name = Name::from(item.key);
        let streams = &mut self.topology.streams;
        let at = *self.stream_places.entry(name).or_insert_with_key(|name| {
            streams.push(StreamSpec::new(name.clone()));
            self.stream_spans.push(None);
            streams.len() - 1
        });
        self.stream_spans[at] = Some(item.key_span());
        stream::merge(reader, item, &mut self.topology.streams[at]);
    }

    fn group(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        let name = Name::from(item.key);
        let groups = &mut self.topology.groups;
        let at = *self.group_places.entry(name).or_insert_with_key(|name| {
            groups.push(GroupSpec::new(name.clone(), Name::default()));
            self.group_spans.push(None);
            groups.len() - 1
        });
        self.group_spans[at] = Some(item.key_span());
        group::merge(reader, item, &mut self.topology.groups[at]);
    }

    fn check(&self, reader: &mut Reader<'_>) {
        for fault in self.topology.check() {
            let span = match fault.subject {
                super::Subject::Stream(at) => &self.stream_spans[at],
                super::Subject::Group(at) => &self.group_spans[at],
            };
            match span {
                Some(span) => reader.error_at(span, fault.message),
                None => reader.error_in_line(0, fault.message),
            }
        }
    }
}

#[cfg(test)]
mod tests;
