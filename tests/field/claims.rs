//! Who may take whose work: claim idle as workers publish it, what is long in flight, consumers that live.
