//! One file per subcommand: its arguments with help and examples, and `run`, which resolves them, calls one
//! operation and hands the report to the console.

use std::ffi::OsString;
use std::process::ExitCode;

/// Parses `args`, runs the command they name and returns its exit code (see [`crate::exit`]).
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    drop(args.into_iter());
    ExitCode::from(crate::exit::Exit::Usage.code())
}
