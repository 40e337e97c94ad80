//! `--watch`: one look after the other, until it is told to stop.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Error, Result};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::context::Context;
use crate::cli::Watched;
use crate::console::{Event, Signals, Stop, Watch};
use crate::exit::{Exit, Verdict, classify};
use crate::streams::patience::WAITS;

/// Looks once, or as often as `watched` says. Then it ends as its last look did when it is told to stop.
///
/// # Errors
/// Those of the first look, and later those that trying again does not mend.
pub(in crate::commands) async fn repeatedly(
    watched: Watched,
    context: &Context,
    look: impl AsyncFn() -> Result<Exit>,
) -> Result<Exit> {
    // What a command does in one look is large, and this is held over all of them.
    let look = || Box::pin(look());
    let Some(every) = watched.every() else {
        return look().await;
    };
    let mut watching = Watching {
        signals: Signals::catch()?,
        shown: context.console.watch(every),
        is_resized: false,
    };
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut waits = WAITS.waits();
    let (mut last, mut left) = (None, watched.ticks());
    loop {
        watching.is_resized = false;
        watching.shown.begin();
        let looked = match watching.beside(look()).await? {
            Ended::By(looked) => looked,
            Ended::Told(why) => return Ok(exit_of(why, last, left)),
        };
        let wait = match looked {
            Ok(exit) => {
                watching.shown.end()?;
                waits.succeeded();
                last = Some(exit);
                left = left.map(|left| left - 1);
                if left == Some(0) {
                    return Ok(exit);
                }
                None
            }
            Err(error) if last.is_some() && may_pass(&error) => {
                context.forget_connection();
                watching.shown.failed(&format!("{error:#}"))?;
                last = last.map(unless_a_verdict);
                Some(waits.failed())
            }
            Err(error) => return Err(error),
        };
        let mut waited = match wait {
            Some(wait) => watching.beside(sleep(wait)).await?,
            None if watching.is_resized => Ended::By(()),
            None => {
                let tick = async {
                    ticks.tick().await;
                };
                watching.until_resized(tick).await?
            }
        };
        if wait.is_none() && watching.is_resized && matches!(waited, Ended::By(())) {
            waited = watching.beside(sleep(SETTLES)).await?;
        }
        if let Ended::Told(why) = waited {
            return Ok(exit_of(why, last, left));
        }
    }
}

/// A screen that is drawn to another size changes many times: this long after the first time it is laid out anew.
const SETTLES: Duration = Duration::from_millis(200);

/// Whether another look may go well where this one failed: the server is away, or what is looked at.
pub(in crate::commands) fn may_pass(error: &Error) -> bool {
    matches!(classify(error), Exit::Unavailable | Exit::NotFound)
}

/// While nobody can look there is no verdict.
const fn unless_a_verdict(exit: Exit) -> Exit {
    match exit {
        Exit::Verdict(_) => Exit::Verdict(Verdict::Unknown),
        exit => exit,
    }
}

/// How a watch ends that was told to. Who leaves it has seen what it was for; who wanted more looks has not.
fn exit_of(why: Why, last: Option<Exit>, left: Option<u64>) -> Exit {
    match (why, last) {
        (Why::Quit | Why::Signal(Stop::Interrupt), Some(exit)) if left.is_none() => exit,
        (Why::Quit, _) => Exit::Interrupted,
        (Why::Signal(stop), _) => stop.into(),
    }
}

/// What told it to end.
#[derive(Clone, Copy, Debug)]
enum Why {
    Quit,
    Signal(Stop),
}

/// How a wait ended.
enum Ended<T> {
    By(T),
    Told(Why),
}

struct Watching<'c> {
    signals: Signals,
    shown: Watch<'c>,
    is_resized: bool,
}

impl Watching<'_> {
    /// Waits for `work`, and for what happens beside it.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<Ended<T>> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                stop = self.signals.next() => return Ok(Ended::Told(Why::Signal(stop))),
                event = self.shown.event() => match event {
                    Event::Quit => return Ok(Ended::Told(Why::Quit)),
                    Event::Resized => {
                        self.is_resized = true;
                        self.shown.draw()?;
                    }
                },
                done = &mut work => return Ok(Ended::By(done)),
            }
        }
    }

    /// Waits as long, but no longer than until the screen has another size: what it shows is then laid out anew.
    async fn until_resized(&mut self, wait: impl Future<Output = ()>) -> Result<Ended<()>> {
        let mut wait = pin!(wait);
        tokio::select! {
            biased;
            stop = self.signals.next() => Ok(Ended::Told(Why::Signal(stop))),
            event = self.shown.event() => match event {
                Event::Quit => Ok(Ended::Told(Why::Quit)),
                Event::Resized => {
                    self.is_resized = true;
                    self.shown.draw()?;
                    Ok(Ended::By(()))
                }
            },
            () = &mut wait => Ok(Ended::By(())),
        }
    }
}
