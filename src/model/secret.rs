//! Secrets that must not be passed on.

use std::process::Command;

/// The environment variables that may contain a secret of this tool.
pub const SECRET_VARIABLES: [&str; 11] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "REDISCLI_AUTH",
    "REDIS_URL",
    "UCP_STREAMS_KAFKA_PASSWORD",
    "UCP_STREAMS_ML_URL",
    "UCP_STREAMS_PASSWORD",
    "UCP_STREAMS_URL",
];

/// The same command, with this tool's secrets removed from the environment of its process.
pub fn without_secrets(command: &mut Command) -> &mut Command {
    for variable in SECRET_VARIABLES {
        command.env_remove(variable);
    }
    command
}
