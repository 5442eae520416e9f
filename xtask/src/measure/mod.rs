//! Placeholder.
use crate::{flags::MeasureFlags, outcome::Outcome};
use anyhow::Result;
/// Placeholder.
pub struct Done {
    pub outcome: Outcome,
}
/// Placeholder.
pub fn run(_: &MeasureFlags) -> Result<Done> {
    anyhow::bail!("not built yet")
}
