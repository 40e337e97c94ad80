//! The consume loop: read, dispatch, acknowledge, retry, lease, drain.
