//! The directory of a private server: only its owner can enter it, and the path of the unix socket in it is short
//! enough for the system.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::own;
use super::said::{cannot, shown};
use crate::model::{Kind, Problem, escape_into};

/// The longest path of a unix socket in bytes, without its final NUL. Source: `sun_path` in unix(7), 108 bytes on
/// Linux, 104 on macOS and the BSDs.
const SOCKET_PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// How much of a log's end an error message shows.
const LOG_TAIL_BYTES: u64 = 2048;

/// A server's directory, with the files in it.
#[derive(Debug)]
pub(super) struct Place {
    /// The absolute path.
    pub(super) dir: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
    /// Removes the directory at the end, if it was created for one server.
    temporary: Option<TempDir>,
}

impl Place {
    /// A new directory in the system's directory for temporary files, or in `/tmp` if that path would be too long for
    /// a socket. It is removed on drop.
    pub(super) fn temporary() -> Result<Self, Problem> {
        let preferred = std::env::temp_dir();
        let short = Path::new("/tmp");
        let parent = if fits(&preferred.join("ucp-12345678").join("server.sock")) {
            preferred.as_path()
        } else {
            short
        };
        let made = tempfile::Builder::new()
            .prefix("ucp-")
            .rand_bytes(8)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(|error| cannot("make a private directory in", parent, &error))?;
        let mut place = Self::of(made.path())?;
        place.temporary = Some(made);
        Ok(place)
    }

    /// `dir`, created if it is missing, accessible only to its owner, and kept on drop.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it is not the user's own, or contains a link.
    pub(super) fn kept(dir: &Path) -> Result<Self, Problem> {
        let place = Self::of(dir)?;
        let mut maker = DirBuilder::new();
        match maker.recursive(true).mode(0o700).create(&place.dir) {
            // A link to nowhere, or something else of that name: `take` says which.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(cannot("prepare the directory", dir, &error)
                    .hint("--dir names another, which can be written"));
            }
            _ => own::take(&place.dir)?,
        }
        Ok(place)
    }

    /// Opens the log for appending.
    pub(super) fn open_log(path: &Path) -> io::Result<fs::File> {
        let mut options = fs::File::options();
        own::open(options.create(true).append(true).mode(0o600), path)
    }

    /// The paths of the files in `dir`; changes nothing.
    pub(super) fn of(dir: &Path) -> Result<Self, Problem> {
        let dir = std::path::absolute(dir).map_err(|error| cannot("resolve", dir, &error))?;
        // A slash at its end would lead through a link.
        let dir: PathBuf = dir.components().collect();
        let socket = dir.join("server.sock");
        if !fits(&socket) {
            return Err(Problem::new(
                Kind::Local,
                format!(
                    "the path of the unix socket {} has {} bytes; the system allows {SOCKET_PATH_BYTES_MAX}",
                    shown(&socket),
                    socket.as_os_str().len(),
                ),
            )
            .hint("use a directory with a shorter path"));
        }
        Ok(Self {
            log: dir.join("server.log"),
            socket,
            dir,
            temporary: None,
        })
    }

    pub(super) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// The end of the server's log, escaped, line by line, or a note that there is no log.
    pub(super) fn log_tail(&self) -> String {
        let Ok(bytes) = tail(&self.log) else {
            return format!("(no log in {})", shown(&self.log));
        };
        let mut text = String::from("the end of its log:");
        for line in bytes.split(|&byte| byte == b'\n') {
            if !line.is_empty() {
                text.push_str("\n  ");
                escape_into(&mut text, line);
            }
        }
        text
    }
}

fn fits(socket: &Path) -> bool {
    socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX
}

/// Whole lines from the end of a file.
fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = own::open(fs::File::options().read(true), path)?;
    let start = file.metadata()?.len().saturating_sub(LOG_TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
    if start > 0
        && let Some(end) = memchr::memchr(b'\n', &bytes)
    {
        bytes.drain(..=end);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn directories_are_closed_to_others() {
        let place = Place::temporary().unwrap();
        assert_eq!(mode(&place.dir), 0o700);
        let open = place.dir.join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(mode(&Place::kept(&open).unwrap().dir), 0o700);
    }

    #[test]
    fn a_socket_path_too_long_is_refused_before_anything_is_made() {
        let dir = Path::new("/tmp").join("x".repeat(SOCKET_PATH_BYTES_MAX));
        let problem = Place::of(&dir).unwrap_err();
        assert!(problem.message.contains("the system allows"), "{problem}");
        assert!(problem.hint.is_some());
        let longest = "y".repeat(SOCKET_PATH_BYTES_MAX - "/tmp//server.sock".len());
        assert!(Place::of(&Path::new("/tmp").join(longest)).is_ok());
    }

    #[test]
    fn the_tail_of_a_log_is_whole_lines_and_safe_to_print() {
        let place = Place::temporary().unwrap();
        assert!(place.log_tail().starts_with("(no log"));
        let lines = "an old line\n".repeat(500) + "the \x1b[31mlast\n";
        fs::write(&place.log, lines).unwrap();
        let tail = place.log_tail();
        assert!(
            tail.len() < 4096 && tail.ends_with("the \\x1b[31mlast"),
            "{tail}"
        );
        assert_eq!(tail.lines().nth(1), Some("  an old line"));
    }
}
