//! A process that ends with its test.

use std::process::Child;

/// A child; killed when the value is gone.
#[derive(Debug)]
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
