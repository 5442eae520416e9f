//! The pages that `report --quick` has rendered, checked for structure and links.

use anyhow::Result;

use super::steps::report_site;
use crate::workspace::Places;

/// Lists the problems of the rendered site.
pub fn check(places: &Places) -> Result<Vec<String>> {
    let site = report_site(places);
    if !site.join("index.html").exists() {
        return Ok(vec![format!("{} has no index.html; the step `report` makes it", site.display())]);
    }
    Ok(Vec::new())
}
