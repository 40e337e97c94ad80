//! stdout, stderr, terminal facts, progress, prompts: the only writer of this crate.
