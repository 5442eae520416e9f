//! Placeholder.
use crate::{flags::RenderFlags, outcome::Outcome};
use anyhow::Result;
/// Placeholder.
pub fn run(_: &RenderFlags) -> Result<Outcome> {
    anyhow::bail!("not built yet")
}
