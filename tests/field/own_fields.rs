//! The tool's own fields at the end of an entry, and whatever a producer wrote that looks like them.
