//! What it means for the operator that a file was not sent completely: what is stored, what is not, and what is
//! unknown.

use anyhow::Result;

use super::lost_reply;
use super::outcome::PublishOutcome;
use super::place::{Place, Unit};
use crate::model::{Kind, Name, Problem, entries, with_commas};
use crate::wire::Error;

impl PublishOutcome {
    /// Success, or the error that says what happened: an unknown outcome when replies were lost, a partial one when
    /// some lines are stored and some are not, the server's own error when none is.
    ///
    /// # Errors
    /// As above. An interruption is not an error, because the operator asked for it.
    pub fn verdict(mut self, stream: &Name) -> Result<()> {
        let unit = self.unit;
        let stored = self.stored_text();
        let has_stored = self.stored + self.known > 0;
        if let Some((first, last, error)) = self.lost {
            let what = format!("the content of {}", first.through(last));
            let lost = lost_reply(&what, stream, &error);
            let message = format!("{}\n{stored}, none after {last}", lost.message);
            return Err(Problem { message, ..lost }.into());
        }
        if let Some(problem) = self.unanswered {
            let message = format!("{}\n{stored}", problem.message);
            return Err(Problem { message, ..problem }.into());
        }
        if let Some((place, error)) = self.refused.take() {
            return Err(self.refusal(stream, place, error));
        }
        match self.input {
            Some(error) if self.stored == 0 => return Err(error),
            Some(error) => {
                let text = format!("`{stream}`: {stored}; {error:#}");
                let problem = Problem::new(Kind::Partial, text);
                let hint = error.downcast::<Problem>().ok().and_then(|it| it.hint);
                return Err(Problem { hint, ..problem }.into());
            }
            None => {}
        }
        let rejected = self.found.rejected;
        let what = format!("not valid for `{stream}`, written to the file of rejects and not sent");
        let rejects = (rejected.count > 0).then(|| rejected.text(&what));
        if let Some((place, problem)) = self.conflict {
            let told: Vec<String> = rejects.into_iter().chain([stored]).collect();
            let told = told.join("\n");
            return Err(conflicts(self.conflicts, unit, place, problem, &told, has_stored).into());
        }
        let Some(rejects) = rejects else {
            return Ok(());
        };
        let text = format!("{rejects}\n{stored}");
        Err(Problem::new(Kind::Partial, text)
            .hint("correct the rejects and publish that file")
            .into())
    }

    fn stored_text(&self) -> String {
        let stored = match (self.stored, self.last) {
            (0, _) if self.known > 0 => "nothing new was published".to_owned(),
            (0, _) => "nothing was published before".to_owned(),
            (1, Some(last)) => format!("1 entry was published, {last}"),
            (many, Some(last)) => format!("{} were published, the last from {last}", entries(many)),
            (many, None) => format!("{} were published", entries(many)),
        };
        match self.known {
            0 => stored,
            1 => format!("{stored}; 1 was already stored"),
            known => format!("{stored}; {} were already stored", with_commas(known)),
        }
    }

    fn refusal(self, stream: &Name, place: Place, error: Error) -> anyhow::Error {
        if self.stored == 0 {
            return error.into();
        }
        let stored = self.stored_text();
        let refused = self.unit.count(self.refused_count);
        Problem::new(
            Kind::Partial,
            format!("`{stream}`: {stored}; the server refused {refused} from {place} on: {error}"),
        )
        .hint(format!(
            "correct the cause, then publish the rest from {place} on"
        ))
        .into()
    }
}

/// The error for keys that were used for other fields; partial when the other entries are stored.
fn conflicts(
    count: u64,
    unit: Unit,
    place: Place,
    problem: Problem,
    stored: &str,
    has_stored: bool,
) -> Problem {
    let count = unit.count(count);
    let first = &problem.message;
    Problem {
        kind: if has_stored {
            Kind::Partial
        } else {
            Kind::Refused
        },
        message: format!("{count} not sent; {place}: {first}\n{stored}"),
        ..problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ErrorKind;

    fn kind(sent: PublishOutcome) -> Option<(Kind, String)> {
        let error = sent.verdict(&"s".into()).err()?;
        let problem = error.downcast_ref::<Problem>()?;
        Some((problem.kind, problem.message.clone()))
    }

    #[test]
    fn what_is_known_is_said() {
        let error = |kind| Error::new(kind, "XADD", "x");
        assert_eq!(kind(PublishOutcome::default()), None);
        let sent = PublishOutcome {
            stored: 500,
            last: Some(Place::Line(501)),
            ..PublishOutcome::default()
        };
        let refused = PublishOutcome {
            refused: Some((Place::Line(502), error(ErrorKind::OutOfMemory))),
            refused_count: 3,
            ..sent
        };
        assert_eq!(
            kind(refused),
            Some((
                Kind::Partial,
                "`s`: 500 entries were published, the last from line 501; the server refused 3 lines from line 502 on: XADD: x".to_owned()
            ))
        );
        let lost = PublishOutcome {
            stored: 1,
            last: Some(Place::Line(1)),
            lost: Some((Place::Line(2), Place::Line(900), error(ErrorKind::Closed))),
            ..PublishOutcome::default()
        };
        let (found, message) = kind(lost).expect("a problem");
        assert_eq!(found, Kind::Unknown);
        assert!(
            message.contains("it is unknown whether the content of lines 2 to 900 was stored"),
            "{message}"
        );
        assert!(
            message.ends_with("1 entry was published, line 1, none after line 900"),
            "{message}"
        );
    }

    #[test]
    fn with_nothing_stored_the_servers_error_stands() {
        let refused = PublishOutcome {
            refused: Some((
                Place::Line(1),
                Error::new(ErrorKind::WrongType, "XADD", "x"),
            )),
            ..PublishOutcome::default()
        };
        let error = refused.verdict(&"s".into()).expect_err("refused");
        assert!(error.downcast_ref::<Error>().is_some());
    }
}
