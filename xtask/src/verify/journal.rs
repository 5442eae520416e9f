//! What was verified so far, on disk: a line for each process that came to an end, so that an interrupted run goes on. The
//! journal of a run that came to its end is gone; its records are left.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use heddle_report::records::Verification;
use serde::{Deserialize, Serialize};

use crate::measure::revision::Revision;
use crate::workspace::Places;

/// The records of one process.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    job: String,
    records: Vec<Verification>,
}

/// The processes of one revision and effort.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    folder: PathBuf,
    done: BTreeMap<String, Vec<Verification>>,
}

/// Where the records of `revision` are kept.
pub fn folder(places: &Places, revision: &Revision) -> PathBuf {
    let dirty = revision.dirty.as_deref().map(|hash| format!("-{}", &hash[..8])).unwrap_or_default();
    places.home.join("verification").join(format!("{}{dirty}", revision.short()))
}

impl Journal {
    /// Opens the journal called `name` in `folder`, to go on with it or to start anew; a last line that was cut off is dropped.
    pub fn open(folder: &Path, name: &str, go_on: bool) -> Result<Journal> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{name}.jobs"));
        if !go_on && path.exists() {
            fs::remove_file(&path)?;
        }
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let entries: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut whole = String::new();
        for entry in &entries {
            whole += &(serde_json::to_string(entry)? + "\n");
        }
        if whole != text {
            fs::write(&path, whole)?;
        }
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        let done = entries.into_iter().map(|entry| (entry.job, entry.records)).collect();
        Ok(Journal { file, path, folder: folder.into(), done })
    }

    /// Whether the job was done.
    pub fn has(&self, job: &str) -> bool {
        self.done.contains_key(job)
    }

    /// The records of a job that was done.
    pub fn of(&self, job: &str) -> Option<&[Verification]> {
        self.done.get(job).map(Vec::as_slice)
    }

    /// Adds the records of a job.
    pub fn add(&mut self, job: String, records: Vec<Verification>) -> Result<()> {
        let entry = Entry { job, records };
        let line = serde_json::to_string(&entry)? + "\n";
        self.file.write_all(line.as_bytes())?;
        self.file.flush()?;
        self.done.insert(entry.job, entry.records);
        Ok(())
    }

    /// Writes the records of these jobs, in their order, to the file called `name` beside the journal, after those records of the file
    /// that are to be kept; ends the journal. Returns the file, and the records of the jobs.
    pub fn publish<'a>(
        &self,
        name: &str,
        keep: impl Fn(&Verification) -> bool,
        jobs: impl Iterator<Item = &'a str>,
    ) -> Result<(PathBuf, Vec<Verification>)> {
        let path = self.folder.join(name);
        let before = fs::read_to_string(&path).unwrap_or_default();
        // What cannot be read any more is of another schema, and was found by another program.
        let before = before.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(keep);
        let records: Vec<Verification> =
            jobs.filter_map(|job| self.done.get(job)).flatten().cloned().collect();
        let mut lines = String::new();
        for record in before.chain(records.iter().cloned()) {
            lines += &(serde_json::to_string(&record)? + "\n");
        }
        fs::write(&path, lines)?;
        fs::remove_file(&self.path)?;
        Ok((path, records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::harvest::blank;
    use crate::verify::suite::Checker;

    #[test]
    fn what_was_recorded_is_kept_and_a_cut_off_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), "quick", true).unwrap();
        journal.add("a".into(), vec![blank(Checker::Loom, "mutex", "counts")]).unwrap();
        journal.add("b".into(), Vec::new()).unwrap();
        let path = folder.path().join("quick.jobs");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 3]).unwrap();
        let journal = Journal::open(folder.path(), "quick", true).unwrap();
        assert!(journal.has("a") && !journal.has("b"));
        assert_eq!(journal.of("a").unwrap()[0].subject, "mutex");
        let publish = |journal: &Journal, kept: &str, job: &str| {
            let keep = |record: &Verification| record.checker == kept;
            let (file, records) = journal.publish("v.jsonl", keep, [job, "b"].into_iter()).unwrap();
            (records.len(), fs::read_to_string(file).unwrap().lines().count())
        };
        assert_eq!(publish(&journal, "shuttle", "a"), (1, 1));
        let mut journal = Journal::open(folder.path(), "quick", true).unwrap();
        assert!(!journal.has("a"));
        journal.add("c".into(), vec![blank(Checker::Shuttle, "mutex", "counts")]).unwrap();
        assert_eq!(publish(&journal, "loom", "c"), (1, 2));
    }
}
