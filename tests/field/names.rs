//! Groups as the server has them, and lists that are not cut for a script.
