//! One turn: a fresh process that measures one cell once, and what it yields.
//!
//! Every turn has a folder of its own, with a fresh `CRITERION_HOME` and a fresh file for extra lines
//! (`HEDDLE_EXTRA`); nothing of an earlier turn can be mistaken for its result. With `HEDDLE_ONCE=1` a bench
//! program makes one timed call and writes it as an extra line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use heddle_report::records::Better;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::criterion;
use super::manifest::{Cell, Metric, Program, Source};
use crate::run_command::{run_logged, tail};

/// How a cell is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Criterion samples for under 0.3 s.
    Sampled,
    /// One timed call.
    Once,
}

/// One value that a turn yielded.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What was measured.
    pub metric: Metric,
    /// How much.
    pub value: f64,
    /// What else distinguishes it.
    pub params: BTreeMap<String, Value>,
}

/// What a turn came to.
#[derive(Debug)]
pub struct Turn {
    /// The values, at least one for each metric of the cell, or what went wrong in words.
    pub result: Result<Vec<Reading>, String>,
    /// Wall-clock time of the process.
    pub took: Duration,
}

/// The bench program that serves the kernel `echo` to other languages.
pub fn echo_server() -> Program {
    Program { package: "heddle-kernels".to_owned(), bench: "costs".to_owned() }
}

/// What runs the turns.
#[derive(Debug)]
pub struct Runner {
    /// Where each bench program is.
    pub programs: super::programs::Programs,
    /// The interpreters by the prefix of their variants.
    pub pythons: BTreeMap<String, PathBuf>,
    /// The script that they run.
    pub script: PathBuf,
    /// Share of the usual problem size that the script works on.
    pub python_scale: f64,
    /// The folder that turns have theirs in.
    pub scratch: PathBuf,
}

impl Runner {
    /// Runs one turn of `cell` for at most `limit`.
    ///
    /// # Errors
    /// Only if the user interrupts or this side fails; a failing cell is a result.
    pub fn run(&self, cell: &Cell, mode: Mode, limit: Duration) -> Result<Turn> {
        let folder = tempfile::tempdir_in(&self.scratch)?;
        let (log, extra) = (folder.path().join("log"), folder.path().join("extra.jsonl"));
        let home = folder.path().join("criterion");
        let mut command = match self.command(cell) {
            Ok(command) => command,
            Err(reason) => return Ok(Turn { result: Err(reason), took: Duration::ZERO }),
        };
        command.env("CRITERION_HOME", &home).env("HEDDLE_EXTRA", &extra).env_remove("CARGO_CRITERION_PORT");
        match mode {
            Mode::Once => command.env("HEDDLE_ONCE", "1"),
            Mode::Sampled => command.env_remove("HEDDLE_ONCE"),
        };
        let ended = run_logged(&mut command, &log, limit)?;
        let result = match ended.failure(limit) {
            Some(failure) => Err(with_last_words(failure, &log)),
            None => read(cell, &home, &extra).map_err(|reason| with_last_words(reason, &log)),
        };
        Ok(Turn { result, took: ended.took })
    }

    fn command(&self, cell: &Cell) -> Result<Command, String> {
        match &cell.source {
            Source::Program { program, .. } => {
                let path =
                    self.programs.get(program).ok_or(format!("there is no bench program {program}"))?;
                let mut command = Command::new(path);
                command.args(criterion::arguments(&cell.id()));
                Ok(command)
            }
            Source::Python { name, model } => {
                let path = self.pythons.get(name).ok_or(format!("there is no interpreter {name}"))?;
                let mut command = Command::new(path);
                // `-I`: no site of the user's, no variables, so that nothing foreign is imported.
                command.arg("-I").arg(&self.script).args(["--group", &cell.group, "--model", model]);
                command.args(["--variant", &cell.variant, "--workers", &cell.workers.to_string()]);
                command.args(["--scale", &self.python_scale.to_string()]);
                if let Some(server) = self.programs.get(&echo_server()) {
                    command.arg("--server").arg(server);
                }
                Ok(command)
            }
        }
    }
}

/// A line that a bench program appends to `$HEDDLE_EXTRA`.
#[derive(Deserialize)]
struct Extra {
    group: String,
    variant: String,
    workers: u32,
    metric: String,
    unit: String,
    better: Better,
    value: f64,
    #[serde(default)]
    params: BTreeMap<String, Value>,
}

/// Collects a turn's values: extra lines first, then criterion's time unless an extra line gave one.
fn read(cell: &Cell, home: &Path, extra: &Path) -> Result<Vec<Reading>, String> {
    let mut readings = Vec::new();
    let text = fs::read_to_string(extra).unwrap_or_default();
    for (number, line) in text.lines().enumerate() {
        let line: Extra = serde_json::from_str(line).map_err(|error| {
            format!("extra line {} is no value ({error}): {}", number + 1, shortened(line))
        })?;
        if (&line.group, &line.variant, line.workers) != (&cell.group, &cell.variant, cell.workers) {
            let other = format!("{}/{}/{}", line.group, line.variant, line.workers);
            return Err(format!("the program reported {other}, which it was not asked for"));
        }
        let metric = Metric { name: line.metric, unit: line.unit, better: line.better };
        readings.push(Reading { metric, value: line.value, params: line.params });
    }
    let has = |readings: &[Reading], metric: &Metric| readings.iter().any(|it| it.metric == *metric);
    let time = Metric::time();
    if let Source::Program { criterion: true, .. } = cell.source
        && !has(&readings, &time)
    {
        let value = criterion::read(home, &cell.id()).map_err(|error| format!("{error:#}"))?;
        readings.push(Reading { metric: time, value, params: BTreeMap::new() });
    }
    for metric in &cell.metrics {
        if !has(&readings, metric) {
            return Err(format!("the program yielded no {} in {}", metric.name, metric.unit));
        }
    }
    for reading in &readings {
        let at_least = if reading.metric.name == "time" { f64::MIN_POSITIVE } else { 0.0 };
        if !reading.value.is_finite() || reading.value < at_least {
            return Err(format!(
                "{} of {} {} cannot be",
                reading.metric.name, reading.value, reading.metric.unit
            ));
        }
    }
    Ok(readings)
}

/// A reason with the last lines that the process wrote.
fn with_last_words(reason: String, log: &Path) -> String {
    let words = tail(log, 3).replace('\n', " | ");
    if words.is_empty() { reason } else { format!("{reason}: {}", shortened(&words)) }
}

/// At most 300 characters, from the end, where a panic's message is.
fn shortened(text: &str) -> String {
    let count = text.chars().count();
    let kept: String = text.chars().skip(count.saturating_sub(300)).collect();
    if count > 300 { format!("…{kept}") } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::manifest::expand;

    fn cell() -> Cell {
        let entry =
            "[[cells]]\nsuite='s'\nprogram='p/b'\ngroups=['g']\nvariants=['v']\nworkers=['1']\nextra=true\n";
        expand(entry, 1, &[]).unwrap().remove(0)
    }

    fn read_text(text: &str) -> Result<Vec<Reading>, String> {
        let folder = tempfile::tempdir().unwrap();
        let extra = folder.path().join("extra");
        fs::write(&extra, text).unwrap();
        read(&cell(), folder.path(), &extra)
    }

    fn line(variant: &str, value: &str) -> String {
        format!(
            r#"{{"group":"g","variant":"{variant}","workers":1,"metric":"time","unit":"ns","better":"lower","value":{value}}}"#
        ) + "\n"
    }

    #[test]
    fn extra_lines_become_readings() {
        let more = line("v", "7").replace("time", "share").replace("ns", "1");
        let readings = read_text(&(line("v", "12.5") + &more)).unwrap();
        assert_eq!(readings.iter().map(|it| it.value).collect::<Vec<_>>(), [12.5, 7.0]);
    }

    #[test]
    fn what_is_no_value_is_a_reason() {
        for (text, reason) in [
            (String::new(), "yielded no time in ns"),
            (line("v", "NaN"), "is no value"),
            (line("v", "0"), "cannot be"),
            (line("v", "-1"), "cannot be"),
            (line("v", "1e999"), "is no value"),
            (line("other", "1"), "not asked for"),
            (line("v", "1")[..40].to_string(), "is no value"),
        ] {
            let error = read_text(&text).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
