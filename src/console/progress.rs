//! Progress on standard error: a bar on a terminal, a line every few seconds elsewhere.

use std::fmt;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::model::escaped;
use crate::model::{human_count, human_millis};

/// The time between two lines when there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// The bar on the screen, if there is one. Everything else that writes to the screen suspends it.
#[derive(Clone, Debug, Default)]
pub(super) struct Bar(Arc<Mutex<Option<ProgressBar>>>);

impl Bar {
    fn set(&self, bar: Option<ProgressBar>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    /// Runs `work` while the bar is removed from the screen.
    pub(super) fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        let bar = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match bar {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }
}

/// The progress of some work. It is on the screen only while this value lives.
#[derive(Debug)]
pub struct Progress(Kind);

#[derive(Debug)]
enum Kind {
    Silent,
    Bar { bar: ProgressBar, shown: Bar },
    Lines(Lines),
}

impl Progress {
    pub(super) fn silent() -> Self {
        Self(Kind::Silent)
    }

    pub(super) fn bar(shown: &Bar, total: Option<u64>, label: String) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match total {
            Some(_) => "{msg} [{bar:30}] {human_pos}/{human_len} {rate} eta {eta}",
            None => "{msg} {human_pos} {rate} {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
                let _ = write!(text, "{:.0}/s", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
        }
        bar.set_message(label);
        shown.set(Some(bar.clone()));
        Self(Kind::Bar {
            bar,
            shown: shown.clone(),
        })
    }

    /// A line with the present state that is updated in place.
    pub(super) fn status(shown: &Bar) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // Cut where the line ends, not wrapped.
        if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
            bar.set_style(style);
        }
        shown.set(Some(bar.clone()));
        Self(Kind::Bar {
            bar,
            shown: shown.clone(),
        })
    }

    pub(super) fn lines(total: Option<u64>, label: String) -> Self {
        Self(Kind::Lines(Lines {
            label,
            total,
            done: AtomicU64::new(0),
            started: Instant::now(),
            told_ms: AtomicU64::new(0),
        }))
    }

    /// Whether no part of the progress is shown.
    pub fn is_silent(&self) -> bool {
        matches!(self.0, Kind::Silent)
    }

    /// Sets the text of the status line; does nothing when there is none.
    pub fn say(&self, text: &str) {
        if let Kind::Bar { bar, .. } = &self.0 {
            bar.set_message(escaped(text.as_bytes()));
            bar.tick();
        }
    }

    /// This many more are done.
    pub fn advance(&self, count: u64) {
        match &self.0 {
            Kind::Silent => {}
            Kind::Bar { bar, .. } => bar.inc(count),
            Kind::Lines(lines) => lines.advance(count),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Kind::Bar { bar, shown } = &self.0 {
            bar.finish_and_clear();
            shown.set(None);
        }
    }
}

#[derive(Debug)]
struct Lines {
    label: String,
    total: Option<u64>,
    done: AtomicU64,
    started: Instant,
    told_ms: AtomicU64,
}

impl Lines {
    fn advance(&self, count: u64) {
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(line) = self.due(done, elapsed_ms) {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }

    /// The line to write, if the last one is old enough and no other thread writes it.
    fn due(&self, done: u64, elapsed_ms: u64) -> Option<String> {
        let told_ms = self.told_ms.load(Ordering::Relaxed);
        let interval_ms = u64::try_from(LINE_INTERVAL.as_millis()).unwrap_or(u64::MAX);
        if elapsed_ms.saturating_sub(told_ms) < interval_ms {
            return None;
        }
        self.told_ms
            .compare_exchange(told_ms, elapsed_ms, Ordering::Relaxed, Ordering::Relaxed)
            .ok()?;
        let of = self
            .total
            .map(|total| format!(" of {}", human_count(total)))
            .unwrap_or_default();
        Some(format!(
            "{}: {}{of} after {}",
            self.label,
            human_count(done),
            human_millis(elapsed_ms)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_every_few_seconds_and_no_more() {
        let progress = Progress::lines(Some(20_000), "publishing".to_owned());
        let Progress(Kind::Lines(lines)) = &progress else {
            panic!("lines");
        };
        assert_eq!(lines.due(10, 4_999), None);
        assert_eq!(
            lines.due(12_345, 5_000).as_deref(),
            Some("publishing: 12,345 of 20,000 after 5s")
        );
        assert_eq!(lines.due(12_346, 9_999), None);
        assert!(lines.due(12_347, 10_000).is_some());
    }

    #[test]
    fn a_bar_leaves_the_screen_with_its_work() {
        let shown = Bar::default();
        let progress = Progress::bar(&shown, None, "x".to_owned());
        progress.advance(3);
        assert!(shown.0.lock().expect("not poisoned").is_some());
        assert_eq!(shown.suspend(|| 7), 7);
        drop(progress);
        assert!(shown.0.lock().expect("not poisoned").is_none());
    }
}
