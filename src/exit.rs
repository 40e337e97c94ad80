//! Outcomes and errors to exit codes: one table, one pure function.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | ran; the result is negative |
//! | 2 | usage, invalid input or topology |
//! | 3 | no such stream, group, consumer, entry |
//! | 4 | unavailable or timed out; trying again may help |
//! | 5 | permission, authentication, TLS |
//! | 6 | refused by a safety rule, or lease lost |
//! | 7 | partly done; the output lists what was done and what was not |
//! | 8 | outcome unknown: sent, reply lost |
//! | 9 | data loss detected |
//! | 70 | a bug in this tool |
//! | 74 | a local file or the output failed |
//! | 130, 143 | stopped by SIGINT, SIGTERM before its work was done |
//!
//! `check` has the convention of monitoring plugins instead: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, whatever kept it from
//! looking included.
//!
//! An error that ends a command has its own code. Of a command that came to its end, data loss (9) comes before partly done
//! (7): the part can be done again, the loss stays.

use std::error::Error as StdError;

use crate::kafka;
use crate::model::{Kind, Problem};
use crate::wire::{self, ErrorKind, Stop};

/// How a command ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// 0
    #[default]
    Done,
    /// 1
    Negative,
    /// 2
    Usage,
    /// 3
    NotFound,
    /// 4
    Unavailable,
    /// 5
    Denied,
    /// 6
    Refused,
    /// 7
    Partial,
    /// 8
    Unknown,
    /// 9
    DataLoss,
    /// 70
    Bug,
    /// 74
    Local,
    /// 130
    Interrupted,
    /// 143
    Terminated,
    /// The exit of a monitoring plugin.
    Verdict(Verdict),
}

/// The verdict of a monitoring plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 0
    Ok,
    /// 1
    Warning,
    /// 2
    Critical,
    /// 3
    Unknown,
}

impl Verdict {
    const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

impl Exit {
    /// Every exit code except those of a verdict, in order.
    pub const ALL: [Self; 14] = [
        Self::Done,
        Self::Negative,
        Self::Usage,
        Self::NotFound,
        Self::Unavailable,
        Self::Denied,
        Self::Refused,
        Self::Partial,
        Self::Unknown,
        Self::DataLoss,
        Self::Bug,
        Self::Local,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The process exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Negative => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unavailable => 4,
            Self::Denied => 5,
            Self::Refused => 6,
            Self::Partial => 7,
            Self::Unknown => 8,
            Self::DataLoss => 9,
            Self::Bug => 70,
            Self::Local => 74,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::Verdict(verdict) => verdict.code(),
        }
    }
}

impl Exit {
    /// The exit of a command that ran to its end: whether it left something undone, and whether it detected data loss.
    pub const fn of_parts(is_part: bool, saw_loss: bool) -> Self {
        match (is_part, saw_loss) {
            (_, true) => Self::DataLoss,
            (true, false) => Self::Partial,
            (false, false) => Self::Done,
        }
    }

    /// The exit of two commands that ran one after the other, where the first one was carried out. It says whether
    /// either of them left something undone or detected data loss. A signal, or an error of the second one, takes
    /// precedence.
    #[must_use]
    pub const fn and(self, then: Self) -> Self {
        match (self, then) {
            (Self::Done, _) => then,
            (_, Self::Done) => self,
            (Self::DataLoss, Self::Partial) => Self::DataLoss,
            _ => then,
        }
    }

    /// The same exit for a monitoring plugin: anything that prevents a verdict is UNKNOWN.
    #[must_use]
    pub const fn as_verdict(self) -> Self {
        match self {
            Self::Done | Self::Interrupted | Self::Terminated | Self::Verdict(_) => self,
            _ => Self::Verdict(Verdict::Unknown),
        }
    }

    /// The meaning of the exit code in the manual.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "Done.",
            Self::Negative => "The command ran, and its result is negative.",
            Self::Usage => "Usage error, invalid input or invalid topology.",
            Self::NotFound => "No such stream, group, consumer or entry.",
            Self::Unavailable => "Unavailable or timed out; trying again may help.",
            Self::Denied => "Permission, authentication or TLS.",
            Self::Refused => "Refused by a safety rule, or a lease was lost.",
            Self::Partial => "Partly done; the output lists what was done and what was not.",
            Self::Unknown => {
                "The outcome is unknown: the command was sent, and the reply was lost."
            }
            Self::DataLoss => "Data loss detected.",
            Self::Bug => "A bug in this tool.",
            Self::Local => "A local file or the output failed.",
            Self::Interrupted => "Stopped by SIGINT before its work was done.",
            Self::Terminated => "Stopped by SIGTERM before its work was done.",
            Self::Verdict(_) => "The verdict of a monitoring plugin.",
        }
    }

    /// The word for the exit code in the JSON of an error.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Negative => "negative",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Unavailable => "unavailable",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Partial => "partial",
            Self::Unknown => "outcome_unknown",
            Self::DataLoss => "data_loss",
            Self::Bug => "bug",
            Self::Local => "local",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
            Self::Verdict(_) => "verdict",
        }
    }
}

/// The reader of standard output went away (`| head`). This is not a failure, because there is nobody left to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader of the output is gone")]
pub struct OutputClosed;

/// A signal arrived while the command could react only by ending its work. Nothing is printed; the exit code says what
/// happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped by a signal")]
pub struct Stopped(pub Exit);

/// What an error of the server means when no operation has classified it more exactly.
///
/// For a write whose reply was lost, its operation must report [`Kind::Unknown`], because only the operation knows
/// whether it was a write.
pub const fn kind_of(error: ErrorKind) -> Kind {
    match error {
        ErrorKind::Connect
        | ErrorKind::Timeout
        | ErrorKind::Closed
        | ErrorKind::ReadOnly
        | ErrorKind::Unblocked
        | ErrorKind::NotReady
        | ErrorKind::OutOfMemory
        | ErrorKind::WritesRefused
        | ErrorKind::TooManyClients
        | ErrorKind::TlsMismatch
        | ErrorKind::Cluster
        | ErrorKind::Server => Kind::Unavailable,
        ErrorKind::Tls | ErrorKind::Auth | ErrorKind::NoPerm => Kind::Denied,
        ErrorKind::NoGroup | ErrorKind::WrongType | ErrorKind::NoKey => Kind::NotFound,
        ErrorKind::BusyGroup | ErrorKind::Fenced | ErrorKind::Exhausted => Kind::Refused,
        ErrorKind::CrossSlot | ErrorKind::UnknownCommand | ErrorKind::NoDatabase => Kind::Usage,
        ErrorKind::Protocol | ErrorKind::NoScript => Kind::Bug,
    }
}

/// The exit of an error, by the outermost cause that has one. An error that nobody classified is a bug.
pub fn classify(error: &anyhow::Error) -> Exit {
    // A problem attached as context is no link of the chain: only `downcast_ref` sees it.
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.kind.into();
    }
    error.chain().find_map(exit_of).unwrap_or(Exit::Bug)
}

fn exit_of(cause: &(dyn StdError + 'static)) -> Option<Exit> {
    if cause.is::<OutputClosed>() {
        Some(Exit::Done)
    } else if let Some(Stopped(exit)) = cause.downcast_ref::<Stopped>() {
        Some(*exit)
    } else if let Some(problem) = cause.downcast_ref::<Problem>() {
        Some(problem.kind.into())
    } else if let Some(error) = cause.downcast_ref::<wire::Error>() {
        Some(kind_of(error.kind).into())
    } else if let Some(error) = cause.downcast_ref::<kafka::Error>() {
        Some(error.kind.into())
    } else if let Some(Stop::Wire(error)) = cause.downcast_ref::<Stop>() {
        Some(kind_of(error.kind).into())
    } else if let Some(Stop::Sink(error)) = cause.downcast_ref::<Stop>() {
        Some(classify(error))
    } else if cause.is::<std::io::Error>() {
        Some(Exit::Local)
    } else {
        None
    }
}

impl From<Kind> for Exit {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Negative => Self::Negative,
            Kind::Usage => Self::Usage,
            Kind::NotFound => Self::NotFound,
            Kind::Unavailable => Self::Unavailable,
            Kind::Denied => Self::Denied,
            Kind::Refused => Self::Refused,
            Kind::Partial => Self::Partial,
            Kind::DataLoss => Self::DataLoss,
            Kind::Unknown => Self::Unknown,
            Kind::Local => Self::Local,
            Kind::Bug => Self::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn what_the_first_of_two_left_is_not_forgotten() {
        use Exit::{DataLoss, Done, Interrupted, Partial};
        for (first, then, both) in [
            (Done, Done, Done),
            (Partial, Done, Partial),
            (Done, Partial, Partial),
            (DataLoss, Partial, DataLoss),
            (Partial, DataLoss, DataLoss),
            (Partial, Interrupted, Interrupted),
        ] {
            assert_eq!(first.and(then), both, "{first:?} and {then:?}");
        }
    }

    #[test]
    fn every_row_of_the_table() {
        for (exit, code) in [
            (Exit::Done, 0),
            (Exit::Negative, 1),
            (Exit::Usage, 2),
            (Exit::NotFound, 3),
            (Exit::Unavailable, 4),
            (Exit::Denied, 5),
            (Exit::Refused, 6),
            (Exit::Partial, 7),
            (Exit::Unknown, 8),
            (Exit::DataLoss, 9),
            (Exit::Bug, 70),
            (Exit::Local, 74),
            (Exit::Interrupted, 130),
            (Exit::Terminated, 143),
        ] {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn data_loss_comes_before_part_done() {
        for (is_part, saw_loss, exit) in [
            (false, false, Exit::Done),
            (true, false, Exit::Partial),
            (false, true, Exit::DataLoss),
            (true, true, Exit::DataLoss),
        ] {
            assert_eq!(Exit::of_parts(is_part, saw_loss), exit);
        }
    }

    #[test]
    fn a_problem_keeps_its_kind_wherever_it_stands() {
        for (kind, exit) in [
            (Kind::Negative, Exit::Negative),
            (Kind::Usage, Exit::Usage),
            (Kind::NotFound, Exit::NotFound),
            (Kind::Unavailable, Exit::Unavailable),
            (Kind::Denied, Exit::Denied),
            (Kind::Refused, Exit::Refused),
            (Kind::Partial, Exit::Partial),
            (Kind::DataLoss, Exit::DataLoss),
            (Kind::Unknown, Exit::Unknown),
            (Kind::Local, Exit::Local),
            (Kind::Bug, Exit::Bug),
        ] {
            let problem = || Problem::new(kind, "x");
            assert_eq!(classify(&problem().into()), exit);
            let under_context = Err::<(), _>(problem())
                .context("while at it")
                .context("still");
            assert_eq!(classify(&under_context.expect_err("an error")), exit);
            let as_context = Err::<(), _>(anyhow!("cause"))
                .context(problem())
                .context("at it");
            assert_eq!(classify(&as_context.expect_err("an error")), exit);
        }
    }

    #[test]
    fn every_failure_of_the_server_has_its_exit() {
        for (kind, exit) in [
            (ErrorKind::Connect, Exit::Unavailable),
            (ErrorKind::Timeout, Exit::Unavailable),
            (ErrorKind::Closed, Exit::Unavailable),
            (ErrorKind::Protocol, Exit::Bug),
            (ErrorKind::Tls, Exit::Denied),
            (ErrorKind::TlsMismatch, Exit::Unavailable),
            (ErrorKind::Auth, Exit::Denied),
            (ErrorKind::NoPerm, Exit::Denied),
            (ErrorKind::NoGroup, Exit::NotFound),
            (ErrorKind::BusyGroup, Exit::Refused),
            (ErrorKind::WrongType, Exit::NotFound),
            (ErrorKind::NoKey, Exit::NotFound),
            (ErrorKind::NoScript, Exit::Bug),
            (ErrorKind::ReadOnly, Exit::Unavailable),
            (ErrorKind::Unblocked, Exit::Unavailable),
            (ErrorKind::NotReady, Exit::Unavailable),
            (ErrorKind::OutOfMemory, Exit::Unavailable),
            (ErrorKind::WritesRefused, Exit::Unavailable),
            (ErrorKind::Cluster, Exit::Unavailable),
            (ErrorKind::CrossSlot, Exit::Usage),
            (ErrorKind::TooManyClients, Exit::Unavailable),
            (ErrorKind::UnknownCommand, Exit::Usage),
            (ErrorKind::NoDatabase, Exit::Usage),
            (ErrorKind::Fenced, Exit::Refused),
            (ErrorKind::Exhausted, Exit::Refused),
            (ErrorKind::Server, Exit::Unavailable),
        ] {
            let error = || wire::Error::new(kind, "XADD s", "x");
            assert_eq!(classify(&error().into()), exit, "{kind:?}");
            let stopped = anyhow::Error::from(Stop::from(error())).context("reading");
            assert_eq!(classify(&stopped), exit, "{kind:?}");
        }
        let sink = Stop::Sink(anyhow::Error::new(OutputClosed));
        assert_eq!(classify(&sink.into()), Exit::Done);
    }

    #[test]
    fn the_outermost_says_what_a_system_error_means() {
        let system = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert_eq!(
            classify(&anyhow::Error::new(system()).context("opening f")),
            Exit::Local
        );
        let problem = Err::<(), _>(system()).context(Problem::usage("no such topology"));
        assert_eq!(classify(&problem.expect_err("an error")), Exit::Usage);
    }

    #[test]
    fn a_closed_output_is_done_and_an_unknown_error_a_bug() {
        assert_eq!(
            classify(&anyhow::Error::new(OutputClosed).context("showing")),
            Exit::Done
        );
        assert_eq!(classify(&anyhow!("surprise")), Exit::Bug);
    }
}
