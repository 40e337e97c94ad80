//! The header line that read-only commands show on a terminal.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use super::Context;
use crate::model::Time;
use crate::settings::ServerChoice;
use crate::streams::about::{About, Alarm, about, about_all};
use crate::streams::inspect::Observation;
use crate::view;
use crate::wire::Connection;

/// The longest time that the output waits for the header.
const PATIENCE: Duration = Duration::from_millis(100);

/// The content of the header; `None` when no header is shown.
#[derive(Debug)]
pub(in crate::commands) struct Header(Option<About>);

/// Where the alerts in the header come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Alerts {
    /// The command itself, which observes all groups of the topology.
    Seen,
    /// A query of the header's own, because the command does not observe the groups.
    Asked,
}

impl Header {
    /// Runs `look` and collects the content of the header at the same time. The header neither makes the command fail
    /// nor delays it.
    pub(in crate::commands) fn beside<'a, T: 'a>(
        connection: &'a Connection,
        alerts: Alerts,
        context: &'a Context,
        look: impl Future<Output = T> + 'a,
    ) -> LocalBoxFuture<'a, (Self, T)> {
        if !is_shown(context) {
            return look.map(|seen| (Self(None), seen)).boxed_local();
        }
        let asked = async move {
            match (alerts, context.topology()) {
                (Alerts::Asked, Ok(topology)) => about_all(connection, topology).await,
                _ => about(connection).await,
            }
        };
        let (mut asked, mut look) = (asked.boxed_local(), look.boxed_local());
        async move {
            let mut said = None;
            let seen = loop {
                tokio::select! {
                    seen = &mut look => break seen,
                    answer = &mut asked, if said.is_none() => said = Some(answer),
                }
            };
            if said.is_none() {
                said = tokio::time::timeout(PATIENCE, asked).await.ok();
            }
            (Self(Some(said.unwrap_or_default())), seen)
        }
        .boxed_local()
    }

    /// The same, with the alerts that the command observed.
    #[must_use]
    pub(in crate::commands) fn with(self, seen: &Observation) -> Self {
        Self(self.0.map(|about| About {
            alarm: about.alarm.or_else(|| Some(Alarm::of(seen.groups()))),
            ..about
        }))
    }

    /// Writes the header before everything that is shown from now on.
    pub(in crate::commands) fn begin(self, context: &Context) {
        if let Some(mut about) = self.0 {
            let every = context.console.repeats_every();
            if every.is_some() {
                // What is drawn again and again says of when it is.
                about.now = about.now.or_else(|| Some(Time::now()));
            }
            let header = view::Header {
                name: name(context),
                about: &about,
                every,
            };
            let console = &context.console;
            console.begin_with(header.text(&console.present()));
        }
    }
}

fn is_shown(context: &Context) -> bool {
    let options = context.console.options();
    options.on_screen() && options.headers && !context.console.is_quiet()
}

/// The name of the context, or the server's address when there is no context.
pub(in crate::commands) fn name(context: &Context) -> String {
    let ServerChoice::Server(endpoint) = &context.settings.target.value else {
        return "ephemeral:".to_owned();
    };
    let name = context.settings.context.clone();
    let name = name.unwrap_or_else(|| endpoint.address());
    match endpoint.db {
        0 => name,
        db => format!("{name} (database {db})"),
    }
}
