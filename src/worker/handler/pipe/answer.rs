//! What a `--pipe` handler answers: `{"id", "ok": true}`, with `"publish"` to add entries together with the
//! acknowledgement, or `{"id", "error", "permanent"}`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::{EntryId, Name, escaped};
use crate::topology::StreamSpec;
use crate::topology::validate::Checker;
use crate::wire::Output;
use crate::worker::handler::{Verdict, tail};

/// Entries that one answer may publish: they are added by one script, which the server runs alone.
const OUTPUTS_MAX: usize = 100;

/// Bytes of an answer that are shown when it is none.
const SHOWN_BYTES_MAX: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer<'a> {
    id: String,
    #[serde(default)]
    ok: bool,
    error: Option<String>,
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

/// The verdict that `line` gives on entry `id`; entries to publish are checked by their streams' schemas.
///
/// # Errors
/// Why the line is not an answer about this entry.
pub(super) fn verdict(line: &[u8], id: EntryId, streams: &[StreamSpec]) -> Result<Verdict, String> {
    let answer: Answer<'_> = serde_json::from_slice(line)
        .map_err(|error| format!("not an answer: {}: {error}", shown(line)))?;
    if answer.id != id.to_string() {
        return Err(format!(
            "the handler answered about {}, asked about {id}",
            escaped(answer.id.as_bytes())
        ));
    }
    match (answer.ok, answer.error) {
        (true, None) if answer.permanent => Err(contradiction(line)),
        (true, None) if answer.publish.is_empty() => Ok(Verdict::Done),
        (true, None) => Ok(publish(answer.publish, streams)),
        (false, Some(_)) if !answer.publish.is_empty() => Err(contradiction(line)),
        (false, Some(reason)) if answer.permanent => Ok(Verdict::dead(tail(&reason))),
        (false, Some(reason)) => Ok(Verdict::retry(tail(&reason))),
        _ => Err(contradiction(line)),
    }
}

fn contradiction(line: &[u8]) -> String {
    format!(
        "neither \"ok\": true nor an \"error\" alone: {}",
        shown(line)
    )
}

fn shown(line: &[u8]) -> String {
    escaped(&line[..line.len().min(SHOWN_BYTES_MAX)])
}

/// The entries to add, or the reason why one of them cannot be: the process is in step, its answer is wrong.
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
                "what the handler publishes to `{stream}` is not valid: {}",
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

    fn of(line: &str) -> Result<Verdict, String> {
        verdict(line.as_bytes(), EntryId::new(7, 1), &[])
    }

    #[test]
    fn each_answer_has_its_verdict() {
        assert!(matches!(of(r#"{"id":"7-1","ok":true}"#), Ok(Verdict::Done)));
        assert!(matches!(
            of(r#"{"id":"7-1","error":"busy"}"#),
            Ok(Verdict::Retry { reason, after: None }) if reason == "busy"
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
            (r#"{"id":"7-2","ok":true}"#, "about 7-2, asked about 7-1"),
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
