//! What handlers start, and how it is stopped, reaped and kept from telling secrets.
