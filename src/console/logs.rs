//! Structured logs on standard error, for commands that run for long. One line per event, without colour, escaped.

use std::io::{self, Write};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use super::progress::Bar;
use super::terminal::stderr_width;
use crate::model::{LogFormat, escaped};
use crate::view::{fitted, json_made_safe};

/// How far the continuation lines of a log event are indented on a terminal.
const INDENT: usize = 4;

/// See [`super::Console::start_logs`]. `screen`: standard error is a terminal, which may show this bar.
pub(super) fn init_logs(format: LogFormat, quiet: bool, verbosity: u8, screen: Option<Bar>) {
    let level = match (quiet, verbosity) {
        (true, _) => LevelFilter::WARN,
        (false, 0) => LevelFilter::INFO,
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let _ = tracing::subscriber::set_global_default(subscriber(format, level, screen, io::stderr));
}

fn subscriber<M>(
    format: LogFormat,
    level: LevelFilter,
    screen: Option<Bar>,
    sink: M,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    M: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    let registry = tracing_subscriber::registry().with(ours);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .with_writer(SafeLines {
            sink,
            format,
            screen,
        });
    match format {
        LogFormat::Text => Box::new(registry.with(lines)),
        LogFormat::Json => Box::new(registry.with(lines.json().flatten_event(true))),
    }
}

/// Creates writers that escape everything except the line end.
struct SafeLines<M> {
    sink: M,
    format: LogFormat,
    screen: Option<Bar>,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for SafeLines<M> {
    type Writer = SafeLine<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        SafeLine {
            sink: self.sink.make_writer(),
            format: self.format,
            screen: self.screen.clone(),
        }
    }
}

struct SafeLine<W> {
    sink: W,
    format: LogFormat,
    screen: Option<Bar>,
}

impl<W: Write> Write for SafeLine<W> {
    /// Receives whole events from the subscriber, each with its line end.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let mut line = Vec::with_capacity(event.len() + 8);
        let text = String::from_utf8_lossy(event.trim_ascii_end());
        match self.format {
            LogFormat::Text => {
                let text = escaped(text.as_bytes());
                let width = self.screen.as_ref().and_then(|_| stderr_width());
                line.extend_from_slice(fitted(text, width, INDENT).as_bytes());
            }
            LogFormat::Json => json_made_safe(&mut line, &text),
        }
        line.push(b'\n');
        match &self.screen {
            Some(bar) => bar.suspend(|| self.sink.write_all(&line))?,
            None => self.sink.write_all(&line)?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: LevelFilter) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = subscriber(format, level, None, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(stream = "s\x1b[2J\n\u{202e}", entries = 3, "claimed \x07");
            tracing::debug!("detail");
            tracing::info!(target: "other_crate", "not ours");
        });
        let bytes = sink.0.lock().expect("not poisoned").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn text_is_one_escaped_line_an_event() {
        let text = logged(LogFormat::Text, LevelFilter::INFO);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("INFO"), "{text}");
        assert!(text.contains("entries=3"), "{text}");
        assert_eq!(escaped(text.trim_end().as_bytes()), text.trim_end());
        assert_eq!(
            logged(LogFormat::Text, LevelFilter::DEBUG).lines().count(),
            2
        );
    }

    #[test]
    fn json_is_one_object_an_event() {
        let text = logged(LogFormat::Json, LevelFilter::INFO);
        assert!(!text.contains('\u{202e}'), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["stream"], "s\x1b[2J\n\u{202e}");
        assert_eq!(value["entries"], 3);
        assert_eq!(value["level"], "INFO");
    }
}
