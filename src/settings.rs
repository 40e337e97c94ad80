//! The one place that resolves flags, environment, context, file and default, keeping each value's origin.
