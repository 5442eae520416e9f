//! The pages that `report --quick` has rendered, checked for structure and links.

use anyhow::Result;

use super::steps::report_site;
use crate::site_folder;
use crate::workspace::Places;

/// Lists the problems of the rendered site.
pub fn check(places: &Places) -> Result<Vec<String>> {
    let folder = report_site(places);
    if !folder.join("index.html").exists() {
        return Ok(vec![format!("{} has no index.html; the step `report` makes it", folder.display())]);
    }
    let problems = heddle_report::check::check(&site_folder::read(&folder)?);
    Ok(problems.into_iter().map(|problem| format!("{}: {}", problem.file, problem.what)).collect())
}
