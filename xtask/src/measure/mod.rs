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

    let programs = programs::build(&places, &programs_of(&cells), selection.programs.as_deref())?;
    let unlisted = unlisted(&programs, &cells);

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
        found: None,
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
        cells.retain(|cell| !matches!(cell.size(), Size::Medium | Size::Large));
        // Who names what is to be measured is to get it.
        cells.retain(|cell| cell.size() != Size::Detail || selection.filter.is_some());
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

/// Why some cells cannot be run: their programs do not list them.
fn unlisted(programs: &programs::Programs, cells: &[Cell]) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    for (program, path) in programs {
        match programs::list(path) {
            Ok(listed) => {
                let missing = ids_of(program, cells).into_iter().filter(|id| !listed.contains(id));
                reasons.extend(missing.map(|id| (id, format!("{program} --list does not name it"))));
            }
            Err(error) => eprintln!("{program}: {error:#}; its cells are tried all the same"),
        }
    }
    reasons
}

/// Where the manifest and the bench programs disagree, either way.
pub fn disagreements(places: &Places) -> Result<Vec<String>> {
    let cells = manifest::expand(manifest::COMMITTED, host::cores(), &[])?;
    let mut found = Vec::new();
    for (program, path) in programs::build(places, &programs_of(&cells), None)? {
        let (listed, expected) = (programs::list(&path)?, ids_of(&program, &cells));
        found.extend(
            expected.difference(&listed).map(|id| format!("{id}: {program} --list does not name it")),
        );
        found.extend(listed.difference(&expected).map(|id| format!("{id}: xtask/manifest.toml lacks it")));
    }
    Ok(found)
}

/// Which bench programs fail when each of their benchmarks is run once, answers checked. Only those whose cells a quick run
/// leaves out: it runs the others.
pub fn wrong_answers(places: &Places) -> Result<Vec<String>> {
    let mut cells = manifest::expand(manifest::COMMITTED, host::cores(), &[])?;
    // All are built, as in `disagreements`: for other packages cargo would choose other features, and build everything anew.
    let built = programs::build(places, &programs_of(&cells), None)?;
    cells.retain(|cell| cell.size() == Size::Detail);
    let wanted = programs_of(&cells);
    let mut found = Vec::new();
    for (program, path) in built.into_iter().filter(|(program, _)| wanted.contains(program)) {
        if let Err(error) = programs::try_all(&path) {
            found.push(format!("{program}: {error:#}"));
        }
    }
    Ok(found)
}

/// The bench programs that cells need.
fn programs_of(cells: &[Cell]) -> BTreeSet<Program> {
    let program = |cell: &Cell| match &cell.source {
        Source::Program { program, .. } => Some(program.clone()),
        Source::Python { .. } if cell.group.starts_with("echo/") => Some(turn::echo_server()),
        Source::Python { .. } => None,
    };
    cells.iter().filter_map(program).collect()
}

/// The ids of a bench program's cells.
fn ids_of(program: &Program, cells: &[Cell]) -> BTreeSet<String> {
    let of_it = |cell: &&Cell| matches!(&cell.source, Source::Program { program: it, .. } if it == program);
    cells.iter().filter(of_it).map(Cell::id).collect()
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
