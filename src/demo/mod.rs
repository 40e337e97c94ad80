//! The demonstration: the platform's whole pipeline on a real server, with things going wrong on the way, and a proof at
//! the end that nothing was lost. It touches only keys of its own ([`Scene`]) and leaves nothing behind.

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
