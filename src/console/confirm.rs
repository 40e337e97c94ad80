//! Consent: requested on a terminal, given by `--yes`, and never assumed. Passwords are also requested here.

use std::io::{self, BufRead as _, Read as _, Write as _};

use dialoguer::Password;

use crate::model::{Consent, Kind, Problem, escaped, quoted};
use crate::settings::Protected;

/// Longer than any answer.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Consent given by `--yes`.
pub(super) fn by_flag() -> Consent {
    Consent::given()
}

/// The error for a plan when there is no terminal to ask on.
pub(super) fn nobody_to_ask(plan: &str, protected: Option<&Protected>) -> Problem {
    let Some(protected) = protected else {
        return Problem::refused(format!(
            "requires confirmation, and there is no terminal to ask on: {plan}"
        ))
        .hint("add --yes to agree, or --dry-run to see what it would do");
    };
    let name = escaped(protected.name.as_bytes());
    Problem::refused(format!(
        "the server is that of the production context `{name}`, and there is no terminal to ask on: {plan}"
    ))
    .hint(if protected.is_named {
        "add --yes to agree, or --dry-run to see what it would do".to_owned()
    } else {
        format!(
            "add --context {} --yes to agree (instead of another way to name the server), or --dry-run to see what it \
                would do",
            quoted(protected.name.as_bytes())
        )
    })
}

/// Asks on the terminal, where the plan has already been shown. Only a whole line `y` or `yes` counts as consent,
/// because a word typed ahead for the shell must not.
pub(super) fn ask() -> Result<Consent, Problem> {
    match answer("Proceed? [y/N]") {
        Ok(answer) => by_yes(&answer),
        Err(error) => Err(unasked(&error).hint("add --yes to agree")),
    }
}

/// Asks for a production context's name on the terminal, where the plan has already been shown. Only exactly this
/// name counts as consent.
pub(super) fn ask_for_name(name: &str) -> Result<Consent, Problem> {
    let shown = escaped(name.as_bytes());
    match answer(&format!("This is production. Type {shown} to proceed")) {
        Ok(answer) => by_name(&answer, name),
        Err(error) => Err(unasked(&error).hint(format!(
            "add --context {} --yes to agree",
            quoted(name.as_bytes())
        ))),
    }
}

/// Consent, if the answer is yes.
pub(super) fn by_yes(answer: &str) -> Result<Consent, Problem> {
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(Consent::given()),
        _ => Err(Problem::refused("declined; nothing was changed")),
    }
}

/// Consent, if the answer is exactly this name.
pub(super) fn by_name(answer: &str, name: &str) -> Result<Consent, Problem> {
    if answer == name {
        return Ok(Consent::given());
    }
    let shown = escaped(name.as_bytes());
    Err(Problem::refused(format!(
        "declined: that was not `{shown}`; nothing was changed"
    )))
}

fn unasked(error: &io::Error) -> Problem {
    Problem::new(Kind::Refused, format!("cannot ask for consent: {error}"))
}

/// Reads a line that the terminal edits, so that its own keys work (Ctrl-C, Ctrl-D for no answer) and nothing moves
/// its cursor. Empty when the input ends.
fn answer(prompt: &str) -> io::Result<String> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{prompt}: ")?;
    stderr.flush()?;
    let mut line = Vec::new();
    io::stdin()
        .lock()
        .take(ANSWER_BYTES_MAX)
        .read_until(b'\n', &mut line)?;
    if line.pop_if(|last| *last == b'\n').is_none() {
        writeln!(stderr)?;
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Asks for a password, which is not shown.
pub(super) fn password(prompt: &str) -> Result<String, Problem> {
    Password::new()
        .with_prompt(prompt)
        .interact()
        .map_err(|error| {
            Problem::new(Kind::Local, format!("cannot ask for a password: {error}"))
                .hint("give the password with --password-file or $UCP_STREAMS_PASSWORD")
        })
}
