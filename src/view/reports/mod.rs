//! How the reports of operations look: their columns, in their order, in the words people know them by.

mod init;
mod ping;
