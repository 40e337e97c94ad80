//! How a change begins, and what keys do in the dialogs that lead to it.

use super::action::{Access, Action, Dialog, Proposal, Selected};
use super::event::Effect;
use super::lists::RowKey;
use super::state::State;
use super::view::{Answer, Question, View};
use crate::model::{EntryId, Key, Name, Tone};
use crate::streams::inspect::GroupReport;
use crate::streams::retry_stream::Route;
use crate::streams::target::Target;

/// The longest answer, in characters.
const TYPED_MAX: usize = 200;

impl State {
    /// Begins a change of what is chosen, or of all that the view is about.
    pub(super) fn begin(&mut self, key: char) {
        match &self.access {
            Access::Write => {}
            Access::ReadOnly(why) => {
                let text = format!("read-only: {why}");
                return self.say(Tone::Warn, &text);
            }
            Access::Locked(_) => return self.unlock(),
        }
        let is_all = key.is_ascii_uppercase();
        match (key.to_ascii_lowercase(), self.subject(is_all)) {
            ('c', Some(Subject::Group(target, which))) => self.choose_recipient(target, which),
            ('r', Some(Subject::Group(target, which))) => self.plan(Action::Requeue {
                target,
                which,
                route: Route::OneGroup,
            }),
            ('r', Some(Subject::Letters(stream, id))) => self.plan(Action::Redrive {
                stream,
                id,
                route: Route::OneGroup,
            }),
            ('c', _) => self.say(
                Tone::Warn,
                "choose a group, a consumer or a pending entry to claim",
            ),
            _ => self.say(
                Tone::Warn,
                "choose a group, a consumer, a pending entry or a dead letter",
            ),
        }
    }

    /// Asks for the name of the production context, or locks it again.
    pub(super) fn unlock(&mut self) {
        match &self.access {
            Access::Locked(name) => {
                let (name, typed) = (name.clone(), String::new());
                self.dialog = Some(Dialog::Unlock { name, typed });
            }
            Access::Write => match &self.production {
                Some(name) => {
                    self.access = Access::Locked(name.clone());
                    self.say(Tone::Plain, "read-only again");
                }
                None => self.say(Tone::Plain, "changes are allowed; each asks first"),
            },
            Access::ReadOnly(why) => {
                let text = format!("read-only: {why}");
                self.say(Tone::Warn, &text);
            }
        }
    }

    fn subject(&self, is_all: bool) -> Option<Subject> {
        let chosen = self.cursor().row(&self.rows).map(|it| &it.key);
        match (self.opened.last().map(|it| &it.view), chosen) {
            (None, Some(RowKey::Group(target))) => {
                Some(Subject::Group(target.clone(), Selected::Stale))
            }
            (Some(View::Asked(Question::Consumers(target))), chosen) => {
                let which = match chosen {
                    Some(RowKey::Consumer(name)) if !is_all => Selected::StaleOf(name.clone()),
                    _ => Selected::Stale,
                };
                Some(Subject::Group(target.clone(), which))
            }
            (Some(View::Asked(Question::Pending(target, consumer))), chosen) => {
                let which = match (chosen, consumer) {
                    (Some(RowKey::Entry(_, id)), _) if !is_all => Selected::Entry(*id),
                    (_, Some(consumer)) => Selected::StaleOf(consumer.clone()),
                    (_, None) => Selected::Stale,
                };
                Some(Subject::Group(target.clone(), which))
            }
            (Some(View::Asked(Question::Letters(stream))), chosen) => {
                let id = match chosen {
                    Some(RowKey::Entry(_, id)) if !is_all => Some(*id),
                    _ => None,
                };
                Some(Subject::Letters(stream.clone(), id))
            }
            _ => None,
        }
    }

    fn choose_recipient(&mut self, target: Target, which: Selected) {
        let group = self.group(&target);
        let may_see = group.is_some_and(|it| it.live.is_some());
        let mut consumers = group
            .map(GroupReport::consumers_by_idle)
            .unwrap_or_default();
        if let Some(holder) = self.holder(&target, &which) {
            consumers.retain(|it| it.name != holder);
        }
        if consumers.is_empty() {
            let why = if may_see {
                "no other consumer could get them: start a worker, or use claim --work".to_owned()
            } else {
                let group = &target.group;
                format!(
                    "this user may not see the consumers of {group}: name one with claim --to, or use claim --work"
                )
            };
            return self.say(Tone::Warn, &why);
        }
        self.dialog = Some(Dialog::Recipient {
            target,
            which,
            consumers,
            at: 0,
        });
    }

    /// The one consumer that holds all of these entries, if that is known.
    fn holder(&self, target: &Target, which: &Selected) -> Option<Name> {
        match which {
            Selected::StaleOf(holder) => Some(holder.clone()),
            Selected::Entry(id) => {
                let opened = self.opened.last()?;
                let Some(Ok(Answer::Pending(report))) = &opened.answer else {
                    return None;
                };
                let row = report.entries.iter().find(|it| it.id == *id)?;
                row.consumer.clone()
            }
            Selected::Stale => {
                let consumers = self.group(target)?.consumers.iter();
                let mut holders = consumers.filter(|it| it.pending > 0);
                let only = holders.next()?;
                holders.next().is_none().then(|| only.name.clone())
            }
        }
    }

    fn plan(&mut self, action: Action) {
        self.dialog = Some(Dialog::Planning(action.clone()));
        self.wants(Effect::Plan(action));
    }

    /// A plan was made, or could not be made.
    pub(super) fn planned(&mut self, planned: Result<Box<Proposal>, Vec<String>>) {
        let Some(Dialog::Planning(action)) = &self.dialog else {
            return;
        };
        let action = action.clone();
        self.dialog = Some(match planned {
            Ok(proposal) => Dialog::Consent {
                action,
                proposal,
                typed: String::new(),
            },
            Err(why) => Dialog::Refused { action, why },
        });
    }

    /// So many entries of the change that is under way were tried. Returns whether that are others than before.
    pub(super) fn progressed(&mut self, tried: u64) -> bool {
        match &mut self.dialog {
            Some(Dialog::Applying(_, before)) => std::mem::replace(before, tried) != tried,
            _ => false,
        }
    }

    /// A change has ended like this.
    pub(super) fn applied(&mut self, lines: Vec<(Tone, String)>) {
        self.dialog = None;
        self.results = lines;
        self.ask();
    }

    pub(super) fn say(&mut self, tone: Tone, text: &str) {
        self.results = vec![(tone, text.to_owned())];
    }

    /// A key while a dialog is open.
    pub(super) fn answer(&mut self, key: Key) {
        let Some(dialog) = &mut self.dialog else {
            return;
        };
        if let Some(typed) = dialog.typed() {
            match key {
                Key::Char(character) if typed.chars().count() < TYPED_MAX => typed.push(character),
                Key::Backspace => _ = typed.pop(),
                Key::Kill => typed.clear(),
                _ => {}
            }
        }
        match (&mut *dialog, key) {
            // A change that has begun is not left by accident: it stops before its next entries.
            (Dialog::Applying(..), Key::Char('q' | 'Q')) => self.wants(Effect::Quit),
            (Dialog::Applying(..), _) => {}
            (_, Key::Esc) => {
                self.dialog = None;
                self.say(Tone::Plain, "nothing was changed");
            }
            (Dialog::Recipient { at, .. }, Key::Up | Key::Char('k')) => *at = at.saturating_sub(1),
            (Dialog::Recipient { at, consumers, .. }, Key::Down | Key::Char('j')) => {
                *at = (*at + 1).min(consumers.len() - 1);
            }
            (
                Dialog::Recipient {
                    target,
                    which,
                    consumers,
                    at,
                },
                Key::Enter,
            ) => {
                let action = Action::Claim {
                    target: target.clone(),
                    which: which.clone(),
                    to: consumers[*at].name.clone(),
                };
                self.plan(action);
            }
            (Dialog::Refused { action, .. }, Key::Char(key @ ('a' | 'v'))) => {
                let way = match key {
                    'a' => Route::AllGroups,
                    _ => Route::RetryStream,
                };
                if let Some(action) = action.by(way) {
                    self.plan(action);
                }
            }
            (Dialog::Refused { .. }, Key::Enter | Key::Char('q')) => self.dialog = None,
            (Dialog::Consent { action, typed, .. }, Key::Enter) => {
                let (action, typed) = (action.clone(), typed.clone());
                self.dialog = Some(Dialog::Applying(action, 0));
                self.wants(Effect::Apply(typed));
            }
            (Dialog::Unlock { name, typed }, Key::Enter) => {
                let (is_right, name) = (typed == name, name.clone());
                self.dialog = None;
                if is_right {
                    self.access = Access::Write;
                    let text =
                        format!("changes to {name} are allowed; each asks first; w locks again");
                    self.say(Tone::Warn, &text);
                } else {
                    self.say(Tone::Warn, &format!("that was not {name}: still read-only"));
                }
            }
            _ => {}
        }
    }
}

/// What a change is about.
enum Subject {
    Group(Target, Selected),
    Letters(Name, Option<EntryId>),
}
