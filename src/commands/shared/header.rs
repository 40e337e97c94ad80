//! The line that every look begins with on a terminal.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use super::Context;
use crate::settings::ServerChoice;
use crate::streams::about::{About, Alarm, about, about_all};
use crate::streams::inspect::Observation;
use crate::view;
use crate::wire::Connection;

/// How long what is shown waits for it at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the line says, where there is to be one.
#[derive(Debug)]
pub(in crate::commands) struct Header(Option<About>);

/// Who looks for alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Alerts {
    /// The command itself, at all groups of the topology.
    Seen,
    /// Nobody else.
    Asked,
}

impl Header {
    /// Looks, and asks meanwhile what the line is to say. Neither fails the look nor holds it up.
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

    /// The same with the alerts that the command saw.
    #[must_use]
    pub(in crate::commands) fn with(self, seen: &Observation) -> Self {
        Self(self.0.map(|about| About {
            alarm: about.alarm.or_else(|| Some(Alarm::of(seen.groups()))),
            ..about
        }))
    }

    /// What is shown from now on begins with it.
    pub(in crate::commands) fn begin(self, context: &Context) {
        if let Some(about) = self.0 {
            let header = view::Header {
                name: name(context),
                about: &about,
            };
            context
                .console
                .begin_with(header.text(context.console.options()));
        }
    }
}

fn is_shown(context: &Context) -> bool {
    let options = context.console.options();
    options.on_screen() && options.headers && !context.console.is_quiet()
}

/// The context, else the address.
fn name(context: &Context) -> String {
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
