//! Whose fault a failure is: the worker's own, the service's, or the message's.
