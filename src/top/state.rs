//! The state of the screen: what was seen, which view is open, and where somebody is in it.

use std::rc::Rc;
use std::time::Duration;

use super::action::{Access, Dialog};
use super::cursor::Cursor;
use super::event::{Effect, Event, Look, Unanswered};
use super::groups::groups;
use super::history::Histories;
use super::lists::{RowKey, Rows};
use super::rows::{answered, finding, findings, of_finding, streams, text};
use super::view::{Answer, Mark, Opened, Question, Tab, View};
use crate::model::{Name, Time, Tone};
use crate::streams::dead_letters::tell_ages;
use crate::streams::inspect::GroupReport;
use crate::streams::target::Target;

/// The most views that are open over each other.
const OPENED_MAX: usize = 8;
/// How long dead letters of which there are as many as before are taken for the same.
const LETTERS_MS: u64 = 10_000;

/// What the screen shows, and where somebody is.
#[expect(clippy::struct_excessive_bools, reason = "independent choices")]
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
    pub(super) latest: Option<Rc<Look>>,
    /// Why the server cannot be asked, and since when.
    pub(super) outage: Option<(String, Time)>,
    /// What is shown instead of the last look, and since when.
    pub(super) paused: Option<(Time, Rc<Look>)>,
    pub(super) histories: Histories,
    pub(super) tab: Tab,
    tabs: [Cursor; Tab::ALL.len()],
    /// What was opened over the list, one from the other.
    pub(super) opened: Vec<Opened>,
    /// The list that is shown.
    pub(super) rows: Rows,
    /// Whether what is typed is a filter.
    pub(super) is_filtering: bool,
    pub(super) has_help: bool,
    pub(super) access: Access,
    /// The production context that the server is that of.
    pub(super) production: Option<String>,
    pub(super) dialog: Option<Dialog>,
    /// How the last change ended, or why there was none.
    pub(super) results: Vec<(Tone, String)>,
    /// Whether it is a recording that is shown, and whether that stands still.
    pub(super) is_recorded: bool,
    pub(super) is_held: bool,
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
            tab: Tab::default(),
            tabs: std::array::from_fn(|_| Cursor::default()),
            opened: Vec::new(),
            rows: Rows::default(),
            is_filtering: false,
            has_help: false,
            access: Access::Write,
            production: None,
            dialog: None,
            results: Vec::new(),
            is_recorded: false,
            is_held: false,
            effects: Vec::new(),
            is_changed: true,
        }
    }

    /// The same, where changes are allowed like this. `production` is the production context of the server.
    #[must_use]
    pub fn with_access(mut self, access: Access, production: Option<String>) -> Self {
        self.access = access;
        self.production = production;
        self
    }

    /// The same, for a recording.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.is_recorded = true;
        self
    }

    /// From now on the recording stands still, or goes on.
    pub fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
        self.is_changed = true;
    }

    /// A group as it was seen last.
    pub fn group(&self, target: &Target) -> Option<&GroupReport> {
        let look = self.shown()?;
        let mut groups = look.streams.iter().flat_map(|it| &it.groups);
        groups.find(|it| it.group == target.group && it.stream == target.stream)
    }

    /// Takes in what happened at `now`.
    pub fn on(&mut self, event: Event, now: Time) {
        self.now = now;
        let was_changed = std::mem::replace(&mut self.is_changed, true);
        match event {
            Event::Key(key) => self.press(key),
            Event::Resized(columns, rows) => {
                self.size = (columns, rows);
                self.list();
            }
            Event::Looked(look) => self.see(look),
            Event::Failed(why) => {
                let since = self.outage.take().map_or(now, |(_, since)| since);
                self.outage = Some((why, since));
            }
            Event::Answered(question, answer) => self.hear(&question, answer),
            Event::Planned(planned) => self.planned(planned),
            Event::Progressed(tried) => self.is_changed = self.progressed(tried) || was_changed,
            Event::Applied(lines) => self.applied(lines),
            // Ages stand only beside old figures and beside a pause.
            Event::Waited => {
                self.is_changed = was_changed || self.outage.is_some() || self.paused.is_some();
            }
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

    /// What may be asked again.
    fn question(&self) -> Option<&Question> {
        let question = self.opened.last()?.view.question()?;
        // An entry never changes.
        let is_fixed = matches!(question, Question::Entry(..));
        (self.paused.is_none() && !is_fixed).then_some(question)
    }

    /// What the list that a question is about is known by; `None` where only asking tells whether it has changed.
    fn mark(&self, question: &Question) -> Option<Mark> {
        let (Question::Newest(name) | Question::Letters(name)) = question else {
            return None;
        };
        let look = self.latest.as_ref()?;
        let stream = look.streams.iter().find(|it| it.stream == *name)?;
        Some(match question {
            Question::Newest(_) => Mark {
                length: stream.length?,
                added: Some(stream.entries_added?),
                last: stream.last_id,
                part: 0,
            },
            _ => Mark {
                length: stream.dead_letters?,
                added: None,
                last: None,
                part: look.at.ms / LETTERS_MS,
            },
        })
    }

    /// Asks what the open view shows.
    pub(super) fn ask(&mut self) {
        if let Some(question) = self.question().cloned() {
            let mark = self.mark(&question);
            if let Some(opened) = self.opened.last_mut() {
                opened.mark = mark;
            }
            self.wants(Effect::Ask(question));
        }
    }

    /// Asks again what the open view shows, where that may have changed since it was asked.
    fn ask_again(&mut self) {
        let mark = self.question().and_then(|it| self.mark(it));
        let asked = self.opened.last().and_then(|it| it.mark);
        if mark.is_none() || mark != asked {
            self.ask();
        }
    }

    pub(super) fn wants(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn see(&mut self, look: Box<Look>) {
        self.outage = None;
        let groups = look.streams.iter().flat_map(|it| &it.groups);
        self.histories.add(look.at, groups);
        if let Some(opened) = self.opened.last_mut()
            && let Some(Ok(Answer::Letters(letters, _))) = &mut opened.answer
            && let Some(now) = look.about.now
        {
            tell_ages(letters, now.ms);
        }
        self.latest = Some(Rc::from(look));
        self.ask_again();
        self.list();
    }

    /// Takes in an answer, unless the view that asked is not open any more. An earlier one stays while the server is
    /// away.
    fn hear(&mut self, question: &Question, answer: Result<Answer, Unanswered>) {
        let now = self.now;
        let asked = |it: &&mut Opened| it.view.question() == Some(question);
        if let Some(opened) = self.opened.last_mut().filter(asked) {
            match answer {
                Ok(answer) => {
                    opened.unanswered = None;
                    opened.answer = Some(Ok(answer));
                }
                Err(Unanswered { why, is_away }) => {
                    opened.mark = None;
                    if is_away && matches!(opened.answer, Some(Ok(_))) {
                        let since = opened.unanswered.take().map_or(now, |(since, _)| since);
                        opened.unanswered = Some((since, why));
                    } else {
                        opened.answer = Some(Err(why));
                    }
                }
            }
            self.list();
        }
    }

    /// The look whose figures are shown.
    pub(super) fn shown(&self) -> Option<&Look> {
        let paused = self.paused.as_ref().map(|(_, look)| look);
        paused.or(self.latest.as_ref()).map(|it| &**it)
    }

    /// Makes the rows that are shown anew.
    pub(super) fn list(&mut self) {
        let Some(look) = self.shown() else { return };
        let width = usize::from(self.size.0.saturating_sub(3));
        let rows = match self.opened.last() {
            None => match self.tab {
                Tab::Groups => groups(look, &self.histories),
                Tab::Findings => findings(look),
                Tab::Streams => streams(look),
            },
            Some(opened) => match (&opened.view, &opened.answer) {
                (View::Finding(key), _) => match finding(look, key) {
                    Some(finding) => of_finding(finding, width),
                    None => text(["it is no more so"].into_iter(), width),
                },
                (View::Asked(question), Some(Ok(answer))) => {
                    answered(answer, stream_of(question), width)
                }
                (View::Asked(_), Some(Err(why))) => text(why.lines(), width),
                (View::Asked(_), None) => text(["asking"].into_iter(), width),
            },
        };
        self.rows = rows;
        let (cursor, rows) = self.place();
        cursor.settles(rows);
    }

    pub(super) fn pause(&mut self) {
        self.paused = match (self.paused.take(), &self.latest) {
            (None, Some(latest)) => Some((self.now, latest.clone())),
            _ => None,
        };
        self.list();
    }

    /// Where somebody is in the list that is shown.
    pub(super) fn cursor(&self) -> &Cursor {
        match self.opened.last() {
            Some(opened) => &opened.cursor,
            None => &self.tabs[self.tab as usize],
        }
    }

    /// The same, to be changed, and the list.
    pub(super) fn place(&mut self) -> (&mut Cursor, &Rows) {
        let cursor = match self.opened.last_mut() {
            Some(opened) => &mut opened.cursor,
            None => &mut self.tabs[self.tab as usize],
        };
        (cursor, &self.rows)
    }

    /// Shows another of the lists.
    pub(super) fn turn_to(&mut self, tab: Tab) {
        self.tab = tab;
        self.opened.clear();
        self.list();
    }

    /// Opens what the chosen row leads to.
    pub(super) fn enter(&mut self) {
        let Some(row) = self.cursor().row(&self.rows) else {
            return;
        };
        let ask = |question| Some(View::Asked(question));
        let view = match (&row.key, self.opened.last().map(|it| &it.view)) {
            (RowKey::Group(target), _) => ask(Question::Consumers(target.clone())),
            (key @ RowKey::Finding(..), _) => Some(View::Finding(key.clone())),
            (RowKey::Stream(stream), _) => ask(Question::Newest(stream.clone())),
            (RowKey::Consumer(name), Some(View::Asked(Question::Consumers(target)))) => {
                ask(Question::Pending(target.clone(), Some(name.clone())))
            }
            (RowKey::Entry(stream, id), _) => ask(Question::Entry(stream.clone(), *id)),
            (_, Some(View::Finding(RowKey::Finding(_, stream, group, _)))) => {
                match (stream.clone(), group.clone()) {
                    (Some(stream), Some(group)) => {
                        ask(Question::Consumers(Target { stream, group }))
                    }
                    (Some(stream), None) => ask(Question::Newest(stream)),
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some(view) = view {
            self.open(view);
        }
    }

    /// Opens the pending entries of the group that the chosen row or the view is about.
    pub(super) fn open_pending(&mut self) {
        let target = match (self.cursor().row(&self.rows), self.opened.last()) {
            (Some(row), None) => match &row.key {
                RowKey::Group(target) => Some(target.clone()),
                _ => None,
            },
            (_, Some(opened)) => match opened.view.question() {
                Some(Question::Consumers(target)) => Some(target.clone()),
                _ => None,
            },
            _ => None,
        };
        if let Some(target) = target {
            self.open(View::Asked(Question::Pending(target, None)));
        }
    }

    /// Opens the dead letters of the stream that the chosen row or the view is about.
    pub(super) fn open_letters(&mut self) {
        let row = self.cursor().row(&self.rows).map(|it| &it.key);
        let stream = match (row, self.opened.last()) {
            (Some(RowKey::Group(target)), None) => Some(&target.stream),
            (Some(RowKey::Stream(stream)), None) => Some(stream),
            (_, Some(opened)) => opened.view.question().map(stream_of),
            _ => None,
        };
        if let Some(stream) = stream.cloned() {
            self.open(View::Asked(Question::Letters(stream)));
        }
    }

    fn open(&mut self, view: View) {
        let is_open = self.opened.last().is_some_and(|it| it.view == view);
        if is_open || self.opened.len() >= OPENED_MAX {
            return;
        }
        let question = view.question().cloned();
        self.opened.push(Opened::new(view));
        match question {
            // While the figures stand still, too: it was not asked yet.
            Some(question) if self.question().is_none() => self.wants(Effect::Ask(question)),
            _ => self.ask(),
        }
        self.list();
    }

    /// Back to where this was opened from. A filter goes first.
    pub(super) fn back(&mut self) {
        let (cursor, _) = self.place();
        if !cursor.filter.is_empty() {
            cursor.filter.clear();
        } else if self.opened.pop().is_some() {
            self.ask();
        }
        self.list();
    }
}

/// The stream that a question is about.
const fn stream_of(question: &Question) -> &Name {
    match question {
        Question::Consumers(target) | Question::Pending(target, _) => &target.stream,
        Question::Letters(stream) | Question::Newest(stream) | Question::Entry(stream, _) => stream,
    }
}
