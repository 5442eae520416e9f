//! `run.json`: what a run is, whether it can be resumed, and its end.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use heddle_report::records::{Cells, Measurement, Run, SCHEMA};
use heddle_report::{read, summary};

use super::pythons::Interpreter;
use super::revision::{self, Revision};
use super::{DEFAULT_SECONDS, QUICK_ROUNDS, QUICK_SECONDS, ROUNDS, host};
use crate::flags::Selection;
use crate::workspace::Places;

/// What a run would be if it started now, without an id.
pub fn identity(selection: &Selection, places: &Places, interpreters: &[Interpreter]) -> Run {
    let Revision { commit, dirty } = Revision::of(&places.root);
    let budget = match (selection.quick, selection.full, selection.budget) {
        (true, ..) => QUICK_SECONDS,
        // A week: as long as it takes, and still a number in the record.
        (_, true, _) => 7.0 * 86_400.0,
        (.., Some(budget)) => budget.as_secs_f64(),
        _ => DEFAULT_SECONDS,
    };
    let rounds = selection.rounds.unwrap_or(if selection.quick { QUICK_ROUNDS } else { ROUNDS });
    Run {
        schema: SCHEMA,
        id: String::new(),
        started: String::new(),
        seconds: 0.0,
        quick: selection.quick,
        seed: selection.seed,
        rounds,
        budget_seconds: budget,
        flags: flags(selection),
        revision: commit,
        dirty,
        rustc: revision::rustc(),
        rustflags: std::env::var("RUSTFLAGS").unwrap_or_default(),
        host: host::describe(),
        pythons: interpreters.iter().map(|it| it.python.clone()).collect(),
        cells: Cells::default(),
        complete: false,
        left_out: Vec::new(),
    }
}

/// The flags that decide what is measured, in one order, without paths of this machine.
fn flags(selection: &Selection) -> Vec<String> {
    let mut flags = Vec::new();
    let mut flag = |on: bool, text: &str| {
        if on {
            flags.push(text.to_string());
        }
    };
    flag(selection.quick, "--quick");
    flag(selection.full, "--full");
    flag(selection.no_python, "--no-python");
    let values = [
        ("--budget", selection.budget.map(|it| format!("{}s", it.as_secs_f64()))),
        ("--filter", selection.filter.clone()),
        ("--rounds", selection.rounds.map(|it| it.to_string())),
    ];
    for (name, value) in values {
        flags.extend(value.map(|value| [name.to_string(), value]).into_iter().flatten());
    }
    flags
}

/// Opens the newest interrupted run that is the same as `identity`, or starts one. Says whether it resumes.
pub fn open(runs: &Path, identity: &Run) -> Result<(PathBuf, Run, bool)> {
    let mut folders: Vec<PathBuf> = fs::read_dir(runs)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    for folder in folders.into_iter().rev() {
        let file = folder.join("run.json");
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if let Ok(run) = read::run(&text, &file.display().to_string())
            && !run.complete
            && is_same(&run, identity)
        {
            return Ok((folder, run, true));
        }
    }
    start(runs, identity)
}

/// Whether resuming one would measure what the other measures.
fn is_same(a: &Run, b: &Run) -> bool {
    (a.quick, a.seed, a.rounds, &a.flags, a.budget_seconds)
        == (b.quick, b.seed, b.rounds, &b.flags, b.budget_seconds)
        && (&a.revision, &a.dirty, &a.rustc, &a.rustflags) == (&b.revision, &b.dirty, &b.rustc, &b.rustflags)
        && (&a.host.name, &a.host.kernel, &a.pythons) == (&b.host.name, &b.host.kernel, &b.pythons)
}

fn start(runs: &Path, identity: &Run) -> Result<(PathBuf, Run, bool)> {
    let now = jiff::Timestamp::now();
    let short = Revision { commit: identity.revision.clone(), dirty: None };
    let stem = format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), short.short());
    for attempt in 1.. {
        let id = if attempt == 1 { stem.clone() } else { format!("{stem}-{attempt}") };
        let folder = runs.join(&id);
        match fs::create_dir(&folder) {
            Ok(()) => {
                let started = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let run = Run { id, started, ..identity.clone() };
                write(&folder, &run)?;
                return Ok((folder, run, false));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| folder.display().to_string()),
        }
    }
    unreachable!("some name is free")
}

/// Writes `run.json`, whole or not at all.
pub fn write(folder: &Path, run: &Run) -> Result<()> {
    replace(&folder.join("run.json"), &(serde_json::to_string_pretty(run)? + "\n"))
}

/// Writes `run.json` and `summary.json` as things stand now.
pub fn conclude(folder: &Path, run: &mut Run, records: &[Measurement]) -> Result<()> {
    run.host.load_after = host::load();
    write(folder, run)?;
    let summary = summary::summarise(run, records).with_context(|| folder.display().to_string())?;
    replace(&folder.join("summary.json"), &summary::to_json(&summary))
}

/// Replaces a file by way of a neighbour, so that a reader sees the old or the new text.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).with_context(|| path.display().to_string())?;
    Ok(())
}
