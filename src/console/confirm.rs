//! Consent: asked for on a terminal, given by `--yes`, and never assumed. Passwords, too, are asked for here.

use dialoguer::{Input, Password};

use crate::model::{Consent, Kind, Problem, escaped, quoted};
use crate::settings::Protected;

/// Consent given by `--yes`.
pub(super) fn by_flag() -> Consent {
    Consent::given()
}

/// What a plan meets where nobody can be asked.
pub(super) fn nobody_to_ask(plan: &str, protected: Option<&Protected>) -> Problem {
    let Some(protected) = protected else {
        return Problem::refused(format!(
            "needs consent, and there is no terminal to ask on: {plan}"
        ))
        .hint("add --yes to agree, or --dry-run to see what it would do");
    };
    let name = escaped(protected.name.as_bytes());
    Problem::refused(format!(
        "the server is that of the production context `{name}`, and there is no terminal to ask on: {plan}"
    ))
    .hint(format!(
        "--context {} --yes agrees (instead of another way to name the server); --dry-run shows what it would do",
        quoted(protected.name.as_bytes())
    ))
}

/// Asks on the terminal, where the plan stands already. Only a whole line `y` or `yes` is a yes: a word typed ahead for
/// the shell must not be one.
pub(super) fn ask() -> Result<Consent, Problem> {
    let answer: Result<String, _> = Input::new()
        .with_prompt("Go on? [y/N]")
        .allow_empty(true)
        .interact();
    match answer {
        Ok(answer) if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") => {
            Ok(Consent::given())
        }
        Ok(_) => Err(Problem::refused("not agreed to; nothing was changed")),
        Err(dialoguer::Error::IO(error)) => Err(Problem::new(
            Kind::Refused,
            format!("cannot ask for consent: {error}"),
        )
        .hint("add --yes to agree")),
    }
}

/// Asks for a production context's name, where the plan stands already. Only the very name is a yes.
pub(super) fn ask_for_name(name: &str) -> Result<Consent, Problem> {
    let shown = escaped(name.as_bytes());
    let answer: Result<String, _> = Input::new()
        .with_prompt(format!("This is production. Type {shown} to go on"))
        .allow_empty(true)
        .interact();
    match answer {
        Ok(answer) if answer == name => Ok(Consent::given()),
        Ok(_) => Err(Problem::refused(format!(
            "not agreed to: that was not `{shown}`; nothing was changed"
        ))),
        Err(dialoguer::Error::IO(error)) => {
            Err(
                Problem::new(Kind::Refused, format!("cannot ask for consent: {error}")).hint(
                    format!("--context {} --yes agrees", quoted(name.as_bytes())),
                ),
            )
        }
    }
}

/// Asks for a password, which is not shown.
pub(super) fn password(prompt: &str) -> Result<String, Problem> {
    Password::new()
        .with_prompt(prompt)
        .interact()
        .map_err(|error| {
            Problem::new(Kind::Local, format!("cannot ask for a password: {error}"))
                .hint("give it with --password-file or $UCP_STREAMS_PASSWORD")
        })
}
