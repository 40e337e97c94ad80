//! A message: its key, what its handler is to do with it, and a body with its hash.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::rng::Rng;

/// What a message's handler does. Whatever it does at the first delivery only, it succeeds later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Succeeds.
    Plain,
    /// Fails at the first delivery.
    Flaky,
    /// Fails at every delivery.
    Poison,
    /// Fails for good.
    Permanent,
    /// Takes longer than the claim idle time.
    Slow,
    /// Dies of a signal at the first delivery, before it is done.
    Crash,
    /// Is done, and fails all the same at the first delivery.
    DoneAndFails,
    /// Kills its worker at the first delivery.
    KillsWorker,
    /// Takes a moment, so that whatever runs beside it is seen to.
    Brief,
    /// Fails for good, and has fields that look like those of a dead letter.
    Lookalike,
    /// At the first delivery its handler leaves the work to a process in a session of its own, and does not end in time.
    Escapes,
    /// A service that asks to be left alone for [`BUSY`] at the first delivery.
    Busy,
}

/// How long a busy service asks to be left alone.
pub const BUSY: Duration = Duration::from_secs(1);

const NAMES: [(Plan, &str); 12] = [
    (Plan::Plain, "plain"),
    (Plan::Flaky, "flaky"),
    (Plan::Poison, "poison"),
    (Plan::Permanent, "permanent"),
    (Plan::Slow, "slow"),
    (Plan::Crash, "crash"),
    (Plan::DoneAndFails, "done-and-fails"),
    (Plan::KillsWorker, "kills-worker"),
    (Plan::Brief, "brief"),
    (Plan::Busy, "busy"),
    (Plan::Lookalike, "lookalike"),
    (Plan::Escapes, "escapes"),
];

impl Plan {
    /// How often each is drawn, of 1000; the rest is plain.
    const SHARES: [(Self, u64); 7] = [
        (Self::Flaky, 40),
        (Self::Poison, 10),
        (Self::Permanent, 5),
        (Self::Slow, 4),
        (Self::Crash, 10),
        (Self::DoneAndFails, 5),
        (Self::KillsWorker, 3),
    ];

    /// One of the usual mixture.
    pub fn draw(rng: &mut Rng) -> Self {
        let mut drawn = rng.between(0, 1000);
        for (plan, share) in Self::SHARES {
            if drawn < share {
                return plan;
            }
            drawn -= share;
        }
        Self::Plain
    }

    /// Whether the message belongs in the dead-letter stream.
    pub fn is_poison(self) -> bool {
        self.last_words().is_some()
    }

    /// What its handler says last, after much else, where the message belongs in the dead-letter stream.
    pub fn last_words(self) -> Option<&'static str> {
        match self {
            Self::Poison => Some("poison"),
            Self::Permanent | Self::Lookalike => Some("never"),
            _ => None,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(plan, _)| plan == self);
        f.write_str(name.expect("a name").1)
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(plan, _)| *plan).ok_or_else(|| text.to_owned())
    }
}

/// Fields of a message's own that look like those of this tool.
pub const LOOKALIKE: [(&str, &str); 8] = [
    ("_dlq_stream", "victim"),
    ("_dlq_group", "nobody"),
    ("_dlq_id", "0-7"),
    ("_dlq_consumer", "c"),
    ("_dlq_deliveries", "0"),
    ("_dlq_reason", "somebody else's"),
    ("_dlq_time", "2024-12-01T10:00:00.000Z"),
    ("_dlq_body", "trimmed"),
];

/// The hash of a body, in short.
pub fn sha_of(body: &str) -> String {
    let hash = Sha256::digest(body.as_bytes());
    let short = hash.iter().take(8);
    short.fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A message to be published.
#[derive(Clone, Debug)]
pub struct Message {
    pub key: String,
    pub plan: Plan,
    pub body: String,
}

impl Message {
    pub fn new(key: String, plan: Plan, rng: &mut Rng) -> Self {
        let words = rng.between(1, 12);
        let body: Vec<String> = (0..words).map(|_| format!("{:x}", rng.next())).collect();
        Self {
            key,
            plan,
            body: body.join("-"),
        }
    }

    /// The same with a body of so many bytes.
    pub fn of_size(self, bytes: usize) -> Self {
        Self {
            body: "0123456789abcdef".repeat(bytes / 16),
            ..self
        }
    }

    pub fn sha(&self) -> String {
        sha_of(&self.body)
    }

    /// The command that adds it; with the fields of an event, so that built-in handlers take it too.
    pub fn command(&self, stream: &str) -> Vec<String> {
        let fields = [
            ("key", self.key.as_str()),
            ("sha", &self.sha()),
            ("do", &self.plan.to_string()),
            ("body", &self.body),
            ("brand_id", "b"),
            ("event_type", "page_view"),
            ("timestamp", "2024-12-01T10:00:00.000Z"),
        ]
        .map(|(name, value)| [name.to_owned(), value.to_owned()]);
        let head = ["XADD", stream, "*"].map(str::to_owned);
        let lookalike = if self.plan == Plan::Lookalike {
            &LOOKALIKE[..]
        } else {
            &[]
        };
        let lookalike = lookalike.iter().flat_map(|(name, value)| [*name, *value]);
        head.into_iter()
            .chain(fields.into_iter().flatten())
            .chain(lookalike.map(str::to_owned))
            .collect()
    }
}
