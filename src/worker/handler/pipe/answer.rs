//! The answers of a `--pipe` handler: `{"id", "ok": true}`, with `"publish"` to add entries together with the
//! acknowledgement, or `{"id", "error", "permanent"}`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::{EntryId, Name, escaped};
use crate::topology::StreamSpec;
use crate::topology::validate::Checker;
use crate::wire::Output;
use crate::worker::handler::{Verdict, tail};

/// How many entries one answer may publish. They are added by one script, and the server does nothing else meanwhile.
const OUTPUTS_MAX: usize = 100;

/// How many bytes of an invalid answer are shown.
const SHOWN_BYTES_MAX: usize = 200;

/// One line that a process wrote.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default)]
    ok: bool,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(default)]
    permanent: bool,
    #[serde(borrow, default)]
    publish: Vec<Publish<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish<'a> {
    stream: String,
    #[serde(borrow)]
    fields: &'a RawValue,
}

impl<'a> Answer<'a> {
    /// # Errors
    /// Why the line is not a valid answer.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(line)
            .map_err(|error| format!("not an answer: {}: {error}", shown(line)))
    }

    /// Whether the answer is about this entry.
    pub(super) fn is_about(&self, id: EntryId) -> bool {
        self.id.parse() == Ok(id)
    }

    /// Why the answer does not belong to any of these requests.
    pub(super) fn is_about_none_of(&self, mut asked: impl Iterator<Item = EntryId>) -> String {
        let about = escaped(self.id.as_bytes());
        match asked.next() {
            Some(first) => {
                format!("the handler answered for {about}, but it was asked about {first}")
            }
            None => format!("the handler answered for {about}, but it was not asked anything"),
        }
    }

    /// The verdict in `line`; entries to publish are checked against their streams' schemas.
    ///
    /// # Errors
    /// Why the answer contradicts itself.
    pub(super) fn verdict(self, line: &[u8], streams: &[StreamSpec]) -> Result<Verdict, String> {
        match (self.ok, self.error) {
            (true, None) if self.permanent => Err(contradiction(line)),
            (true, None) if self.publish.is_empty() => Ok(Verdict::Done),
            (true, None) => Ok(publish(self.publish, streams)),
            (false, Some(_)) if !self.publish.is_empty() => Err(contradiction(line)),
            (false, Some(reason)) if self.permanent => Ok(Verdict::dead(tail(&reason))),
            (false, Some(reason)) => Ok(Verdict::retry(tail(&reason))),
            _ => Err(contradiction(line)),
        }
    }
}

fn contradiction(line: &[u8]) -> String {
    format!(
        "neither \"ok\": true nor only an \"error\": {}",
        shown(line)
    )
}

fn shown(line: &[u8]) -> String {
    escaped(&line[..line.len().min(SHOWN_BYTES_MAX)])
}

/// The entries to add, or the reason why one of them cannot be added: the process is in step, but its answer is
/// wrong.
fn publish(entries: Vec<Publish<'_>>, streams: &[StreamSpec]) -> Verdict {
    if entries.len() > OUTPUTS_MAX {
        return Verdict::retry(format!(
            "the handler publishes {} entries, more than {OUTPUTS_MAX}",
            entries.len()
        ));
    }
    let outputs: Result<Vec<Output>, String> = entries
        .into_iter()
        .map(|entry| output(&entry, streams))
        .collect();
    outputs.map_or_else(Verdict::retry, Verdict::Publish)
}

fn output(entry: &Publish<'_>, streams: &[StreamSpec]) -> Result<Output, String> {
    let stream = Name::from(entry.stream.as_str());
    if stream.is_empty() {
        return Err("the handler publishes to a stream without a name".to_owned());
    }
    let spec = streams.iter().find(|spec| spec.name == stream);
    let record = Checker::new(spec)
        .check_json(entry.fields.get().as_bytes())
        .map_err(|invalid| {
            let reasons: Vec<String> = invalid.iter().map(ToString::to_string).collect();
            format!(
                "the entry that the handler publishes to `{stream}` is not valid: {}",
                reasons.join("; ")
            )
        })?;
    Ok(Output {
        maxlen: spec.and_then(|spec| spec.maxlen),
        fields: record.fields,
        stream,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::handler::Fault;

    fn of(line: &str) -> Result<Verdict, String> {
        let answer = Answer::read(line.as_bytes())?;
        if answer.is_about(EntryId::new(7, 1)) {
            return answer.verdict(line.as_bytes(), &[]);
        }
        Err(answer.is_about_none_of([EntryId::new(7, 1)].into_iter()))
    }

    #[test]
    fn each_answer_has_its_verdict() {
        assert!(matches!(of(r#"{"id":"7-1","ok":true}"#), Ok(Verdict::Done)));
        assert!(matches!(
            of(r#"{"id":"7-1","error":"busy"}"#),
            Ok(Verdict::Retry { reason, fault: Fault::Message, after: None }) if reason == "busy"
        ));
        assert!(matches!(
            of(r#"{"id":"7-1","ok":false,"error":"never","permanent":true}"#),
            Ok(Verdict::Dead { reason }) if reason == "never"
        ));
        let published = of(
            r#"{"id":"7-1","ok":true,"publish":[{"stream":"out","fields":{"a":1,"b":{"c":[]}}}]}"#,
        );
        let Ok(Verdict::Publish(outputs)) = published else {
            panic!("{published:?}");
        };
        assert_eq!(outputs[0].stream, Name::from("out"));
        assert_eq!(
            outputs[0].fields,
            [
                (b"a".to_vec(), b"1".to_vec()),
                (b"b".to_vec(), br#"{"c":[]}"#.to_vec())
            ]
        );
    }

    #[test]
    fn what_is_no_answer_about_this_entry_is_said() {
        for (line, why) in [
            ("starting up", "not an answer: starting up"),
            (
                r#"{"id":"7-2","ok":true}"#,
                "for 7-2, but it was asked about 7-1",
            ),
            (r#"{"id":"7-1"}"#, "neither"),
            (r#"{"id":"7-1","ok":true,"error":"x"}"#, "neither"),
            (r#"{"id":"7-1","ok":true,"permanent":true}"#, "neither"),
            (r#"{"id":"7-1","error":"x","permanant":true}"#, "permanant"),
        ] {
            let reason = of(line).expect_err(line);
            assert!(reason.contains(why), "{line}: {reason}");
        }
    }

    #[test]
    fn what_cannot_be_published_is_another_attempt() {
        for (entry, why) in [
            (r#"{"stream":"","fields":{"a":"b"}}"#, "without a name"),
            (r#"{"stream":"out","fields":{}}"#, "`out`"),
            (r#"{"stream":"out","fields":{"_dlq_x":"b"}}"#, "_dlq_x"),
        ] {
            let line = format!(r#"{{"id":"7-1","ok":true,"publish":[{entry}]}}"#);
            match of(&line) {
                Ok(Verdict::Retry { reason, .. }) => assert!(reason.contains(why), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
