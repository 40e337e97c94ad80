//! Plays a recording on the same screen: sample after sample, to and fro. The server is not asked.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep_until};

use crate::commands::shared::Context;
use crate::commands::shared::recorded::not_recorded;
use crate::console::{FullScreen, ScreenEvent, Stop};
use crate::exit::Exit;
use crate::model::{Key, Time};
use crate::recording::{self, Recording, Sample, Span};
use crate::streams::about::About;
use crate::streams::consumers::Member;
use crate::streams::target::Target;
use crate::top::{Access, Answer, Effect, Event, Look, Question, State, Unanswered, draw};

/// How many samples before the one that is shown are taken in, so that it is seen which way each lag goes.
const BEFORE: usize = 12;

/// Plays a recording, a sample in each `every`, from the last one not after `at`, or from the first.
///
/// # Errors
/// Not found when nothing was recorded until that time; those of reading it; when the screen cannot be written.
pub(super) async fn replay(
    (recording, span): (Recording, Span),
    at: Option<Time>,
    every: Duration,
    instead: &str,
    context: &Context,
) -> Result<Exit> {
    let times = recording.times(Time::from_ms(0), Time::from_ms(u64::MAX))?;
    let begin = match at {
        None => 0,
        Some(at) => {
            let before = times.iter().enumerate().filter(|(_, it)| **it <= at);
            // Where the clock was put back, the last one is not the latest.
            let latest = before.max_by_key(|(_, it)| **it).map(|(place, _)| place);
            latest.ok_or_else(|| not_recorded(&recording, &span, "at or before", at))?
        }
    };
    let mut screen = context.console.full_screen(instead)?;
    let state = State::new(span.server, every, screen.size());
    let mut player = Player {
        recording,
        times,
        place: begin,
        state: state
            .with_access(Access::ReadOnly("a recording"), None)
            .recorded(),
        is_held: at.is_some(),
        every,
    };
    player.state.hold(player.is_held);
    player.show()?;
    player.run(&mut screen, context).await
}

struct Player {
    recording: Recording,
    /// The times of all samples.
    times: Vec<Time>,
    /// Which of them is shown.
    place: usize,
    state: State,
    /// Whether it stands still.
    is_held: bool,
    every: Duration,
}

impl Player {
    async fn run(&mut self, screen: &mut FullScreen<'_>, context: &Context) -> Result<Exit> {
        let theme = context.console.options().theme;
        let mut next = Instant::now() + self.every;
        loop {
            if self.state.take_changed() {
                screen.draw(|frame| draw(frame, &self.state, theme))?;
            }
            let goes_on = !self.is_held && self.place + 1 < self.times.len();
            tokio::select! {
                biased;
                event = screen.event() => if let Some(exit) = self.at_screen(event, screen)? {
                    return Ok(exit);
                },
                () = sleep_until(next), if goes_on => {
                    next = Instant::now() + self.every;
                    self.place += 1;
                    self.take_in(self.place..=self.place)?;
                }
            }
        }
    }

    fn at_screen(
        &mut self,
        event: ScreenEvent,
        screen: &mut FullScreen<'_>,
    ) -> Result<Option<Exit>> {
        let now = self.times[self.place];
        match event {
            ScreenEvent::Stop(Stop::Terminate) => return Ok(Some(Exit::Terminated)),
            ScreenEvent::Stop(Stop::Interrupt) => return Ok(Some(Exit::Done)),
            ScreenEvent::Resized => {
                let (columns, rows) = screen.size();
                self.state.on(Event::Resized(columns, rows), now);
            }
            ScreenEvent::Key(key) => {
                self.state.on(Event::Key(key), now);
                for effect in self.state.take_effects() {
                    match effect {
                        Effect::Quit => return Ok(Some(Exit::Done)),
                        Effect::Redraw => screen.clear()?,
                        Effect::Step(by) => self.step(by)?,
                        Effect::Hold => {
                            self.is_held = !self.is_held;
                            self.state.hold(self.is_held);
                        }
                        Effect::Ask(question) => self.answer(question, now),
                        Effect::Plan(_) | Effect::Apply(_) => {}
                    }
                }
                if matches!(key, Key::Char('q' | 'Q')) {
                    screen.go_on();
                }
            }
        }
        Ok(None)
    }

    /// Shows the sample that is so many further.
    fn step(&mut self, by: isize) -> Result<()> {
        let last = self.times.len() - 1;
        self.place = self.place.saturating_add_signed(by).min(last);
        self.show()
    }

    /// Shows the sample, and takes in those just before it, all in one reading.
    fn show(&mut self) -> Result<()> {
        self.take_in(self.place.saturating_sub(BEFORE)..=self.place)
    }

    /// Takes in the samples at these places. What was removed since is not there: recordings are bounded.
    fn take_in(&mut self, places: RangeInclusive<usize>) -> Result<()> {
        let times = &self.times[places];
        let range = times.iter().min().zip(times.iter().max());
        let Some((first, last)) = range else {
            return Ok(());
        };
        // Where the clock was put back, others have a time within this, too.
        let taken: Vec<Sample> = self
            .recording
            .between(*first, *last)?
            .filter(|it| it.as_ref().map_or(true, |it| times.contains(&it.at)))
            .collect::<Result<_, _>>()?;
        for sample in taken {
            self.see(sample);
        }
        Ok(())
    }

    fn see(&mut self, sample: Sample) {
        let at = sample.at;
        self.state.on(event_of(sample), at);
        for effect in self.state.take_effects() {
            if let Effect::Ask(question) = effect {
                self.answer(question, at);
            }
        }
    }

    /// Answers from the sample that is shown.
    fn answer(&mut self, question: Question, now: Time) {
        let members = match &question {
            Question::Consumers(target) => self.state.group(target).map(|group| {
                let Target {
                    stream,
                    group: name,
                } = target;
                let of = |it| Member::new(stream, name, it);
                group.consumers.iter().map(of).collect()
            }),
            _ => None,
        };
        let answer = members.map(Answer::Consumers);
        let answer = answer.ok_or_else(|| Unanswered {
            why: "a recording has figures and findings, and no entries".to_owned(),
            is_away: false,
        });
        self.state.on(Event::Answered(question, answer), now);
    }
}

fn event_of(Sample { at, look }: Sample) -> Event {
    match look {
        recording::Look::Failed(why) => Event::Failed(why),
        recording::Look::Seen(seen) => Event::Looked(Box::new(Look {
            at,
            about: About {
                now: Some(at),
                ..About::default()
            },
            memory: None,
            denied: seen.denied.into_iter().map(|it| it.stream).collect(),
            streams: seen.streams,
            doctor: seen.doctor,
            last_change: None,
        })),
    }
}
