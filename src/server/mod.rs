//! Private redis-server and valkey-server processes: find, start, await, restart, stop by pid.
