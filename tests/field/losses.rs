//! Entries that left a stream before a group was delivered them: counted, said once, kept as a tombstone, accepted.
