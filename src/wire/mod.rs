//! The thin Redis command layer: the only place that names the `redis` crate.
