//! The records of a run on disk: appended turn by turn, cut back to whole rounds on resume.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use heddle_report::read::{self, ReadError};
use heddle_report::records::{Measurement, Status};

use super::manifest::Cell;
use super::plan::Plan;
use crate::outcome::usage;

/// A failed cell is tried again in the next round, and then no more.
pub const TRIES: u32 = 2;

/// The records of a run.
#[derive(Debug)]
pub struct Journal {
    file: File,
    records: Vec<Measurement>,
}

impl Journal {
    /// Starts a new file.
    pub fn create(path: &Path) -> Result<Journal> {
        let file = File::create_new(path).with_context(|| path.display().to_string())?;
        Ok(Journal { file, records: Vec::new() })
    }

    /// Opens the file of an interrupted run; a last line that was cut off is dropped.
    ///
    /// # Errors
    /// If a whole line is no record; the file is left as it is.
    pub fn open(path: &Path) -> Result<Journal> {
        let name = path.display().to_string();
        let bytes = fs::read(path).with_context(|| name.clone())?;
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        let records = match read::measurements(&text, &name) {
            Err(ReadError::CutOff { whole, .. }) => {
                text.truncate(whole);
                read::measurements(&text, &name)
            }
            other => other,
        };
        let records = records.map_err(|damaged| usage(damaged.to_string()))?;
        let file = OpenOptions::new().append(true).open(path)?;
        let mut journal = Journal { file, records };
        journal.keep(|_| true)?;
        Ok(journal)
    }

    /// The records so far.
    pub fn records(&self) -> &[Measurement] {
        &self.records
    }

    /// Appends the records of one turn, all at once, and hands them to the system.
    pub fn append(&mut self, records: Vec<Measurement>) -> Result<()> {
        let mut lines = Vec::new();
        for record in &records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        self.file.write_all(&lines)?;
        self.file.flush()?;
        self.records.extend(records);
        Ok(())
    }

    /// Drops every record that does not pass, from the file too.
    pub fn keep(&mut self, passes: impl Fn(&Measurement) -> bool) -> Result<()> {
        let records = std::mem::take(&mut self.records).into_iter().filter(passes).collect();
        self.file.set_len(0)?;
        self.append(records)
    }
}

/// A turn of a cell within a round: the cell's place in the list, and whether it is the second (A/A).
pub type Due = (usize, bool);

/// The turns that `round` has, given what happened in the rounds before it.
pub fn due(cells: &[Cell], plan: &Plan, records: &[Measurement], round: u32) -> Vec<Due> {
    let mut failures: BTreeMap<(&str, &str, u32), BTreeSet<u32>> = BTreeMap::new();
    for record in records.iter().filter(|it| it.status == Status::Failed && it.round < round) {
        failures.entry((&record.group, &record.variant, record.workers)).or_default().insert(record.round);
    }
    let mut turns = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        let planned = plan.cells.get(&cell.id()).is_some_and(|it| (it.from..it.rounds).contains(&round));
        let failed = failures.get(&(cell.group.as_str(), cell.variant.as_str(), cell.workers));
        if planned && failed.is_none_or(|rounds| (rounds.len() as u32) < TRIES) {
            turns.push((at, false));
            if cell.repeat {
                turns.push((at, true));
            }
        }
    }
    turns
}

/// The first round that is not whole: some turn of it lacks a record.
pub fn first_open_round(cells: &[Cell], plan: &Plan, records: &[Measurement]) -> u32 {
    let done: BTreeSet<(u32, &str, &str, u32, bool, &str)> = records
        .iter()
        .map(|it| (it.round, &*it.group, &*it.variant, it.workers, is_second(it), &*it.metric))
        .collect();
    let whole = |round: &u32| {
        due(cells, plan, records, *round).into_iter().all(|(at, second)| {
            let cell = &cells[at];
            cell.metrics.iter().all(|metric| {
                done.contains(&(*round, &*cell.group, &*cell.variant, cell.workers, second, &*metric.name))
            })
        })
    };
    (0..plan.rounds).find(|round| !whole(round)).unwrap_or(plan.rounds)
}

/// Whether a record is of the second turn of its round.
fn is_second(record: &Measurement) -> bool {
    record.params.contains_key("replica")
}

/// The file of records in a run's folder.
pub fn file_in(folder: &Path) -> PathBuf {
    folder.join("measurements.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::manifest::expand;
    use crate::measure::plan::Share;
    use crate::measure::records;
    use crate::measure::turn::{Mode, Reading};

    /// Two cells, one with a second turn, over three rounds.
    fn house() -> (Vec<Cell>, Plan) {
        let entry = |variant, repeat| {
            format!(
                "[[cells]]\nsuite='s'\nprogram='p/b'\ngroups=['g']\nvariants=['{variant}']\nworkers=['1']\nrepeat={repeat}\n"
            )
        };
        let cells = expand(&(entry("a", true) + &entry("b", false)), 1, &[]).unwrap();
        let share = Share { from: 0, rounds: 3, mode: Mode::Sampled, seconds: 0.1 };
        let shares = cells.iter().map(|cell| (cell.id(), share)).collect();
        (cells, Plan { rounds: 3, cells: shares, left_out: vec![] })
    }

    fn run_round(journal: &mut Journal, cells: &[Cell], plan: &Plan, round: u32) {
        for (at, second) in due(cells, plan, journal.records(), round) {
            let metric = cells[at].metrics[0].clone();
            let reading = Reading { metric, value: 1.5, params: BTreeMap::new() };
            journal.append(records::of_turn(&cells[at], second, round, Ok(vec![reading]))).unwrap();
        }
    }

    #[test]
    fn a_run_cut_anywhere_resumes_after_its_last_whole_round() {
        let (cells, plan) = house();
        let folder = tempfile::tempdir().unwrap();
        let path = file_in(folder.path());
        let mut journal = Journal::create(&path).unwrap();
        (0..3).for_each(|round| run_round(&mut journal, &cells, &plan, round));
        let whole = fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&path).unwrap();
            let open = first_open_round(&cells, &plan, journal.records());
            let lines = whole[..cut].iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(open as usize, lines / 3, "cut at {cut}");
            journal.keep(|record| record.round < open).unwrap();
            (open..3).for_each(|round| run_round(&mut journal, &cells, &plan, round));
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_line_is_an_error_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = file_in(folder.path());
        let damaged = "{\"schema\":9}\n";
        fs::write(&path, damaged).unwrap();
        let error = Journal::open(&path).unwrap_err().to_string();
        assert!(error.contains("measurements.jsonl:1"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }

    #[test]
    fn a_cell_that_fails_twice_is_let_be() {
        let (cells, plan) = house();
        let mut records = Vec::new();
        for round in 0..2 {
            assert_eq!(due(&cells, &plan, &records, round).len(), 3);
            records.extend(records::of_turn(&cells[0], false, round, Err("died".into())));
        }
        assert_eq!(due(&cells, &plan, &records, 2), [(1, false)]);
    }
}
