//! Which handler a worker runs: the one given by flags, or else the topology's.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::commands::shared::proxy::proxy_for;
use crate::model::{Name, Problem, escaped, shown_url};
use crate::settings::Settings;
use crate::topology::{Builtin, GroupSpec, Handler as Spec, HttpSpec, HttpTarget, Topology};
use crate::worker::handler::{
    Builtin as BuiltinHandler, Exec, Handler, Http, Pipe, require_program,
};

/// Flags for a handler that is used instead of the topology's.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Handler")]
pub(in crate::commands) struct HandlerArgs {
    #[expect(
        clippy::option_option,
        reason = "clap's form of a flag that may have a value"
    )]
    /// Run a program for every entry, without a shell: --exec -- PROGRAM ARGS
    #[arg(long, num_args = 0..=1, value_name = "PROGRAM", group = "handler")]
    exec: Option<Option<OsString>>,
    #[expect(
        clippy::option_option,
        reason = "clap's form of a flag that may have a value"
    )]
    /// Run long-lived programs, one for each concurrent handler: each reads one entry per line and writes one answer
    /// per line
    #[arg(long, num_args = 0..=1, value_name = "PROGRAM", group = "handler")]
    pipe: Option<Option<OsString>>,
    /// POST every entry as JSON to this URL
    #[arg(long, value_name = "URL", group = "handler")]
    http: Option<String>,
    /// A handler built into this tool: features, review-queue, normalize, forward:STREAM, log or null
    #[arg(long, value_name = "NAME", group = "handler")]
    builtin: Option<String>,
    /// The program for --exec or --pipe and its arguments
    #[arg(last = true, value_name = "CMD", help_heading = None)]
    command: Vec<OsString>,
}

impl HandlerArgs {
    /// The handler that a word names: `group` for the group's in the topology, `exec:PROGRAM`, `pipe:PROGRAM`,
    /// `builtin:NAME`, or a URL.
    ///
    /// # Errors
    /// A usage error when it names none.
    pub(in crate::commands) fn of_word(word: &str) -> Result<Self, Problem> {
        let given = Self::default();
        if word.starts_with("http://") || word.starts_with("https://") {
            let http = Some(word.to_owned());
            return Ok(Self { http, ..given });
        }
        let program = |value: &str| Some(Some(OsString::from(value)));
        match word.split_once(':') {
            None if word == "group" => Ok(given),
            Some(("exec", value)) => Ok(Self {
                exec: program(value),
                ..given
            }),
            Some(("pipe", value)) => Ok(Self {
                pipe: program(value),
                ..given
            }),
            Some(("builtin", value)) => Ok(Self {
                builtin: Some(value.to_owned()),
                ..given
            }),
            _ => Err(
                Problem::usage(format!("not a handler: {}", escaped(word.as_bytes()))).hint(
                    "give group, exec:PROGRAM, pipe:PROGRAM, builtin:NAME, or a URL that begins with http:// or https://",
                ),
            ),
        }
    }

    /// Whether it is a built-in handler that adds or counts something.
    pub(in crate::commands) fn adds(&self) -> bool {
        let is_harmless = |name: &String| ["log", "null"].contains(&&**name);
        self.builtin.as_ref().is_some_and(|it| !is_harmless(it))
    }

    /// Whether the flags name a handler.
    pub(in crate::commands) fn is_given(&self) -> bool {
        let has_program = self.exec.is_some() || self.pipe.is_some() || !self.command.is_empty();
        has_program || self.http.is_some() || self.builtin.is_some()
    }

    /// The handler that the flags name, if they name one.
    ///
    /// # Errors
    /// A usage error when the program and the flag do not go together.
    fn chosen(&self) -> Result<Option<Chosen>, Problem> {
        for (flag, program, chosen) in [
            (
                "--exec",
                &self.exec,
                Chosen::Exec as fn(Vec<OsString>) -> Chosen,
            ),
            ("--pipe", &self.pipe, Chosen::Pipe),
        ] {
            let Some(program) = program else { continue };
            let argv: Vec<OsString> = program.iter().chain(&self.command).cloned().collect();
            if argv.is_empty() {
                return Err(
                    Problem::usage(format!("{flag} needs a program")).hint(format!(
                        "write the program after the flag: {flag} -- PROGRAM ARGS"
                    )),
                );
            }
            return Ok(Some(chosen(argv)));
        }
        if !self.command.is_empty() {
            return Err(
                Problem::usage("a program after `--` needs --exec or --pipe")
                    .hint("give one of the two before the `--`: --exec -- PROGRAM ARGS"),
            );
        }
        if let Some(url) = &self.http {
            return Ok(Some(Chosen::Spec(Spec::Http(HttpSpec {
                target: HttpTarget::Url(url.clone()),
                results: None,
                fan_out: None,
            }))));
        }
        let builtin = self.builtin.as_deref().map(Builtin::parse).transpose()?;
        Ok(builtin.map(|builtin| Chosen::Spec(Spec::Builtin(builtin))))
    }

    /// A group's handler described in a line, without secrets: `features`, `exec ./handle`, `http https://…`.
    ///
    /// # Errors
    /// As [`HandlerArgs::chosen`].
    pub(super) fn line(&self, group: &GroupSpec) -> Result<String, Problem> {
        let text = |argv: Vec<OsString>| -> Vec<String> {
            argv.iter()
                .map(|it| it.to_string_lossy().into_owned())
                .collect()
        };
        let spec = match self.chosen()? {
            Some(Chosen::Exec(argv)) => Some(Spec::Exec(text(argv))),
            Some(Chosen::Pipe(argv)) => Some(Spec::Pipe(text(argv))),
            Some(Chosen::Spec(spec)) => Some(spec),
            None => group.handler.clone(),
        };
        let Some(spec) = spec else {
            return Ok(String::new());
        };
        let proxy = match &spec {
            Spec::Http(http) => match url_of(http) {
                Some(url) => proxy_for(&url, &Settings::proxy_variables())?,
                None => None,
            },
            _ => None,
        };
        Ok(match proxy {
            Some(proxy) => format!("{spec} through the proxy {}", shown_url(&proxy)),
            None => spec.to_string(),
        })
    }

    /// A group's handler; `None` when the topology's handler needs a URL that is not set.
    ///
    /// # Errors
    /// A usage error when there is no handler, or it cannot be created.
    pub(in crate::commands) fn handler(
        &self,
        group: &GroupSpec,
        topology: &Topology,
        handler_timeout: Duration,
    ) -> Result<Option<Arc<Handler>>> {
        let spec = match self.chosen()? {
            Some(Chosen::Exec(argv)) => return exec(argv, group, topology).map(Some),
            Some(Chosen::Pipe(argv)) => return pipe(argv, group, topology).map(Some),
            Some(Chosen::Spec(spec)) => spec,
            None => group.handler.clone().ok_or_else(|| {
                Problem::usage(format!(
                    "group `{}` has no handler in the topology",
                    group.name
                ))
                .hint(
                    "give one: --exec -- PROGRAM, --pipe -- PROGRAM, --http URL or --builtin NAME",
                )
            })?,
        };
        match spec {
            Spec::Builtin(builtin) => {
                let handler =
                    BuiltinHandler::new(&builtin, &group.stream, topology, |name: &str| {
                        Name::from(name)
                    });
                Ok(Some(Arc::new(Handler::Inline(Box::new(handler)))))
            }
            Spec::Exec(argv) => exec(os(argv), group, topology).map(Some),
            Spec::Pipe(argv) => pipe(os(argv), group, topology).map(Some),
            Spec::Http(spec) => http(spec, handler_timeout),
        }
    }
}

enum Chosen {
    Exec(Vec<OsString>),
    Pipe(Vec<OsString>),
    Spec(Spec),
}

const NO_GUARD: &str = "cannot start the guard process that ends handlers together with the worker";

fn exec(argv: Vec<OsString>, group: &GroupSpec, topology: &Topology) -> Result<Arc<Handler>> {
    let (program, rest) = program_and_args(argv, group)?;
    let exec = Exec::new(program, rest, secrets(topology)).context(NO_GUARD)?;
    Ok(Arc::new(Handler::Exec(exec)))
}

fn pipe(argv: Vec<OsString>, group: &GroupSpec, topology: &Topology) -> Result<Arc<Handler>> {
    let (program, rest) = program_and_args(argv, group)?;
    let pipe =
        Pipe::new(program, rest, topology.streams.clone(), secrets(topology)).context(NO_GUARD)?;
    Ok(Arc::new(Handler::Pipe(pipe)))
}

/// The environment variables that hold the URLs of services, which may contain a password. Handlers of other groups
/// must not see them.
fn secrets(topology: &Topology) -> Vec<String> {
    let handlers = topology.groups.iter().filter_map(|it| it.handler.as_ref());
    let variables = handlers.filter_map(|handler| match handler {
        Spec::Http(HttpSpec {
            target: HttpTarget::Env(variable),
            ..
        }) if !variable.is_empty() && !variable.contains(['=', '\0']) => Some(variable.clone()),
        _ => None,
    });
    variables.collect()
}

fn os(argv: Vec<String>) -> Vec<OsString> {
    argv.into_iter().map(OsString::from).collect()
}

/// A program and its arguments; the program must exist now.
fn program_and_args(
    argv: Vec<OsString>,
    group: &GroupSpec,
) -> Result<(OsString, Vec<OsString>), Problem> {
    let mut argv = argv.into_iter();
    let program = argv
        .next()
        .ok_or_else(|| Problem::usage("the handler's program is empty"))?;
    let search_path = Settings::search_path();
    require_program(&program, search_path.as_deref()).map_err(|mut problem| {
        let GroupSpec { name, stream, .. } = group;
        problem.message = format!("group `{name}` on `{stream}`: {}", problem.message);
        problem
    })?;
    Ok((program, argv.collect()))
}

/// The URL that a handler posts to, if it is set.
fn url_of(spec: &HttpSpec) -> Option<String> {
    match &spec.target {
        HttpTarget::Url(url) => Some(url.clone()),
        HttpTarget::Env(variable) => Settings::handler_url(variable),
    }
}

fn http(spec: HttpSpec, handler_timeout: Duration) -> Result<Option<Arc<Handler>>> {
    let Some(url) = url_of(&spec) else {
        return Ok(None);
    };
    let proxy = proxy_for(&url, &Settings::proxy_variables())?;
    let proxy = proxy.as_deref();
    let handler = Http::new(&url, spec.results, spec.fan_out, proxy, handler_timeout)?;
    Ok(Some(Arc::new(Handler::Http(handler))))
}
