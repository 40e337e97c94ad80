//! What each key does.

use super::event::Effect;
use super::state::State;
use crate::model::Key;

/// The longest filter, in characters.
const FILTER_MAX: usize = 100;

/// The keys as the help lists them.
pub(super) const HELP: &[(&str, &str)] = &[
    (
        "up, down, j, k",
        "choose a row; PgUp, PgDn, Home, End go further",
    ),
    ("left, right", "choose the column to sort by"),
    ("s", "turn the order around"),
    (
        "/",
        "filter the rows; Enter keeps the filter, Esc leaves it",
    ),
    ("p", "pause the figures, and go on"),
    ("Ctrl-L", "draw the screen again"),
    ("?", "these keys"),
    ("q", "quit"),
];

impl State {
    pub(super) fn press(&mut self, key: Key) {
        if key == Key::Redraw {
            self.wants(Effect::Redraw);
        } else if self.has_help {
            self.has_help = false;
            if key == Key::Char('q') {
                self.wants(Effect::Quit);
            }
        } else if self.is_filtering {
            self.type_filter(key);
        } else {
            self.command(key);
        }
    }

    fn command(&mut self, key: Key) {
        let page = isize::try_from(self.page()).unwrap_or(1);
        let (rows, cursor) = (&self.rows, &mut self.cursor);
        match key {
            Key::Char('q' | 'Q') => self.wants(Effect::Quit),
            Key::Up | Key::Char('k') => cursor.moves(rows, -1),
            Key::Down | Key::Char('j') => cursor.moves(rows, 1),
            Key::PageUp => cursor.moves(rows, -page),
            Key::PageDown => cursor.moves(rows, page),
            Key::Home => cursor.moves(rows, isize::MIN),
            Key::End => cursor.moves(rows, isize::MAX),
            Key::Left => cursor.turns(rows, -1),
            Key::Right => cursor.turns(rows, 1),
            Key::Char('s') => cursor.reverses(rows),
            Key::Char('/') => self.is_filtering = true,
            Key::Char('p') => self.pause(),
            Key::Char('?') => self.has_help = true,
            Key::Esc => cursor.filter.clear(),
            _ => {}
        }
    }

    fn type_filter(&mut self, key: Key) {
        let filter = &mut self.cursor.filter;
        match key {
            Key::Char(character) if filter.chars().count() < FILTER_MAX => filter.push(character),
            Key::Backspace => _ = filter.pop(),
            Key::Kill => filter.clear(),
            Key::Enter => self.is_filtering = false,
            Key::Esc => {
                filter.clear();
                self.is_filtering = false;
            }
            Key::Up => self.cursor.moves(&self.rows, -1),
            Key::Down => self.cursor.moves(&self.rows, 1),
            _ => {}
        }
        self.cursor.settles(&self.rows);
    }
}
