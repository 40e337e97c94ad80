//! The state of the screen: what was seen, which view is open, and where somebody is in it.

use super::cursor::Cursor;
use super::event::{Effect, Event, Look};
use super::groups::groups;
use super::history::Histories;
use super::lists::Rows;
use crate::model::Time;
use std::time::Duration;

/// What the screen shows, and where somebody is.
#[derive(Debug)]
pub struct State {
    /// The name of the server's context, or its address.
    pub(super) name: String,
    /// How often the server is looked at.
    pub(super) every: Duration,
    /// How many columns and rows the screen has.
    pub(super) size: (u16, u16),
    /// The time by this machine's clock.
    pub(super) now: Time,
    /// The last look.
    pub(super) latest: Option<Box<Look>>,
    /// Why the server cannot be asked, and since when.
    pub(super) outage: Option<(String, Time)>,
    /// What is shown instead of the last look, and since when.
    pub(super) paused: Option<(Time, Box<Look>)>,
    pub(super) histories: Histories,
    /// The list that is shown.
    pub(super) rows: Rows,
    pub(super) cursor: Cursor,
    /// Whether what is typed is a filter.
    pub(super) is_filtering: bool,
    pub(super) has_help: bool,
    effects: Vec<Effect>,
    is_changed: bool,
}

impl State {
    /// A screen of this size that has seen nothing. `name` names the server.
    pub fn new(name: String, every: Duration, size: (u16, u16)) -> Self {
        Self {
            name,
            every,
            size,
            now: Time::from_ms(0),
            latest: None,
            outage: None,
            paused: None,
            histories: Histories::default(),
            rows: Rows::default(),
            cursor: Cursor::default(),
            is_filtering: false,
            has_help: false,
            effects: Vec::new(),
            is_changed: true,
        }
    }

    /// Takes in what happened at `now`.
    pub fn on(&mut self, event: Event, now: Time) {
        self.now = now;
        self.is_changed = true;
        match event {
            Event::Key(key) => self.press(key),
            Event::Resized(columns, rows) => self.size = (columns, rows),
            Event::Looked(look) => self.see(look),
            Event::Failed(why) => {
                let since = self.outage.take().map_or(now, |(_, since)| since);
                self.outage = Some((why, since));
            }
            // Ages stand only beside old figures and beside a pause.
            Event::Waited => self.is_changed = self.outage.is_some() || self.paused.is_some(),
        }
    }

    /// What is to be done, each once.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether the screen must be drawn again since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    pub(super) fn wants(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn see(&mut self, look: Box<Look>) {
        self.outage = None;
        let groups = look.streams.iter().flat_map(|it| &it.groups);
        self.histories.add(look.at, groups);
        self.latest = Some(look);
        self.list();
    }

    /// The look whose figures are shown.
    pub(super) fn shown(&self) -> Option<&Look> {
        let paused = self.paused.as_ref().map(|(_, look)| look);
        paused.or(self.latest.as_ref()).map(|it| &**it)
    }

    /// Makes the rows that are shown anew.
    pub(super) fn list(&mut self) {
        let Some(look) = self.shown() else { return };
        self.rows = groups(look, &self.histories);
        self.cursor.settles(&self.rows);
    }

    pub(super) fn pause(&mut self) {
        self.paused = match (self.paused.take(), &self.latest) {
            (None, Some(latest)) => Some((self.now, latest.clone())),
            _ => None,
        };
        self.list();
    }
}
