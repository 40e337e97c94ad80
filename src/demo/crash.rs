//! A worker that crashes: a separate process with messages in flight, killed without warning.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::time::sleep;

use crate::model::{Name, Problem};
use crate::topology::GroupSpec;
use crate::wire::{Connection, Endpoint, xpending};

/// The number of its handlers, and of the messages in flight when it is killed: half of them running, half waiting.
const HANDLERS: u64 = 8;
const IN_HAND: u64 = 2 * HANDLERS;
const PATIENCE: Duration = Duration::from_mins(1);

/// A running worker process whose handlers never end. It is killed when this is dropped.
#[derive(Debug)]
pub struct Victim {
    process: Child,
    name: Name,
}

impl Victim {
    /// Starts it on `group` at `server`; a password is passed in the environment.
    ///
    /// # Errors
    /// When this program cannot be started again.
    pub fn start(program: &Path, server: &Endpoint, group: &GroupSpec) -> Result<Self> {
        let name = Name::from("demo-victim");
        let mut command = Command::new(program);
        if let Some(password) = &server.password {
            command.env("UCP_STREAMS_PASSWORD", password);
        }
        let url = Endpoint {
            password: None,
            ..server.clone()
        }
        .to_string();
        let tls = &server.tls_options;
        for (flag, file) in [
            ("--tls-ca", &tls.ca),
            ("--tls-cert", &tls.cert),
            ("--tls-key", &tls.key),
        ] {
            if let Some(file) = file {
                command.arg(flag).arg(file);
            }
        }
        if let Some(name) = &tls.server_name {
            command.args(["--tls-server-name", name]);
        }
        let process = command
            .args([
                "--quiet",
                "worker",
                "run",
                &group.name.to_string(),
                "--stream",
            ])
            .arg(group.stream.to_string())
            .args([
                "--consumer",
                "demo-victim",
                "--concurrency",
                &HANDLERS.to_string(),
                // What others wait for before they take over what it held: no longer than they do themselves.
                "--claim-idle",
                &format!("{}ms", GroupSpec::CLAIM_IDLE_MIN.as_millis()),
            ])
            .args(["--exec", "--", "sleep", "600"])
            .env("UCP_STREAMS_URL", url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a worker process")?;
        Ok(Self { process, name })
    }

    /// Waits until it has messages in flight. Returns how many, or how it ended if it ended before that.
    ///
    /// # Errors
    /// When it does not get any in time; errors of the server.
    pub async fn await_messages(
        &mut self,
        connection: &Connection,
        group: &GroupSpec,
    ) -> Result<Result<u64, ExitStatus>> {
        let started = Instant::now();
        loop {
            let pending = connection.run(xpending(&group.stream, &group.name)).await?;
            let held = pending
                .consumers
                .iter()
                .find(|(name, _)| *name == self.name);
            match held {
                Some((_, count)) if *count >= IN_HAND => return Ok(Ok(*count)),
                _ if started.elapsed() > PATIENCE => {
                    bail!(Problem::new(
                        crate::model::Kind::Bug,
                        "the worker that is to be killed received no messages"
                    ))
                }
                _ => {}
            }
            let ended = self.process.try_wait();
            if let Some(status) = ended.context("cannot watch the worker process")? {
                return Ok(Err(status));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it with a signal that it cannot catch, as in a crash.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(mut self) -> Result<()> {
        self.process
            .kill()
            .context("cannot kill the worker process")?;
        self.process
            .wait()
            .context("cannot wait for the worker process")?;
        Ok(())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
