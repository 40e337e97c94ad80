//! The topology file: TOML that is merged over the built-in platform key by key. A table of fields replaces the whole
//! table, because a schema is one thing.

mod group;
mod reader;
mod show;
mod stream;
mod words;

pub use reader::FileError;
pub use show::example_toml;

use reader::{Item, Reader};

use super::{GroupSpec, StreamSpec, Topology};
use crate::model::{Country, Name, Problem};

/// A topology that a file is merged into, and the lines of the file that concern it.
struct Merge {
    topology: Topology,
    /// The line of each stream; 0 when the file does not mention it.
    stream_lines: Vec<usize>,
    group_lines: Vec<usize>,
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

impl Merge {
    fn over(topology: Topology) -> Self {
        Self {
            stream_lines: vec![0; topology.streams.len()],
            group_lines: vec![0; topology.groups.len()],
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
            _ => reader.unknown_key(item, &["streams", "groups", "default_country"]),
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
        let at = streams
            .iter()
            .position(|it| it.name == name)
            .unwrap_or_else(|| {
                streams.push(StreamSpec::new(name));
                self.stream_lines.push(0);
                streams.len() - 1
            });
        self.stream_lines[at] = reader.line_of(item);
        stream::merge(reader, item, &mut self.topology.streams[at]);
    }

    fn group(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        let name = Name::from(item.key);
        let groups = &mut self.topology.groups;
        let at = groups
            .iter()
            .position(|it| it.name == name)
            .unwrap_or_else(|| {
                groups.push(GroupSpec::new(name, Name::default()));
                self.group_lines.push(0);
                groups.len() - 1
            });
        self.group_lines[at] = reader.line_of(item);
        group::merge(reader, item, &mut self.topology.groups[at]);
    }

    fn check(&self, reader: &mut Reader<'_>) {
        for fault in self.topology.check() {
            let line = match fault.subject {
                super::Subject::Stream(at) => self.stream_lines[at],
                super::Subject::Group(at) => self.group_lines[at],
            };
            reader.error_in_line(line, fault.message);
        }
    }
}

#[cfg(test)]
mod tests;
