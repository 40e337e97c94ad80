//! Free space on a disk.

use std::fs::File;

/// How many bytes this process can still write to the disk that `file` is on; `None` when the system does not say.
pub fn free_bytes(file: &File) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::fstatvfs(file)
        .ok()
        .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    #[cfg(not(unix))]
    return None;
}
