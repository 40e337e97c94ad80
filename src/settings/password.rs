//! The password: from a file, standard input or the environment, never from an argument.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::env::PASSWORDS;
use super::{Env, Origin, Setting};
use crate::cli::Globals;
use crate::model::{Kind, Problem, escaped, text_of};
use crate::wire::Endpoint;

/// Longer than any password, so that a wrong file is not read to its end.
const LENGTH_MAX: usize = 64 * 1024;

/// The password: the one given on the command line, or else the one that belongs to the server (in its context's
/// file, then in its URL), or else the environment's. The environment comes last, because its password may be meant
/// for another server.
pub(super) fn find(
    globals: &Globals,
    env: &Env,
    stdin: impl Read,
    endpoint: &Endpoint,
    file_of_context: Option<&Path>,
    warnings: &mut Vec<String>,
) -> Result<Option<Setting<String>>, Problem> {
    let flag = "--password-file";
    let files = [
        (globals.password_file.as_deref(), Origin::Flag(flag)),
        (
            file_of_context.filter(|_| !globals.password_stdin),
            Origin::Context,
        ),
    ];
    for (file, origin) in files {
        if let Some(file) = file {
            return Ok(Some(Setting::new(from_file(file, warnings)?, origin)));
        }
    }
    if globals.password_stdin {
        let password = first_line(stdin).map_err(|error| unreadable("standard input", &error))?;
        return Ok(Some(Setting::new(
            password,
            Origin::Flag("--password-stdin"),
        )));
    }
    if let Some(password) = &endpoint.password {
        return Ok(Some(Setting::new(password.clone(), Origin::Url)));
    }
    Ok(PASSWORDS.into_iter().find_map(|it| env.text(it)))
}

pub(super) fn from_file(path: &Path, warnings: &mut Vec<String>) -> Result<String, Problem> {
    let shown = escaped(path.to_string_lossy().as_bytes());
    let file = File::open(path).map_err(|error| unreadable(&shown, &error))?;
    if readable_by_others(&file) {
        warnings.push(format!(
            "the password file {shown} can be read by other users; run: chmod 600 {shown}"
        ));
    }
    first_line(file).map_err(|error| unreadable(&shown, &error))
}

#[cfg(unix)]
fn readable_by_others(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_: &File) -> bool {
    false
}

/// The first line without its line end, read byte by byte, because what follows on standard input is meant for other
/// readers.
fn first_line(mut source: impl Read) -> io::Result<String> {
    let (mut line, mut byte) = (Vec::new(), [0_u8]);
    loop {
        match source.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        match byte[0] {
            b'\n' => break,
            _ if line.len() == LENGTH_MAX => {
                return Err(io::Error::other(
                    "its first line is too long for a password",
                ));
            }
            byte => line.push(byte),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    match text_of(&line)? {
        "" => Err(io::Error::other("its first line is empty")),
        password => Ok(password.to_owned()),
    }
}

fn unreadable(what: &str, error: &io::Error) -> Problem {
    Problem::new(
        Kind::Local,
        format!("cannot read the password from {what}: {error}"),
    )
    .hint("the password must be the first line of the file; you can also set $UCP_STREAMS_PASSWORD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_without_its_end() {
        for (text, password) in [
            ("secret\nrest", "secret"),
            ("secret\r\n", "secret"),
            (" s p ", " s p "),
            ("\u{feff}secret\r\n", "secret"),
        ] {
            assert_eq!(first_line(text.as_bytes()).expect(text), password);
        }
        for bad in [
            &b""[..],
            b"\nx",
            b"\xff\n",
            b"\xef\xbb\xbf\n",
            b"\xff\xfes\0",
        ] {
            assert!(first_line(bad).is_err());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_others_can_read_is_warned_of() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("password");
        std::fs::write(&path, "secret\n").expect("written");
        for (mode, warned) in [(0o600, 0), (0o640, 1), (0o604, 1)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            let mut warnings = Vec::new();
            assert_eq!(from_file(&path, &mut warnings).expect("read"), "secret");
            assert_eq!(warnings.len(), warned, "{mode:o}");
        }
        let missing = from_file(&directory.path().join("none"), &mut Vec::new());
        assert_eq!(missing.expect_err("missing").kind, Kind::Local);
    }
}
