//! Where output and input go: readers that have gone, closed descriptors, memory bounded by bytes, filters that do not end.
