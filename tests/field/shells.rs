//! Names that a shell would run or a link would lead elsewhere.
