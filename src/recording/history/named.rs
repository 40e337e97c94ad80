//! Whether what was named is in a recording, and what is there instead.

use std::collections::BTreeSet;

use super::{History, Subject, Wanted};
use crate::model::{Name, Problem, did_you_mean, escaped, nearest};

impl History {
    /// Makes sure that something was observed, and that what was named is in it.
    ///
    /// # Errors
    /// Not found, with what there is.
    pub fn require(&self, wanted: &Wanted) -> Result<(), Problem> {
        if let ([], Some(gap)) = (&self.subjects[..], self.gaps.first()) {
            let error = escaped(gap.error.as_bytes());
            let text = format!("nothing could be observed in that time: {error}");
            return Err(Problem::not_found(text).hint("choose another with --since and --until"));
        }
        if !self.rows.is_empty() {
            return Ok(());
        }
        let streams = self.subjects.iter().map(|it| &it.stream);
        let of_stream = wanted.stream.as_ref();
        if let Some(stream) = of_stream.filter(|stream| !streams.clone().any(|it| it == *stream)) {
            return Err(nothing_of(&format!("stream `{stream}`"), stream, streams));
        }
        let is_on = |it: &&Subject| of_stream.is_none_or(|stream| it.stream == *stream);
        let subjects = self.subjects.iter().filter(is_on);
        let names = subjects.map(|Subject { stream, group }| group.as_ref().unwrap_or(stream));
        let Some(name) = &wanted.name else {
            return Ok(());
        };
        let what = match of_stream {
            Some(stream) => format!("group `{name}` on stream `{stream}`"),
            None => format!("group or stream `{name}`"),
        };
        Err(nothing_of(&what, name, names))
    }
}

/// The error that there is no such thing, with what there is.
fn nothing_of<'n>(what: &str, name: &Name, names: impl Iterator<Item = &'n Name>) -> Problem {
    let names: BTreeSet<String> = names.map(ToString::to_string).collect();
    let given = name.to_string();
    let meant = nearest(&given, names.iter().map(String::as_str));
    let text = format!("no {what} was recorded{}", did_you_mean(meant));
    let names: Vec<String> = names.into_iter().collect();
    Problem::not_found(text).hint(format!("recorded are: {}", names.join(", ")))
}
