//! An error as text and as JSON. Pure.

use super::voice::labelled;
use crate::exit::Exit;
use crate::model::{Problem, Tone};
use crate::view::{Theme, write_json};

/// How an error is written: `error: message`, its causes, and `hint: …`, wrapped to the `width` of the terminal.
pub(super) fn as_text(error: &anyhow::Error, theme: Theme, width: Option<u16>) -> String {
    let mut messages = messages(error).into_iter();
    let first = messages.next().unwrap_or_default();
    let mut text = labelled(theme, Tone::Bad, "error:", &first, width);
    for cause in messages {
        text.push('\n');
        text.push_str(&labelled(theme, Tone::Plain, "  because:", &cause, width));
    }
    if let Some(hint) = hint(error) {
        text.push('\n');
        text.push_str(&labelled(theme, Tone::Heading, "hint:", hint, width));
    }
    text
}

/// `{"error":{"kind","message","hint","exit_code"}}`.
pub(super) fn as_json(error: &anyhow::Error, exit: Exit) -> String {
    let value = serde_json::json!({"error": {
        "kind": exit.word(),
        "message": messages(error).join(": "),
        "hint": hint(error),
        "exit_code": exit.code(),
    }});
    let mut json = Vec::new();
    // A tree of strings and numbers is always JSON.
    let _ = write_json(&mut json, &value);
    String::from_utf8(json).unwrap_or_default()
}

/// The messages of all links of the error chain, without what an earlier message already said.
fn messages(error: &anyhow::Error) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for cause in error.chain() {
        let message = cause.to_string();
        if !messages.last().is_some_and(|last| last.contains(&message)) {
            messages.push(message);
        }
    }
    messages
}

fn hint(error: &anyhow::Error) -> Option<&str> {
    error
        .downcast_ref::<Problem>()
        .or_else(|| error.chain().find_map(|cause| cause.downcast_ref()))
        .and_then(|problem| problem.hint.as_deref())
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    fn sample() -> anyhow::Error {
        Err::<(), _>(anyhow!("NOGROUP no such\r\x1b[2J key"))
            .context(Problem::not_found("stream `s` has no group `g`").hint("ucp-streams init g"))
            .expect_err("an error")
    }

    #[test]
    fn text_has_the_message_the_causes_and_the_next_step() {
        assert_eq!(
            as_text(&sample(), Theme::PLAIN, None),
            "error: stream `s` has no group `g`\n  because: NOGROUP no such\\r\\x1b[2J key\nhint: ucp-streams init g"
        );
    }

    #[test]
    fn a_cause_that_says_the_same_is_left_out() {
        let error = anyhow!("refused").context("cannot connect: refused");
        assert_eq!(
            as_text(&error, Theme::PLAIN, None),
            "error: cannot connect: refused"
        );
    }

    #[test]
    fn json_is_one_line() {
        assert_eq!(
            as_json(&sample(), Exit::NotFound),
            r#"{"error":{"kind":"not_found","message":"stream `s` has no group `g`: NOGROUP no such\r\u001b[2J key","hint":"ucp-streams init g","exit_code":3}}"#
        );
        assert!(as_json(&anyhow!("x"), Exit::Bug).contains("\"hint\":null"));
    }
}
