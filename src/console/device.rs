//! Outputs that are not ordinary files: standard output and error, and devices or pipes that the shell or the system
//! provides at a path.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use super::Terminal;

/// An output that is written to directly: nothing is created, replaced or renamed.
#[derive(Debug)]
pub struct Device {
    /// The open file.
    pub file: File,
    /// Whether it is standard output.
    pub is_stdout: bool,
}

impl Terminal {
    /// The device that a flag names with `path`: `-` and `/dev/stdout`, `/dev/stderr`, the pipe of a shell's `>(…)`,
    /// a FIFO. `None` for an ordinary file.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn device(&self, path: &Path) -> Option<io::Result<Device>> {
        let text = path.to_str().unwrap_or_default();
        let mut directories = ["/dev/fd/", "/proc/self/fd/"].iter();
        let number = directories.find_map(|directory| text.strip_prefix(directory));
        match (text, number) {
            ("-" | "/dev/stdout", _) | (_, Some("1")) => Some(self.stdout_device()),
            ("/dev/stderr", _) | (_, Some("2")) => Some(duplicate(io::stderr(), false)),
            // It may be a file: what it has is kept.
            (_, Some(_)) => Some(append(path)),
            _ => {
                let is_file = |it: Metadata| it.is_file() || it.is_dir() || it.is_symlink();
                let found = path.symlink_metadata();
                (!found.map_or(true, is_file)).then(|| append(path))
            }
        }
    }

    fn stdout_device(&self) -> io::Result<Device> {
        match self.stdout_fault {
            Some(fault) => Err(io::Error::other(format!("standard output {fault}"))),
            None => duplicate(io::stdout(), true),
        }
    }
}

fn append(path: &Path) -> io::Result<Device> {
    let file = OpenOptions::new().append(true).open(path)?;
    Ok(Device {
        file,
        is_stdout: false,
    })
}

#[cfg(unix)]
fn duplicate(stream: impl std::os::fd::AsFd, is_stdout: bool) -> io::Result<Device> {
    let file = stream.as_fd().try_clone_to_owned()?.into();
    Ok(Device { file, is_stdout })
}

#[cfg(not(unix))]
fn duplicate(stream: impl std::os::windows::io::AsHandle, is_stdout: bool) -> io::Result<Device> {
    let file = stream.as_handle().try_clone_to_owned()?.into();
    Ok(Device { file, is_stdout })
}
