//! The system's processes, as `/proc` shows them. On systems without it, no processes are found.

use std::fs;
use std::io::Read as _;

use memchr::memmem;

/// How many bytes of an environment are searched; the system does not allow larger ones.
const ENVIRONMENT_BYTES_MAX: u64 = 4 << 20;

/// The number of clock ticks per second in which the system measures when a process started; it is the same on every
/// usual machine.
pub(super) const TICKS_PER_SECOND: u64 = 100;

/// A process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// When it started, in ticks since the system started; together with the number, it identifies a process
    /// permanently.
    pub(super) start: u64,
    /// Whether it has ended and has not been waited for.
    pub(super) is_zombie: bool,
}

/// All processes that started at `since` (in ticks) or later.
pub(super) fn processes(since: u64) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .filter(|process| process.start >= since)
        .collect()
}

/// The process with this number, if there is one.
pub(super) fn process(pid: i32) -> Option<Process> {
    // Its name may be anything, also what is no UTF-8.
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(pid, &stat)
}

/// Parses `PID (NAME) STATE PARENT GROUP SESSION …`; the name may contain brackets and spaces.
fn parse(pid: i32, stat: &[u8]) -> Option<Process> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(&stat[after_name..]).ok()?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse().ok();
    Some(Process {
        pid,
        parent: number(1)?,
        group: number(2)?,
        session: number(3)?,
        start: fields.get(19)?.parse().ok()?,
        is_zombie: matches!(*fields.first()?, "Z" | "X"),
    })
}

/// The name of a process's program, for messages.
pub(super) fn name(pid: i32) -> String {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(name.trim_ascii()).into_owned()
}

/// The value of a variable in the environment with which a process was started; `None` when it has none or access is
/// denied.
pub(super) fn variable(pid: i32, name: &str) -> Option<String> {
    let mut environment = vec![0];
    let file = fs::File::open(format!("/proc/{pid}/environ")).ok()?;
    file.take(ENVIRONMENT_BYTES_MAX)
        .read_to_end(&mut environment)
        .ok()?;
    let start = format!("\0{name}=");
    let at = memmem::find(&environment, start.as_bytes())? + start.len();
    let value = environment[at..].split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// The children of this process.
pub(super) fn own_children() -> Vec<i32> {
    children("self").unwrap_or_else(|| {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        let all = processes(0).into_iter();
        all.filter(|process| process.parent == own)
            .map(|process| process.pid)
            .collect()
    })
}

/// The children of a process, if the system keeps lists of them.
fn children(of: &str) -> Option<Vec<i32>> {
    let mut all = Vec::new();
    for thread in fs::read_dir(format!("/proc/{of}/task")).ok()? {
        let list = match fs::read_to_string(thread.ok()?.path().join("children")) {
            Ok(list) => list,
            // A thread that has just ended has none.
            Err(_) if !fs::exists("/proc/thread-self/children").unwrap_or(false) => return None,
            Err(_) => continue,
        };
        all.extend(
            list.split_ascii_whitespace()
                .filter_map(|it| it.parse::<i32>().ok()),
        );
    }
    Some(all)
}

/// The present time, in ticks since the system started.
pub(super) fn ticks_now() -> Option<u64> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, rest) = uptime.split_once('.')?;
    let hundredths = rest.get(..2)?;
    Some(seconds.parse::<u64>().ok()? * TICKS_PER_SECOND + hundredths.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_hides_nothing() {
        let stat = b"42 (a) S 1 (\n\xff) Z 7 8 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0";
        let expected = Process {
            pid: 42,
            parent: 7,
            group: 8,
            session: 9,
            start: 4711,
            is_zombie: true,
        };
        assert_eq!(parse(42, stat), Some(expected));
        assert_eq!(parse(42, b"42 (a) S 1"), None);
    }

    #[test]
    fn this_process_is_seen_with_its_time_and_its_environment() {
        let own = i32::try_from(std::process::id()).expect("a number");
        let seen = process(own).expect("seen");
        assert!(!seen.is_zombie);
        let now = ticks_now().expect("a time");
        assert!(seen.start <= now && now - seen.start < 24 * 3600 * TICKS_PER_SECOND);
        let path = std::env::var("PATH").expect("a search path");
        assert_eq!(variable(own, "PATH"), Some(path));
        assert_eq!(variable(own, "PAT"), None);
    }
}
