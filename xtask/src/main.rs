//! Heddle's commands.
fn main() {}
