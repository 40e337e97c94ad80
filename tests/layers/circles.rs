//! Files that need each other: neither can be read, tested or moved without the other. The face of a folder (`mod.rs`) and
//! the files in it are one thing.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Source, Token};

/// Which files a file takes names from.
type Uses<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Each circle of files, by their paths.
pub fn find(sources: &[Source]) -> Vec<Vec<&str>> {
    let house = House::new(sources);
    let uses: Uses<'_> = sources
        .iter()
        .map(|source| (source.path.as_str(), house.used_by(source)))
        .collect();
    let mut found: Vec<Vec<&str>> = Vec::new();
    for file in uses.keys() {
        let circle: Vec<&str> = reached(&uses, file)
            .into_iter()
            .filter(|other| reached(&uses, other).contains(file))
            .collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

/// Every file that `from` needs, directly or not.
fn reached<'a>(uses: &Uses<'a>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![from];
    while let Some(file) = open.pop() {
        for next in uses.get(file).into_iter().flatten() {
            if reached.insert(*next) {
                open.push(next);
            }
        }
    }
    reached
}

/// The files by the modules that they are, and what the faces of folders pass on.
struct House<'a> {
    files: BTreeMap<Vec<String>, &'a Source>,
    /// The module where a name is that a face passes on with `pub use`.
    passed: BTreeMap<(Vec<String>, String), Vec<String>>,
}

impl<'a> House<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let files = sources.iter().map(|it| (module(&it.path), it)).collect();
        let mut house = Self {
            files,
            passed: BTreeMap::new(),
        };
        for source in sources {
            let here = module(&source.path);
            for path in paths(source) {
                let Some((name, rest)) = path.split_last() else {
                    continue;
                };
                if let Some(from) = house.child(&here, rest) {
                    house.passed.insert((here.clone(), name.clone()), from);
                }
            }
        }
        house
    }

    /// The module below `here` that a path of its own begins with.
    fn child(&self, here: &[String], path: &[String]) -> Option<Vec<String>> {
        let below = [here, path].concat();
        self.files.contains_key(&below).then_some(below)
    }

    /// The files that `source` names something of, without those of its own folder's face and without what is below it.
    fn used_by(&self, source: &Source) -> BTreeSet<&'a str> {
        let here = module(&source.path);
        let mut used = BTreeSet::new();
        for path in paths(source) {
            let Some(target) = self.target(&here, &path) else {
                continue;
            };
            let is_one = target.starts_with(&here) || here.starts_with(&target);
            if !is_one && let Some(file) = self.files.get(&target) {
                used.insert(file.path.as_str());
            }
        }
        used
    }

    /// The module that a path in `here` leads to.
    fn target(&self, here: &[String], path: &[String]) -> Option<Vec<String>> {
        let (mut at, rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "super" => {
                let up = path.iter().take_while(|it| *it == "super").count();
                (here[..here.len().checked_sub(up)?].to_vec(), &path[up..])
            }
            _ => return None,
        };
        for word in rest {
            let below = [at.clone(), vec![word.clone()]].concat();
            if self.files.contains_key(&below) {
                at = below;
            } else if let Some(from) = self.passed.get(&(at.clone(), word.clone())) {
                at.clone_from(from);
            } else {
                break;
            }
        }
        Some(at)
    }
}

/// `streams/read.rs` as `streams`, `read`.
fn module(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    }
}

/// Every path of the file, lists in braces spread out: `a::{b, c::d}` as `a::b` and `a::c::d`.
fn paths(source: &Source) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = source.tokens.as_slice();
    while let Some(first) = rest.first() {
        if first.is_word() && rest.get(1).is_some_and(|it| it.is("::")) {
            rest = spread(rest, &[], &mut found);
        } else {
            rest = &rest[1..];
        }
    }
    found
}

/// Reads one path, in `begun`, and returns what is after it.
fn spread<'t>(tokens: &'t [Token], begun: &[String], found: &mut Vec<Vec<String>>) -> &'t [Token] {
    let mut path = begun.to_vec();
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        if first.is("{") && !path.is_empty() {
            let mut inner = after;
            while inner.first().is_some_and(|it| !it.is("}")) {
                if inner[0].is_word() || inner[0].is("{") {
                    inner = spread(inner, &path, found);
                } else {
                    inner = &inner[1..];
                }
            }
            return inner.get(1..).unwrap_or_default();
        }
        if !first.is_word() {
            break;
        }
        path.push(first.text.clone());
        match after.split_first() {
            Some((next, after)) if next.is("::") => rest = after,
            _ => {
                rest = after;
                break;
            }
        }
    }
    found.push(path);
    rest
}
