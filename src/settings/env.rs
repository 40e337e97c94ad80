//! The environment, read once: only the variables that this tool knows.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::{Origin, Setting};
use crate::model::parse_duration;

/// Every variable that is read, and what it means.
const KNOWN: [(&str, &str); 33] = [
    ("AWS_ACCESS_KEY_ID", "The access key for archives in s3://."),
    (
        "AWS_DEFAULT_REGION",
        "The region of archives in s3://, when AWS_REGION is not set [default: us-east-1].",
    ),
    (
        "AWS_ENDPOINT_URL",
        "The service that has the archives in s3://, when AWS_ENDPOINT_URL_S3 is not set; AWS by default.",
    ),
    (
        "AWS_ENDPOINT_URL_S3",
        "The service that has the archives in s3://: https, or http on this machine.",
    ),
    ("AWS_REGION", "The region of archives in s3://."),
    (
        "AWS_SECRET_ACCESS_KEY",
        "The secret of the access key for archives in s3://.",
    ),
    (
        "AWS_SESSION_TOKEN",
        "The token of temporary credentials for archives in s3://.",
    ),
    (
        "CLICOLOR",
        "0 turns colour off, unless --color says otherwise.",
    ),
    (
        "CLICOLOR_FORCE",
        "Turns colour on even when the output is not a terminal, unless it is 0.",
    ),
    (
        "COLUMNS",
        "The width of tables, when the terminal does not report its width.",
    ),
    (
        "HOME",
        "Where contexts are kept, unless the XDG variables say otherwise.",
    ),
    ("LOGNAME", "Whom audit records name, when USER is not set."),
    (
        "NO_COLOR",
        "Turns colour off, unless --color says otherwise.",
    ),
    ("PAGER", "The pager, when UCP_STREAMS_PAGER is not set."),
    (
        "REDISCLI_AUTH",
        "The password, when UCP_STREAMS_PASSWORD is not set.",
    ),
    ("REDIS_URL", "The server, when UCP_STREAMS_URL is not set."),
    (
        "SUDO_USER",
        "Whom audit records name, when a command is run by sudo.",
    ),
    (
        "TERM",
        "dumb turns off colour and the pager, and shows progress as one line at a time.",
    ),
    (
        "UCP_STREAMS_COMPLETE_WITHIN",
        "How long completion of a name on the command line may wait for the server [default: 150ms].",
    ),
    (
        "UCP_STREAMS_KAFKA",
        "The Kafka brokers to ask first, as HOST:PORT,..., when --brokers is not given.",
    ),
    (
        "UCP_STREAMS_KAFKA_PASSWORD",
        "The password for Kafka, when --kafka-password-file is not given.",
    ),
    (
        "UCP_STREAMS_KAFKA_USER",
        "The user for Kafka, when --kafka-user is not given.",
    ),
    (
        "UCP_STREAMS_ML_URL",
        "The URL to which the worker of predictions sends its requests.",
    ),
    (
        "UCP_STREAMS_PAGER",
        "The pager for output that is longer than the screen, as a shell command: by default PAGER or less; cat \
            turns it off.",
    ),
    ("UCP_STREAMS_PASSWORD", "The password for the server."),
    (
        "UCP_STREAMS_RECORD",
        "The directory of the recording that history, info --at, top --at and serve look back into.",
    ),
    (
        "UCP_STREAMS_SERVER",
        "The server binary that private servers are started with.",
    ),
    ("UCP_STREAMS_TOPOLOGY", "The topology file."),
    (
        "UCP_STREAMS_URL",
        "The server, in the same form as for --url.",
    ),
    ("USER", "Whom audit records name."),
    ("USERPROFILE", "The home directory, when HOME is not set."),
    (
        "XDG_CONFIG_HOME",
        "The directory that has ucp-streams/config.toml with the contexts, instead of ~/.config.",
    ),
    (
        "XDG_STATE_HOME",
        "The directory that has ucp-streams/context.toml with the selected context, instead of ~/.local/state.",
    ),
];

/// The variables that have the server's password, the first that is set.
pub(super) const PASSWORDS: [&str; 2] = ["UCP_STREAMS_PASSWORD", "REDISCLI_AUTH"];

/// The environment as it was when it was read. A variable that is empty counts as not set.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<&'static str, OsString>);

impl Env {
    /// Reads this process's environment.
    pub fn read() -> Self {
        Self::of(|variable| std::env::var_os(variable))
    }

    /// Every variable that is read, and what it means.
    pub fn known() -> &'static [(&'static str, &'static str)] {
        &KNOWN
    }

    /// How long completing a name may take, if the variable has a valid value. There is no error message, because one
    /// would disturb whoever presses Tab.
    pub fn complete_within(&self) -> Option<Duration> {
        let said = self.text("UCP_STREAMS_COMPLETE_WITHIN")?;
        parse_duration(&said.value).ok()
    }

    /// Built from `look_up`, which returns the value of each known variable.
    pub fn of(look_up: impl Fn(&str) -> Option<OsString>) -> Self {
        let known = KNOWN.iter().filter_map(|(variable, _)| {
            let value = look_up(variable).filter(|value| !value.is_empty())?;
            Some((*variable, value))
        });
        Self(known.collect())
    }

    /// The same without a password, which may be meant for another server.
    pub(super) fn without_password(mut self) -> Self {
        for variable in PASSWORDS {
            self.0.remove(variable);
        }
        self
    }

    /// A variable as text, with its origin; invalid Unicode in it is replaced.
    pub(super) fn text(&self, variable: &'static str) -> Option<Setting<String>> {
        let value = self.0.get(variable)?;
        Some(Setting::new(
            value.to_string_lossy().into_owned(),
            Origin::Env(variable),
        ))
    }

    /// A variable as a path.
    pub(super) fn path(&self, variable: &'static str) -> Option<Setting<PathBuf>> {
        let value = self.0.get(variable)?;
        Some(Setting::new(value.into(), Origin::Env(variable)))
    }

    pub(super) fn is(&self, variable: &str, wanted: &str) -> bool {
        self.0.get(variable).is_some_and(|value| value == wanted)
    }

    pub(super) fn has(&self, variable: &str) -> bool {
        self.0.contains_key(variable)
    }
}

/// Names only: values may be secret.
impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SECRET_VARIABLES;

    #[test]
    fn what_may_hold_a_secret_is_known_as_such() {
        for (variable, _) in Env::known() {
            let may_hold_one = [
                "_PASSWORD",
                "_AUTH",
                "_URL",
                "_URL_S3",
                "_TOKEN",
                "_KEY",
                "_KEY_ID",
            ]
            .iter()
            .any(|end| variable.ends_with(end));
            assert_eq!(
                may_hold_one,
                SECRET_VARIABLES.contains(variable),
                "{variable}"
            );
        }
    }
}
