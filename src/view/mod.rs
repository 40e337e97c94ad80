//! Model to text: tables, JSON, CSV, entry lines, escaping. Pure: returns text or writes to a buffer it is given.
