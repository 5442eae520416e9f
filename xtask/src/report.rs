//! Placeholder.
use crate::{flags::ReportFlags, outcome::Outcome};
use anyhow::Result;
/// Placeholder.
pub fn run(_: &ReportFlags) -> Result<Outcome> {
    anyhow::bail!("not built yet")
}
