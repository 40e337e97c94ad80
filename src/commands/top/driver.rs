//! Drives the screen: looks at the server when it is due, hands over what happens, does what is wanted, draws what has
//! changed.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::LocalBoxFuture;
use tokio::time::{Instant, sleep_until};

use super::actions::{Planned, failed, plan};
use super::asked;
use super::change::Change;
use super::ended::Ended;
use super::looks::{Answered, Looks, ask};
use crate::commands::shared::Context;
use crate::commands::shared::header::name;
use crate::commands::shared::watch::may_pass;
use crate::console::{FullScreen, ScreenEvent, Signals, Stop};
use crate::exit::{Exit, classify};
use crate::model::{Key, Time, Waits};
use crate::settings::Protected;
use crate::streams::patience::WAITS;
use crate::top::{
    Access, Action, Answer, Effect, Event, Proposal, Question, State, Unanswered, draw,
};

/// How often ages on the screen are drawn again while nothing else happens.
const CLOCK: Duration = Duration::from_secs(1);

/// Something to do that may be under way.
type Job<'c, T> = Option<LocalBoxFuture<'c, T>>;

/// What is asked of a screen when it is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'w> {
    pub(super) every: Duration,
    pub(super) ticks: Option<u64>,
    pub(super) is_read_only: bool,
    /// Whether changes are allowed on a production server from the beginning.
    pub(super) may_write: bool,
    /// The command to suggest where there is no screen.
    pub(super) instead: &'w str,
}

/// Shows the screen until it is left. The first look is made before, so that a server that cannot be asked is said as
/// by any other command.
///
/// # Errors
/// Those of the first look, and later those that trying again does not mend; when the screen cannot be written.
pub(super) async fn drive(wanted: Wanted<'_>, context: &Context) -> Result<Exit> {
    let mut looks = Looks::new(context);
    let first = Box::pin(ask(context.connected().await?, context, looks.due())).await?;
    let first = looks.take(first)?;
    let protected = context.protected().await?;
    let production = protected.as_ref().map(|it| it.name.clone());
    let access = match &production {
        _ if wanted.is_read_only => Access::ReadOnly("started with --read-only"),
        Some(name) if !wanted.may_write => Access::Locked(name.clone()),
        _ => Access::Write,
    };
    let mut screen = context.console.full_screen(wanted.instead)?;
    let state = State::new(name(context), wanted.every, screen.size());
    let mut state = state.with_access(access, production);
    state.on(Event::Looked(Box::new(first)), Time::now());
    let mut driver = Driver {
        context,
        looks,
        every: wanted.every,
        left: wanted.ticks.map(|it| it - 1),
        look: None,
        next: Instant::now() + wanted.every,
        waits: WAITS.waits(),
        question: None,
        asked: None,
        planning: None,
        planned: None,
        change: None,
        protected,
    };
    let left = driver.run(&mut screen, &mut state).await;
    let Some(change) = driver.change.take() else {
        return left;
    };
    // Whatever ends it: what was done is told where it can be read.
    let signals = Signals::catch()?;
    drop(screen);
    change.finish(left, signals, context).await
}

struct Driver<'c> {
    context: &'c Context,
    looks: Looks<'c>,
    every: Duration,
    /// How many more looks there are to be, if that is limited.
    left: Option<u64>,
    /// The look that is under way.
    look: Job<'c, Result<Answered>>,
    /// When the next one begins.
    next: Instant,
    /// The waits between looks that fail.
    waits: Waits,
    /// What a view asks.
    question: Job<'c, (Question, Result<Answer, Unanswered>)>,
    /// What that is.
    asked: Option<Question>,
    /// The plan that is being made.
    planning: Job<'c, Result<(Planned, Proposal), Vec<String>>>,
    /// The plan that waits for consent.
    planned: Option<Planned>,
    /// The change that is under way.
    change: Option<Change<'c>>,
    /// The production context of the server.
    protected: Option<Protected>,
}

/// What comes next.
enum Next {
    Screen(ScreenEvent),
    Looked(Box<Result<Answered>>),
    Answered(Question, Result<Answer, Unanswered>),
    Planned(Box<Result<(Planned, Proposal), Vec<String>>>),
    Applied(Box<Ended>),
    Due,
    Clock,
}

impl Driver<'_> {
    async fn run(&mut self, screen: &mut FullScreen<'_>, state: &mut State) -> Result<Exit> {
        let theme = self.context.console.options().theme;
        loop {
            if state.take_changed() {
                screen.draw(|frame| draw(frame, state, theme))?;
            }
            if self.left == Some(0) && self.change.is_none() {
                return Ok(Exit::Done);
            }
            match self.next(screen).await {
                Next::Screen(event) => {
                    if let Some(exit) = self.at_screen(event, screen, state)? {
                        return Ok(exit);
                    }
                }
                next => self.done(next, screen, state)?,
            }
        }
    }

    async fn next(&mut self, screen: &mut FullScreen<'_>) -> Next {
        let clock = tokio::time::sleep(CLOCK);
        tokio::select! {
            biased;
            event = screen.event() => Next::Screen(event),
            ended = ended(&mut self.change) => Next::Applied(Box::new(ended)),
            planned = under_way(&mut self.planning) => Next::Planned(Box::new(planned)),
            (question, answer) = under_way(&mut self.question) => Next::Answered(question, answer),
            answered = under_way(&mut self.look) => Next::Looked(Box::new(answered)),
            () = sleep_until(self.next), if self.look.is_none() => Next::Due,
            () = clock => Next::Clock,
        }
    }

    /// Something happened at the terminal. Returns how to end, if that is it.
    fn at_screen(
        &mut self,
        event: ScreenEvent,
        screen: &mut FullScreen<'_>,
        state: &mut State,
    ) -> Result<Option<Exit>> {
        match event {
            ScreenEvent::Stop(stop) => {
                return Ok(Some(match stop {
                    // Who leaves it has seen what it was for.
                    Stop::Interrupt if self.change.is_none() => Exit::Done,
                    stop => stop.into(),
                }));
            }
            ScreenEvent::Resized => {
                let (columns, rows) = screen.size();
                state.on(Event::Resized(columns, rows), Time::now());
            }
            ScreenEvent::Key(key) => {
                state.on(Event::Key(key), Time::now());
                for effect in state.take_effects() {
                    match effect {
                        Effect::Quit => return Ok(Some(Exit::Done)),
                        Effect::Redraw => screen.clear()?,
                        Effect::Ask(question) => self.ask(question),
                        Effect::Plan(action) => self.plan(action),
                        // Keys of a recording.
                        Effect::Step(_) | Effect::Hold => {}
                        Effect::Apply(typed) => self.apply(typed),
                    }
                }
                if matches!(key, Key::Char('q' | 'Q')) {
                    screen.go_on();
                }
            }
        }
        Ok(None)
    }

    /// A job is done, or time has passed.
    fn done(&mut self, next: Next, screen: &mut FullScreen<'_>, state: &mut State) -> Result<()> {
        let now = Time::now();
        match next {
            Next::Screen(_) => {}
            Next::Looked(answered) => self.looked(*answered, state)?,
            Next::Answered(question, answer) => state.on(Event::Answered(question, answer), now),
            Next::Planned(planned) => {
                let planned = match *planned {
                    Ok((planned, mut proposal)) => {
                        self.planned = Some(planned);
                        proposal.warnings = screen.take_said();
                        Ok(Box::new(proposal))
                    }
                    Err(mut lines) => {
                        lines.extend(screen.take_said());
                        Err(lines)
                    }
                };
                state.on(Event::Planned(planned), now);
            }
            Next::Applied(ended) => {
                // What a change has mended is not to be shown for minutes.
                self.looks.forget();
                self.next = Instant::now();
                // An answer that is under way may be one of before.
                self.question = None;
                state.on(Event::Applied(ended.lines(self.context)), now);
            }
            Next::Due => self.begin_look(),
            Next::Clock => state.on(Event::Waited, now),
        }
        if let Some(change) = &self.change {
            state.on(Event::Progressed(change.tried()), now);
        }
        for effect in state.take_effects() {
            if let Effect::Ask(question) = effect {
                self.ask(question);
            }
        }
        Ok(())
    }

    /// Asks the server, unless it is being asked that already.
    fn ask(&mut self, question: Question) {
        let is_asked = self.asked.as_ref() == Some(&question);
        if is_asked && self.question.is_some() {
            return;
        }
        self.asked = Some(question.clone());
        let context = self.context;
        self.question = Some(Box::pin(async move {
            let answer = asked::ask(question.clone(), context).await;
            let answer = answer.map_err(|error| {
                let is_away = classify(&error) == Exit::Unavailable;
                let why = if is_away {
                    format!("{error:#}")
                } else {
                    context.console.error_text(&error)
                };
                Unanswered { why, is_away }
            });
            (question, answer)
        }));
    }

    fn plan(&mut self, action: Action) {
        let (context, protected) = (self.context, self.protected.clone());
        self.planned = None;
        self.planning = Some(Box::pin(async move {
            match plan(action, protected.as_ref(), context).await {
                Ok(planned) => Ok(planned),
                Err(error) => Err(failed(error, context).await),
            }
        }));
    }

    /// Begins the change that was planned, if `typed` is consent to it.
    fn apply(&mut self, typed: String) {
        if let Some(planned) = self.planned.take() {
            self.change = Some(Change::begin(planned, typed, self.context));
        }
    }

    fn begin_look(&mut self) {
        let (context, asked) = (self.context, self.looks.due());
        self.next = Instant::now() + self.every;
        self.look = Some(Box::pin(async move {
            let connection = context.connected().await?;
            Box::pin(ask(connection, context, asked)).await
        }));
    }

    fn looked(&mut self, answered: Result<Answered>, state: &mut State) -> Result<()> {
        match answered {
            Ok(answered) => {
                self.waits.succeeded();
                self.left = self.left.map(|it| it.saturating_sub(1));
                let look = self.looks.take(answered)?;
                state.on(Event::Looked(Box::new(look)), Time::now());
            }
            Err(error) if may_pass(&error) => {
                self.context.forget_connection();
                self.looks.forget();
                self.next = Instant::now() + self.waits.failed();
                state.on(Event::Failed(format!("{error:#}")), Time::now());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// The result of a job once it is done; never, where there is none.
async fn under_way<T>(job: &mut Job<'_, T>) -> T {
    let Some(running) = job else {
        return std::future::pending().await;
    };
    let done = running.await;
    *job = None;
    done
}

/// How the change ended once it has; never, where there is none.
async fn ended(change: &mut Option<Change<'_>>) -> Ended {
    let Some(running) = change else {
        return std::future::pending().await;
    };
    let ended = running.ended().await;
    *change = None;
    ended
}
