//! How many entries a process is sent ahead of its answers: about [`WORK_AHEAD`] of its measured work, so that a fast
//! process never waits for the worker and a slow one holds up no entries that others could handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How much work a process has ahead, measured as time: many times the duration of one turn of the worker.
const WORK_AHEAD: Duration = Duration::from_millis(5);
/// The greatest number of entries sent ahead.
const WINDOW_MAX: usize = 512;
/// The same limit for all processes together.
const AHEAD_MAX: usize = 8192;

/// How many entries the windows of all processes allow beyond one entry each.
#[derive(Debug, Default)]
pub(super) struct Ahead(AtomicUsize);

impl Ahead {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The window of one process; its share of [`Ahead`] is returned when it is dropped.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    ahead: Arc<Ahead>,
}

impl Window {
    /// A window of one entry.
    pub(super) fn new(ahead: Arc<Ahead>) -> Self {
        Self { size: 1, ahead }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Records that `answers` answers came within `took`. One slow answer narrows the window at once; it widens by one
    /// with each answer that comes in time.
    pub(super) fn note(&mut self, answers: usize, took: Duration) {
        let in_time = WORK_AHEAD.as_nanos() * answers as u128 / took.as_nanos().max(1);
        let in_time = usize::try_from(in_time).unwrap_or(WINDOW_MAX);
        let others = self.ahead.count() - (self.size - 1);
        let left = 1 + AHEAD_MAX.saturating_sub(others);
        let size = in_time
            .min(self.size + answers)
            .clamp(1, WINDOW_MAX.min(left));
        let change = size.abs_diff(self.size);
        if size > self.size {
            self.ahead.0.fetch_add(change, Ordering::Relaxed);
        } else {
            self.ahead.0.fetch_sub(change, Ordering::Relaxed);
        }
        self.size = size;
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.ahead.0.fetch_sub(self.size - 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_how_fast_the_answers_come() {
        let ahead = Arc::new(Ahead::default());
        let mut window = Window::new(Arc::clone(&ahead));
        for _ in 0..WINDOW_MAX {
            window.note(1, Duration::from_micros(5));
        }
        assert_eq!(window.size(), WINDOW_MAX);
        assert_eq!(ahead.count(), WINDOW_MAX - 1);
        window.note(1, Duration::from_millis(1));
        assert_eq!((window.size(), ahead.count()), (5, 4));
        window.note(1, Duration::from_secs(2));
        assert_eq!((window.size(), ahead.count()), (1, 0));
        // Many at once, because the worker was busy: the process needed a share of that time for each.
        window.note(1, Duration::from_micros(100));
        window.note(2, Duration::from_millis(2));
        assert_eq!(window.size(), 4);
        drop(window);
        assert_eq!(ahead.count(), 0, "its share went with it");
    }

    #[test]
    fn all_windows_together_have_a_limit() {
        let ahead = Arc::new(Ahead::default());
        let windows = 2 * AHEAD_MAX / WINDOW_MAX;
        let mut windows: Vec<_> = (0..windows)
            .map(|_| Window::new(Arc::clone(&ahead)))
            .collect();
        for window in &mut windows {
            window.note(WINDOW_MAX, Duration::from_micros(1));
        }
        assert_eq!(ahead.count(), AHEAD_MAX);
        assert_eq!(windows.last().map(Window::size), Some(1));
    }

    #[test]
    fn a_slow_process_has_one_at_a_time() {
        let mut window = Window::new(Arc::default());
        for _ in 0..100 {
            window.note(1, Duration::from_millis(6));
            assert_eq!(window.size(), 1);
        }
    }
}
