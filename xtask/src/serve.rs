//! Placeholder.
use crate::{flags::ServeFlags, outcome::Outcome};
use anyhow::Result;
/// Placeholder.
pub fn run(_: &ServeFlags) -> Result<Outcome> {
    anyhow::bail!("not built yet")
}
