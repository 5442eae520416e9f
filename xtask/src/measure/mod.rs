//! `measure`: bench programs and interpreters -> records, in rounds.
//!
//! A round runs every cell once, each turn in a fresh process, in an order drawn from the seed; so whatever
//! drifts meanwhile (clock, neighbours) meets all variants alike, and two of them are compared within a round.

mod criterion;
pub mod host;
mod journal;
pub mod manifest;
mod plan;
mod programs;
pub mod pythons;
mod records;
pub mod revision;
mod rounds;
mod run_file;
mod select;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use heddle_report::records::Run;

use crate::flags::{MeasureFlags, Selection};
use crate::outcome::{Outcome, usage};
use crate::run_command::catch_interrupts;
use crate::workspace::Places;
use journal::Journal;
use manifest::{Cell, Program, Size, Source};
use rounds::Session;
use turn::Runner;

/// Seconds of `--quick`: three minutes less what rendering and starting take.
const QUICK_SECONDS: f64 = 165.0;
/// Seconds without a flag.
const DEFAULT_SECONDS: f64 = 1200.0;
/// Rounds that evidence wants.
const ROUNDS: u32 = 15;
/// Rounds of `--quick` at most.
const QUICK_ROUNDS: u32 = 3;

/// A run that has been made.
#[derive(Debug)]
pub struct Done {
    /// How it ended.
    pub outcome: Outcome,
    /// Its folder.
    pub folder: PathBuf,
    /// Its `run.json`.
    pub run: Run,
}

/// Measures what the flags select.
pub fn run(flags: &MeasureFlags) -> Result<Done> {
    let selection = &flags.selection;
    let places = Places::find(selection.home.as_deref())?;
    let runs = match &flags.out {
        Some(out) => std::path::absolute(out)?,
        None => places.runs(),
    };
    writable(&runs)?;
    let interpreters = if selection.no_python { Vec::new() } else { pythons::find(&selection.python)? };
    let cells = expected_cells(selection, &interpreters)?;
    catch_interrupts();

    let wanted: BTreeSet<Program> = cells
        .iter()
        .filter_map(|cell| match &cell.source {
            Source::Program { program, .. } => Some(program.clone()),
            Source::Python { .. } => None,
        })
        .collect();
    let programs = programs::build(&places, &wanted, selection.programs.as_deref())?;
    let unlisted = check_lists(&programs, &wanted, &cells, selection.filter.is_some());

    let identity = run_file::identity(selection, &places, &interpreters);
    let (folder, mut run, resumed) = run_file::open(&runs, &identity)?;
    let path = journal::file_in(&folder);
    let journal = if path.exists() { Journal::open(&path)? } else { Journal::create(&path)? };
    if resumed {
        eprintln!("resuming {} ({:.0} s measured so far)", run.id, run.seconds);
    }
    let scratch = tempfile::tempdir().context("a temporary folder")?;
    let script = scratch.path().join("kernels.py");
    fs::write(&script, pythons::SCRIPT)?;
    let runner = Runner {
        programs,
        pythons: interpreters.into_iter().map(|it| (it.python.name, it.path)).collect(),
        script,
        python_scale: if selection.quick { 0.25 } else { 1.0 },
        scratch: scratch.path().to_path_buf(),
    };
    let mut session = Session {
        cells,
        unlisted,
        runner,
        journal,
        folder,
        turn_limit: selection.turn_limit,
        started: Instant::now(),
        before: run.seconds,
    };
    let interrupted = session.measure(&mut run);
    run_file::conclude(&session.folder, &mut run, session.journal.records())?;
    if let Err(error) = interrupted {
        eprintln!("what was measured is kept; the same command resumes after the last whole round");
        return Err(error);
    }
    let outcome = report(&run, &session);
    Ok(Done { outcome, folder: session.folder, run })
}

/// The cells of the manifest that the flags select.
fn expected_cells(selection: &Selection, interpreters: &[pythons::Interpreter]) -> Result<Vec<Cell>> {
    let text = match &selection.manifest {
        None => manifest::COMMITTED.to_string(),
        Some(file) => {
            fs::read_to_string(file).map_err(|error| usage(format!("{}: {error}", file.display())))?
        }
    };
    let mut names: Vec<String> = interpreters.iter().map(|it| it.python.name.clone()).collect();
    if names.is_empty() && !selection.no_python {
        names.push(pythons::ABSENT.into());
    }
    let mut cells = manifest::expand(&text, host::cores(), &names)?;
    if selection.quick {
        cells.retain(|cell| matches!(cell.size(), Size::Small | Size::Only));
    }
    select::select(cells, selection.filter.as_deref())
}

/// Fails unless a file can be written into `folder`, which is made if need be.
pub fn writable(folder: &Path) -> Result<()> {
    let try_it = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        tempfile::tempfile_in(folder).map(drop)
    };
    try_it().map_err(|error| usage(format!("cannot write into {}: {error}", folder.display())))
}

/// Compares the manifest with what the programs list; returns why some cells cannot be run.
fn check_lists(
    programs: &programs::Programs,
    wanted: &BTreeSet<Program>,
    cells: &[Cell],
    filtered: bool,
) -> BTreeMap<String, String> {
    let mut unlisted = BTreeMap::new();
    for program in wanted {
        let Some(path) = programs.get(program) else { continue };
        let listed = match programs::list(path) {
            Ok(listed) => listed,
            Err(error) => {
                eprintln!("{program}: {error:#}; its cells are tried all the same");
                continue;
            }
        };
        let of_it =
            |cell: &&Cell| matches!(&cell.source, Source::Program { program: it, .. } if it == program);
        let ids: BTreeSet<String> = cells.iter().filter(of_it).map(Cell::id).collect();
        for id in ids.difference(&listed) {
            unlisted.insert(id.clone(), format!("{program} --list does not name it"));
        }
        let sizes: BTreeSet<Size> = cells.iter().map(Cell::size).collect();
        let all_sizes = [Size::Small, Size::Medium, Size::Large].iter().all(|it| sizes.contains(it));
        if !filtered && all_sizes {
            for id in listed.difference(&ids) {
                eprintln!("{program} has {id}, which the manifest does not know");
            }
        }
    }
    unlisted
}

/// Says how the cells ended.
fn report(run: &Run, session: &Session) -> Outcome {
    for line in &run.left_out {
        println!("left out: {line}");
    }
    for line in records::troubles(session.journal.records()) {
        println!("{line}");
    }
    let counts = run.cells;
    println!(
        "{} cells expected: {} ok, {} failed, {} not run; {:.0} s",
        counts.expected, counts.ok, counts.failed, counts.not_run, run.seconds
    );
    println!("records: {}", session.folder.display());
    if counts.failed == 0 { Outcome::Fine } else { Outcome::NotMeasured }
}
