//! The proof that an operator agreed to one destructive plan.

/// What an operation that destroys or moves something takes besides its plan. It carries nothing and can be
/// neither copied nor made outside this crate; inside it only `console` makes one, after `--yes` or a prompt.
#[derive(Debug)]
pub struct Consent(());

impl Consent {
    /// For `console`, which has just been told yes.
    pub(crate) fn given() -> Self {
        Self(())
    }
}
