//! Checks whether a server answers, and what it is.

use std::time::Instant;

use anyhow::Result;

use super::server::unfit;
use crate::model::{Cell, Time, report};
use crate::wire::{Connection, ErrorKind, allowed, documented, has_commands, hello, info, ping};

/// Commands that improve some operations if a server has them; everything works without them.
const OPTIONAL: [&str; 3] = ["XACKDEL", "XDELEX", "XNACK"];

/// Options of commands that improve some operations in the same way.
const OPTIONS: [(&str, &str); 3] = [
    ("XREADGROUP", "CLAIM"),
    ("XADD", "IDMP"),
    ("XREADGROUP", "MAXSIZE"),
];

report! {
    /// What a server says about itself.
    #[derive(Clone, Debug)]
    pub struct Ping {
        /// Its address, without credentials.
        pub address: String => text("ADDRESS"),
        /// `redis` or `valkey`; `None` when the user may not ask.
        pub server: Option<String> => text("SERVER", unknown),
        /// Its version.
        pub version: Option<String> => text("VERSION", unknown),
        /// `standalone` or `cluster`.
        pub mode: Option<String> => text("MODE", unknown),
        /// `master` or `replica`.
        pub role: Option<String> => text("ROLE", unknown),
        /// The time of one request and its reply, in milliseconds.
        pub round_trip_ms: f64 => number("ROUND TRIP MS") by |ping| format!("{:.3}", ping.round_trip_ms).into(),
        /// The optional commands and options that it has.
        pub features: Option<Vec<&'static str>> => text("FEATURES") by Self::features_cell,
        /// Whether acknowledged writes are written to an append-only file.
        pub append_only: Option<bool> => whole("APPEND ONLY", unknown),
        /// When its whole data was last saved.
        pub last_save: Option<Time> => whole("LAST SAVE", unknown),
    }
}

impl Ping {
    fn features_cell(&self) -> Cell {
        match &self.features {
            None => Cell::Unknown,
            Some(names) if names.is_empty() => Cell::Nothing,
            Some(names) => names.join(" ").into(),
        }
    }
}

/// Asks the server behind `connection`. What the user may not ask for stays unknown.
///
/// # Errors
/// When it cannot be asked at all, is too old to work with, or is a sentinel.
pub async fn look(connection: &Connection, address: String) -> Result<Ping> {
    let started = Instant::now();
    let answered = connection.run(ping()).await;
    let round_trip_ms = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    if let Some(problem) = unfit(connection).await {
        return Err(problem.into());
    }
    let (hello, has, options, persistence) = tokio::join!(
        connection.run(hello()),
        connection.run(has_commands(&OPTIONAL)),
        connection.run(documented(&["XADD", "XREADGROUP"])),
        connection.run(info("persistence")),
    );
    let hello = allowed(hello)?;
    let features = allowed(has)?.zip(allowed(options)?);
    let persistence = allowed(persistence)?;
    let is_anything_known = hello.is_some() || features.is_some() || persistence.is_some();
    match answered {
        // What refuses all, and not for want of permission, is not known to be a server of ours.
        Err(error) if !is_anything_known && error.kind != ErrorKind::NoPerm => {
            return Err(error.into());
        }
        answered => drop(allowed(answered)?),
    }
    let said = |name: &str| {
        let (_, value) = persistence.as_ref()?.iter().find(|(key, _)| key == name)?;
        value.parse::<u64>().ok()
    };
    Ok(Ping {
        address,
        round_trip_ms,
        features: features.map(|(has, options)| {
            let commands = OPTIONAL.iter().zip(has);
            let commands = commands.filter(|(_, has)| *has).map(|(name, _)| *name);
            let takes = |command: &str, option: &str| {
                let mut of = options.iter().filter(|(name, _)| name == command);
                of.any(|(_, tokens)| tokens.iter().any(|it| it == option))
            };
            let options = OPTIONS
                .iter()
                .filter(|(command, option)| takes(command, option));
            commands.chain(options.map(|(_, option)| *option)).collect()
        }),
        append_only: said("aof_enabled").map(|enabled| enabled == 1),
        last_save: said("rdb_last_save_time").map(|seconds| Time::from_ms(seconds * 1000)),
        server: hello.as_ref().map(|hello| hello.server.clone()),
        version: hello.as_ref().map(|hello| hello.version.clone()),
        mode: hello.as_ref().map(|hello| hello.mode.clone()),
        role: hello.map(|hello| hello.role),
    })
}
