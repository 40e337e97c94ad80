//! The platform's streams, groups, retention, schemas and handlers as data, and validation of entries against them.
