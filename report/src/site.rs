//! The way in and out: runs -> files.

use std::collections::BTreeMap;

use crate::cells::CellError;
use crate::page;
use crate::read::{self, ReadError};
use crate::records::{Measurement, Run, Verification};

/// The text of a run's files as they are on disk, copied into the site unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// `run.json`.
    pub run: String,
    /// `measurements.jsonl`.
    pub measurements: String,
    /// `verification.jsonl`, if checkers were run.
    pub verification: Option<String>,
}

/// A run with all its records.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecords {
    /// `run.json`.
    pub run: Run,
    /// `measurements.jsonl`, in any order.
    pub measurements: Vec<Measurement>,
    /// `verification.jsonl`, in any order; empty if no checker was run.
    pub verifications: Vec<Verification>,
    /// The files that these came from.
    pub raw: Raw,
}

impl RunRecords {
    /// Reads a run from the text of its files; `folder` is what errors call the folder that holds them.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong in any of the files: see [`ReadError`].
    pub fn read(folder: &str, raw: Raw) -> Result<Self, ReadError> {
        let name = |file: &str| format!("{}/{file}", folder.trim_end_matches('/'));
        Ok(Self {
            run: read::run(&raw.run, &name("run.json"))?,
            measurements: read::measurements(&raw.measurements, &name("measurements.jsonl"))?,
            verifications: match &raw.verification {
                Some(text) => read::verifications(text, &name("verification.jsonl"))?,
                None => Vec::new(),
            },
            raw,
        })
    }
}

/// What a site is rendered from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// At least one run. The latest stands at the root of the site, every other as a site of its own under
    /// `runs/<id>/`: a verdict belongs to the host that it was measured on.
    pub runs: &'a [RunRecords],
}

/// A rendered site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Contents by path relative to the site's root, with `/` between folders.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Why no site can be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// There is nothing to render.
    #[error("no run was given")]
    NoRuns,
    /// Two runs have the same id, so one would overwrite the other.
    #[error("run {id} was given twice")]
    SameRun {
        /// The id.
        id: String,
    },
    /// A run's id cannot name a folder.
    #[error("run id {id:?} cannot name a folder: letters, digits, `-`, `_` and `.` can")]
    BadRunId {
        /// The id.
        id: String,
    },
    /// A run's records contradict each other.
    #[error("run {run}: {source}")]
    Records {
        /// The run's id.
        run: String,
        /// How.
        source: CellError,
    },
    /// A template is wrong: a bug of this crate.
    #[error("template: {0}")]
    Template(#[from] tera::Error),
}

/// Renders the site. The same records give the same bytes, in whatever order they come.
///
/// # Errors
///
/// See [`RenderError`]; nothing is written anywhere in any case.
pub fn render(input: Input<'_>) -> Result<Site, RenderError> {
    let mut runs: Vec<&RunRecords> = input.runs.iter().collect();
    runs.sort_by(|a, b| (&b.run.started, &b.run.id).cmp(&(&a.run.started, &a.run.id)));
    let (latest, others) = runs.split_first().ok_or(RenderError::NoRuns)?;
    let mut ids = std::collections::BTreeSet::new();
    for records in &runs {
        let id = &records.run.id;
        let fit = id.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
        if !fit || id.is_empty() || id.starts_with('.') {
            return Err(RenderError::BadRunId { id: id.clone() });
        }
        if !ids.insert(id) {
            return Err(RenderError::SameRun { id: id.clone() });
        }
    }
    let links = |from_root: bool| -> Vec<page::OtherRun> {
        let mut links: Vec<page::OtherRun> = Vec::new();
        for (at, records) in runs.iter().enumerate() {
            let (id, host) = (records.run.id.clone(), records.run.host.name.clone());
            let path = if at == 0 { "index.html".to_owned() } else { format!("runs/{id}/index.html") };
            let href = if from_root { path } else { format!("../../{path}") };
            links.push(page::OtherRun {
                href,
                id,
                host,
                started: records.run.started.clone(),
                quick: records.run.quick,
            });
        }
        links
    };
    let mut site = Site { files: page::render(latest, &links(true))? };
    for records in others {
        let folder = format!("runs/{}", records.run.id);
        let files = page::render(records, &links(false))?;
        site.files.extend(files.into_iter().map(|(path, text)| (format!("{folder}/{path}"), text)));
    }
    Ok(site)
}
