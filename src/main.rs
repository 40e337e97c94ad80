//! The binary: runs the library and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ucp_streams::run(std::env::args_os())
}
