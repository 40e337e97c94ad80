//! Flags and value parsers that commands share. Pure: no environment, no I/O.
