//! Drives the screen: looks at the server when it is due, hands over what happens, draws what has changed.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::LocalBoxFuture;
use tokio::time::{Instant, sleep_until};

use super::looks::{Answered, Looks, ask};
use crate::commands::shared::Context;
use crate::commands::shared::header::name;
use crate::commands::shared::watch::may_pass;
use crate::console::{FullScreen, ScreenEvent, Stop};
use crate::exit::Exit;
use crate::model::{Key, Time, Waits};
use crate::streams::patience::WAITS;
use crate::top::{Effect, Event, State, draw};

/// How often ages on the screen are drawn again while nothing else happens.
const CLOCK: Duration = Duration::from_secs(1);

/// Something to do that may be under way.
type Job<'c, T> = Option<LocalBoxFuture<'c, T>>;

/// Shows the screen until it is left. The first look is made before, so that a server that cannot be asked is said as
/// by any other command.
///
/// # Errors
/// Those of the first look, and later those that trying again does not mend; when the screen cannot be written.
pub(super) async fn drive(
    (every, ticks): (Duration, Option<u64>),
    instead: &str,
    context: &Context,
) -> Result<Exit> {
    let mut looks = Looks::new(context);
    let first = Box::pin(ask(context.connected().await?, context, looks.due())).await?;
    let first = looks.take(first)?;
    let mut screen = context.console.full_screen(instead)?;
    let mut state = State::new(name(context), every, screen.size());
    state.on(Event::Looked(Box::new(first)), Time::now());
    let mut driver = Driver {
        context,
        looks,
        every,
        left: ticks.map(|it| it - 1),
        look: None,
        next: Instant::now() + every,
        waits: WAITS.waits(),
    };
    driver.run(&mut screen, &mut state).await
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
}

/// What comes next.
enum Next {
    Screen(ScreenEvent),
    Looked(Box<Result<Answered>>),
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
            if self.left == Some(0) {
                return Ok(Exit::Done);
            }
            let next = self.next(screen).await;
            match next {
                Next::Screen(ScreenEvent::Stop(Stop::Terminate)) => return Ok(Exit::Terminated),
                // Who leaves it has seen what it was for.
                Next::Screen(ScreenEvent::Stop(Stop::Interrupt)) => return Ok(Exit::Done),
                Next::Screen(ScreenEvent::Resized) => {
                    let (columns, rows) = screen.size();
                    state.on(Event::Resized(columns, rows), Time::now());
                }
                Next::Screen(ScreenEvent::Key(key)) => {
                    state.on(Event::Key(key), Time::now());
                    if is_over(screen, state)? {
                        return Ok(Exit::Done);
                    }
                    if matches!(key, Key::Char('q' | 'Q')) {
                        screen.go_on();
                    }
                }
                Next::Looked(answered) => self.looked(*answered, state)?,
                Next::Due => self.begin_look(),
                Next::Clock => state.on(Event::Waited, Time::now()),
            }
        }
    }

    async fn next(&mut self, screen: &mut FullScreen<'_>) -> Next {
        let clock = tokio::time::sleep(CLOCK);
        tokio::select! {
            biased;
            event = screen.event() => Next::Screen(event),
            answered = under_way(&mut self.look) => Next::Looked(Box::new(answered)),
            () = sleep_until(self.next), if self.look.is_none() => Next::Due,
            () = clock => Next::Clock,
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
                self.left = self.left.map(|it| it - 1);
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

/// Does what the screen wants. Returns whether it is left.
fn is_over(screen: &mut FullScreen<'_>, state: &mut State) -> Result<bool> {
    for effect in state.take_effects() {
        match effect {
            Effect::Quit => return Ok(true),
            Effect::Redraw => screen.clear()?,
        }
    }
    Ok(false)
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
