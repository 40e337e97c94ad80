//! What each key does.

use super::event::Effect;
use super::state::State;
use super::view::Tab;
use crate::model::Key;

/// The longest filter, in characters.
const FILTER_MAX: usize = 100;

/// How many samples of a recording are a great step: ten minutes of one that looks every ten seconds.
const STEP: isize = 60;

/// The keys as the help lists them.
pub(super) const HELP: &[(&str, &str)] = &[
    (
        "up, down, j, k",
        "choose a row; PgUp, PgDn, Home, End go further",
    ),
    ("1, 2, 3, Tab", "groups, findings, streams"),
    (
        "Enter",
        "open: group, its consumers, their pending entries, a body",
    ),
    ("Esc", "back; leave a filter or a question"),
    ("e", "all pending entries of the group"),
    ("d", "the dead letters of the stream"),
    ("left, right", "choose the column to sort by"),
    ("s", "turn the order around"),
    (
        "/",
        "filter the rows; Enter keeps the filter, Esc leaves it",
    ),
    ("p", "pause the figures, and go on"),
    (
        "c, C",
        "claim: what is chosen, or all that is stale; asks first",
    ),
    (
        "r, R",
        "requeue, or redrive dead letters: the chosen, or all; asks first",
    ),
    ("w", "in production: allow changes, and lock again"),
    (
        ", . [ ]",
        "in a recording: one sample back or further, or sixty",
    ),
    ("Ctrl-L", "draw the screen again"),
    ("q", "quit"),
];

impl State {
    pub(super) fn press(&mut self, key: Key) {
        if key == Key::Redraw {
            self.wants(Effect::Redraw);
        } else if self.dialog.is_some() && self.is_too_small() && key != Key::Esc {
            // Nobody answers what cannot be read.
        } else if self.dialog.is_some() {
            self.answer(key);
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
        match key {
            Key::Char('q' | 'Q') => self.wants(Effect::Quit),
            Key::Char('/') => self.is_filtering = true,
            Key::Char('p') if self.is_recorded => self.wants(Effect::Hold),
            Key::Char('p') => self.pause(),
            Key::Char('.') if self.is_recorded => self.wants(Effect::Step(1)),
            Key::Char(',') if self.is_recorded => self.wants(Effect::Step(-1)),
            Key::Char(']') if self.is_recorded => self.wants(Effect::Step(STEP)),
            Key::Char('[') if self.is_recorded => self.wants(Effect::Step(-STEP)),
            Key::Char('?') => self.has_help = true,
            Key::Char('1') => self.turn_to(Tab::Groups),
            Key::Char('2') => self.turn_to(Tab::Findings),
            Key::Char('3') => self.turn_to(Tab::Streams),
            Key::Tab => self.turn_to(self.tab.turned(1)),
            Key::BackTab => self.turn_to(self.tab.turned(Tab::ALL.len() - 1)),
            Key::Enter => self.enter(),
            Key::Esc => self.back(),
            Key::Char('e') => self.open_pending(),
            Key::Char('d') => self.open_letters(),
            Key::Char('w') => self.unlock(),
            Key::Char(key @ ('c' | 'C' | 'r' | 'R')) => self.begin(key),
            key => self.move_by(key),
        }
    }

    fn move_by(&mut self, key: Key) {
        let page = isize::try_from(self.page()).unwrap_or(1);
        let (cursor, rows) = self.place();
        match key {
            Key::Up | Key::Char('k') => cursor.moves(rows, -1),
            Key::Down | Key::Char('j') => cursor.moves(rows, 1),
            Key::PageUp => cursor.moves(rows, -page),
            Key::PageDown | Key::Char(' ') => cursor.moves(rows, page),
            Key::Home => cursor.moves(rows, isize::MIN),
            Key::End => cursor.moves(rows, isize::MAX),
            Key::Left => cursor.turns(rows, -1),
            Key::Right => cursor.turns(rows, 1),
            Key::Char('s') => cursor.reverses(rows),
            _ => {}
        }
    }

    fn type_filter(&mut self, key: Key) {
        let (cursor, rows) = self.place();
        let filter = &mut cursor.filter;
        match key {
            Key::Char(character) if filter.chars().count() < FILTER_MAX => filter.push(character),
            Key::Backspace => _ = filter.pop(),
            Key::Kill | Key::Esc => filter.clear(),
            Key::Up => cursor.moves(rows, -1),
            Key::Down => cursor.moves(rows, 1),
            _ => {}
        }
        cursor.settles(rows);
        if matches!(key, Key::Enter | Key::Esc) {
            self.is_filtering = false;
        }
    }
}
