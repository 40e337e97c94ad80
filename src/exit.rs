//! Outcomes and errors to exit codes: one table, one pure function.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | ran, and the answer is bad |
//! | 2 | usage, invalid input or topology |
//! | 3 | no such stream, group, consumer, entry |
//! | 4 | unavailable or timed out; trying again may help |
//! | 5 | permission, authentication, TLS |
//! | 6 | refused by a safety rule, or lease lost |
//! | 7 | part done; the output lists both parts |
//! | 8 | outcome unknown: sent, reply lost |
//! | 9 | data loss seen |
//! | 70 | a bug in this tool |
//! | 74 | a local file or the output failed |
//! | 130, 143 | stopped by SIGINT, SIGTERM before its work was done |

use crate::model::Kind;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0
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
}

impl Exit {
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
        }
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
            Kind::Unknown => Self::Unknown,
            Kind::DataLoss => Self::DataLoss,
            Kind::Local => Self::Local,
            Kind::Bug => Self::Bug,
        }
    }
}
