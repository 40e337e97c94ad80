//! The demonstration: the platform's whole pipeline on a real server, with deliberate faults, and an accounting at
//! the end that proves that nothing was lost. It uses only keys of its own ([`Scene`]) and removes all of them.

mod crash;
mod ml;
mod play;
mod poison;
mod proof;
mod publish;
mod scene;
mod standing;

pub use crash::Victim;
pub use ml::MlService;
pub use play::{Crew, Work};
pub use poison::drop_one;
pub use proof::{GroupProof, StreamProof, prove_groups, prove_streams};
pub use publish::{Day, Published};
pub use scene::Scene;
