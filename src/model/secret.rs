//! What must not be handed on.

use std::process::Command;

/// The environment variables that may hold a secret of this tool's own.
pub const SECRET_VARIABLES: [&str; 5] = [
    "REDISCLI_AUTH",
    "REDIS_URL",
    "UCP_STREAMS_ML_URL",
    "UCP_STREAMS_PASSWORD",
    "UCP_STREAMS_URL",
];

/// The same command, whose process will not have this tool's secrets in its environment.
pub fn without_secrets(command: &mut Command) -> &mut Command {
    for variable in SECRET_VARIABLES {
        command.env_remove(variable);
    }
    command
}
