//! `render`: the records of runs -> a site.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use heddle_report::{Input, Raw, RunRecords};

use crate::flags::RenderFlags;
use crate::outcome::{Outcome, usage};
use crate::site_folder;
use crate::workspace::Places;

/// Renders the runs named, or the newest.
pub fn run(flags: &RenderFlags) -> Result<Outcome> {
    let places = Places::find(flags.home.as_deref())?;
    let out = std::path::absolute(flags.out.clone().unwrap_or_else(|| places.site()))?;
    site_folder::check(&out)?;
    let folders = match &flags.run[..] {
        [] => vec![newest(&places)?],
        named => named.iter().map(|name| find(&places, name)).collect::<Result<_>>()?,
    };
    render(&folders, &out)?;
    println!("site: {}", out.join("index.html").display());
    Ok(Outcome::Fine)
}

/// Renders the runs in `folders` to `out`. Nothing is written unless every record is sound.
pub fn render(folders: &[PathBuf], out: &Path) -> Result<()> {
    let runs = folders.iter().map(|folder| read(folder)).collect::<Result<Vec<_>>>()?;
    let site = heddle_report::render(Input { runs: &runs })?;
    site_folder::write(out, &site)
}

fn read(folder: &Path) -> Result<RunRecords> {
    let text = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| usage(format!("{}: {error}", path.display())))
    };
    let verification =
        folder.join("verification.jsonl").exists().then(|| text("verification.jsonl")).transpose()?;
    let raw = Raw { run: text("run.json")?, measurements: text("measurements.jsonl")?, verification };
    RunRecords::read(&folder.display().to_string(), raw).map_err(|error| usage(error.to_string()))
}

/// A run by its folder or its id.
fn find(places: &Places, name: &str) -> Result<PathBuf> {
    for folder in [PathBuf::from(name), places.runs().join(name)] {
        if folder.join("run.json").exists() {
            return Ok(folder);
        }
    }
    let known = ids(places).join(", ");
    let known = if known.is_empty() { "none".to_string() } else { known };
    Err(usage(format!("there is no run '{name}'; the runs in {} are: {known}", places.runs().display())))
}

/// The run that was started last.
fn newest(places: &Places) -> Result<PathBuf> {
    match ids(places).pop() {
        Some(id) => Ok(places.runs().join(id)),
        None => Err(usage(format!(
            "there is no run in {}; `cargo xtask measure` makes one",
            places.runs().display()
        ))),
    }
}

/// All runs, oldest first: ids start with the time.
fn ids(places: &Places) -> Vec<String> {
    let entries = fs::read_dir(places.runs()).into_iter().flatten().flatten();
    let mut ids: Vec<String> = entries
        .filter(|entry| entry.path().join("run.json").exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    ids.sort();
    ids
}
