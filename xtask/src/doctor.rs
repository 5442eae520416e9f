//! Placeholder.
use crate::{flags::DoctorFlags, outcome::Outcome};
use anyhow::Result;
/// Placeholder.
pub fn run(_: &DoctorFlags) -> Result<Outcome> {
    anyhow::bail!("not built yet")
}
