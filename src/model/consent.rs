//! The proof that an operator agreed to one destructive plan.

/// The proof of consent that a destructive operation requires besides its plan. It carries no data and can neither be
/// copied nor be created outside this crate; inside it only `console` creates one, after `--yes` or a prompt.
#[derive(Debug)]
pub struct Consent(());

impl Consent {
    /// The consent; only `console` calls this, after the operator has agreed.
    pub(crate) fn given() -> Self {
        Self(())
    }
}
