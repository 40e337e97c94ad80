//! `metrics`: the state of streams and groups, and what is wrong with them, as Prometheus reads it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::ValueHint;

use super::shared::Context;
use super::shared::failure::told_of_denied;
use crate::cli::Impact;
use crate::exit::Exit;
use crate::findings::{Scope, findings};
use crate::model::{Kind, Problem, escaped};
use crate::streams::inspect::{Detail, Observation, Wanted, observe};
use crate::view::{Exposed, exposition};

/// Print the figures of streams and groups as Prometheus reads them
///
/// Contains what `info`, `lag` and `doctor` show of the topology's streams, their groups and the server. Metrics that
/// mean the same as those of `redis_exporter` have the same names: `redis_stream_length`, `redis_stream_group_lag`. A figure
/// that the server does not know has no sample, instead of a made-up 0: a lag that is only known as a bound is in
/// `ucp_streams_group_lag_at_least` and `ucp_streams_group_lag_at_most`. `serve` has the same at /metrics.
///
/// With --textfile, it writes the metrics for the textfile collector of `node_exporter`, for use in a cron job. The file
/// is replaced in one step, so that nobody reads an incomplete file. When the server cannot be asked, the file has
/// `ucp_streams_up 0` and none of the figures of before.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, after_help = "\
Examples:
  ucp-streams metrics
  ucp-streams metrics | grep group_lag
  ucp-streams metrics --textfile ucp_streams.prom && cat ucp_streams.prom")]
pub(super) struct Args {
    /// Write the metrics to this file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    textfile: Option<PathBuf>,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let begun = Instant::now();
    let seen = look(context).await;
    let topology = context.topology()?;
    let found = seen.as_ref().map(|observation| {
        findings(&Scope {
            observation,
            topology,
        })
    });
    let text = exposition(&Exposed {
        observation: seen.as_ref().ok(),
        findings: &found.unwrap_or_default(),
        database: context.dialer()?.endpoint().db,
        seconds: begun.elapsed().as_secs_f64(),
        errors: u64::from(seen.is_err()),
        is_recorded: None,
    });
    match &args.textfile {
        Some(file) => replace(file, &text)?,
        None if seen.is_ok() => context.console.put(text.as_bytes())?,
        None => {}
    }
    Ok(told_of_denied(&seen?.denied, context))
}

async fn look(context: &Context) -> Result<Observation> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    observe(&connection, topology, Wanted::Topology, Detail::Details).await
}

/// Puts `text` in the place of `file`, in one step; every user of the machine may read it, as `node_exporter` must.
fn replace(file: &Path, text: &str) -> Result<(), Problem> {
    let directory = match file.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        let mut next = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(directory)?;
        next.write_all(text.as_bytes())?;
        next.persist(file)?;
        Ok(())
    };
    write().map_err(|error| {
        let shown = escaped(file.as_os_str().as_encoded_bytes());
        // Its own text names the file under which it was to be written first.
        let error = io::Error::from(error.kind());
        let text = format!("cannot write the metrics to {shown}: {error}");
        Problem::new(Kind::Local, text)
            .hint("name a file in a directory that this user may write to")
    })
}
