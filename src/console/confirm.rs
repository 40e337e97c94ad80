//! Consent: asked for on a terminal, given by `--yes`, and never assumed.

use dialoguer::Confirm;

use crate::model::{Consent, Kind, Problem};

/// Consent given by `--yes`.
pub(super) fn by_flag() -> Consent {
    Consent::given()
}

/// What a plan meets where nobody can be asked.
pub(super) fn nobody_to_ask(plan: &str) -> Problem {
    Problem::refused(format!(
        "needs consent, and there is no terminal to ask on: {plan}"
    ))
    .hint("add --yes to agree, or --dry-run to see what it would do")
}

/// Asks on the terminal, where the plan stands already; anything but a yes is a no. The prompt itself is one
/// line: `dialoguer` draws one of several lines again and again.
pub(super) fn ask() -> Result<Consent, Problem> {
    let answer = Confirm::new()
        .with_prompt("Go on?")
        .default(false)
        .wait_for_newline(true)
        .interact_opt();
    match answer {
        Ok(Some(true)) => Ok(Consent::given()),
        Ok(_) => Err(Problem::refused("not agreed to; nothing was changed")),
        Err(dialoguer::Error::IO(error)) => Err(Problem::new(
            Kind::Refused,
            format!("cannot ask for consent: {error}"),
        )
        .hint("add --yes to agree")),
    }
}
