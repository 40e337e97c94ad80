//! The screen without a terminal: keys are pressed, and what it shows is text.

use std::fmt::Write as _;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;
use ucp_streams::model::{Key, Time};
use ucp_streams::top::{Access, Answer, Effect, Event, Look, State, draw};
use ucp_streams::view::Theme;

use crate::look::BEGIN_MS;

/// A screen.
pub(crate) struct Screen {
    state: State,
    terminal: Terminal<TestBackend>,
    now: Time,
}

impl Screen {
    /// One of this size that has seen these looks, one a second.
    pub(crate) fn of(size: (u16, u16), looks: impl Iterator<Item = Look>) -> Self {
        let state = State::new("prod".to_owned(), Duration::from_secs(1), size);
        let terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let now = Time::from_ms(BEGIN_MS);
        let mut screen = Self {
            state,
            terminal,
            now,
        };
        for look in looks {
            screen.now = look.at;
            screen.happens(Event::Looked(Box::new(look)));
        }
        screen
    }

    /// Something happens.
    pub(crate) fn happens(&mut self, event: Event) {
        self.state.on(event, self.now);
    }

    /// The same, where changes are allowed like this.
    pub(crate) fn with_access(mut self, access: Access, production: Option<&str>) -> Self {
        self.state = self
            .state
            .with_access(access, production.map(str::to_owned));
        self
    }

    /// What it asks is answered.
    #[track_caller]
    pub(crate) fn is_told(&mut self, answer: Answer) -> &mut Self {
        let mut wanted = self.wants();
        let Some(Effect::Ask(question)) = wanted.pop() else {
            panic!("it asks nothing\n{}", self.shows());
        };
        self.happens(Event::Answered(question, Ok(answer)));
        self
    }

    /// So many seconds pass.
    pub(crate) fn waits(&mut self, seconds: u64) {
        self.now = Time::from_ms(self.now.ms + seconds * 1000);
        self.happens(Event::Waited);
    }

    /// It gets another size.
    pub(crate) fn resizes(&mut self, (columns, rows): (u16, u16)) -> &mut Self {
        self.terminal.backend_mut().resize(columns, rows);
        self.happens(Event::Resized(columns, rows));
        self
    }

    pub(crate) fn presses(&mut self, key: Key) -> &mut Self {
        self.happens(Event::Key(key));
        self
    }

    pub(crate) fn types(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            self.presses(Key::Char(character));
        }
        self
    }

    /// What it wants done since this was asked last.
    pub(crate) fn wants(&mut self) -> Vec<Effect> {
        self.state.take_effects()
    }

    /// What it shows, line by line, without colours.
    pub(crate) fn shows(&mut self) -> String {
        self.drawn(Theme::PLAIN);
        let buffer = self.terminal.backend().buffer();
        let mut text = String::new();
        for y in 0..buffer.area.height {
            let line: String = (0..buffer.area.width)
                .map(|x| buffer[(x, y)].symbol())
                .collect();
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// The texts that are shown reversed, in colour.
    pub(crate) fn reversed(&mut self) -> Vec<String> {
        self.drawn(Theme::new(true));
        let buffer = self.terminal.backend().buffer();
        let line = |y| -> String {
            (0..buffer.area.width)
                .map(|x| &buffer[(x, y)])
                .filter(|it| it.modifier.contains(Modifier::REVERSED))
                .map(ratatui::buffer::Cell::symbol)
                .collect()
        };
        let lines = (0..buffer.area.height).map(line);
        lines.filter(|it| !it.is_empty()).collect()
    }

    fn drawn(&mut self, theme: Theme) {
        let state = &self.state;
        self.terminal
            .draw(|frame| draw(frame, state, theme))
            .unwrap();
    }
}
