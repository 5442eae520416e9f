//! Running mutants until something notices: loom first, then shuttle where waking was changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use heddle_report::records::{CheckResult, Verification};

use super::harvest::{blank, harvest};
use super::mutants::{self, Arguments, Mutant, Reached};
use super::processes::{Task, run_all};
use super::suite::{Built, Checker, Suite};
use super::{Effort, Seconds, Session, as_mutant, sites_path, subject};
use crate::progress::Progress;

/// The shortest limit for a mutant's process. A limit is at least ten times what the unchanged program takes, so that one that is
/// reached tells of an execution that does not end.
const SHORTEST_LIMIT: Duration = Duration::from_secs(30);

/// Mutants that a quick run tries, drawn with a fixed seed.
const QUICK_SAMPLE: usize = 60;

/// How the mutants ended, by number.
#[derive(Debug, Default)]
pub struct Score {
    sites: usize,
    all: usize,
    tried: usize,
    killed: BTreeMap<String, usize>,
    equivalent: usize,
    undecided: Vec<String>,
    /// Calls that order something or wake somebody, and that no scenario reaches: no mutant of theirs was tried.
    unreached: Vec<String>,
    /// What makes the score worth nothing.
    pub problems: Vec<String>,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let killed: usize = self.killed.values().sum();
        let share = |n: usize| 100.0 * n as f64 / self.tried.max(1) as f64;
        writeln!(
            f,
            "mutants: {} call sites, {} mutants, {} tried: {killed} killed ({:.1} %), {} equivalent, {} undecided ({:.1} %)",
            self.sites,
            self.all,
            self.tried,
            share(killed),
            self.equivalent,
            self.undecided.len(),
            share(self.undecided.len()),
        )?;
        let causes: Vec<_> = self.killed.iter().map(|(cause, n)| format!("{n} {cause}")).collect();
        write!(f, "  killed by: {}", causes.join(", "))?;
        for mutant in &self.undecided {
            write!(f, "\n  undecided: {mutant}")?;
        }
        for call in &self.unreached {
            write!(f, "\n  no scenario reaches {call}")?;
        }
        Ok(())
    }
}

/// A test as it is without mutants.
struct Baseline {
    seconds: f64,
    reached: BTreeSet<Reached>,
}

/// A mutant, and what is still to be tried.
struct Trial<'a> {
    mutant: &'a Mutant,
    checker: Checker,
    test: String,
    rest: Vec<(Checker, String)>,
    reached: bool,
    executions: u64,
    seconds: f64,
}

/// Tries every mutant, or a sample of them; returns the jobs and the score.
pub fn run(
    session: &mut Session,
    suite: &Suite,
    built: &BTreeMap<Checker, (Built, Seconds)>,
) -> Result<(Vec<String>, Score)> {
    let mut score = Score::default();
    let mut baselines = BTreeMap::new();
    let mut programs = BTreeMap::new();
    for checker in [Checker::Loom, Checker::Shuttle] {
        if let Some((program, seconds)) = built.get(&checker) {
            baselines.insert(checker, discover(session, suite, program, seconds, &mut score)?);
            programs.insert(checker, program.clone());
        }
    }
    let programs = &programs;
    let by_loom = baselines.get(&Checker::Loom);
    let reached: BTreeMap<String, BTreeSet<Reached>> = by_loom
        .into_iter()
        .flatten()
        .map(|(test, baseline)| (test.clone(), baseline.reached.clone()))
        .collect();
    let (mutants, sites) = mutants::all(suite, &reached)?;
    if session.filter.is_none() && session.subjects.is_none() {
        score.unreached = mutants::unreached(suite, &reached)?;
    }
    let arguments = Arguments::read(suite)?;
    score.sites = sites;
    score.all = mutants.len();
    if session.filter.is_none() && session.subjects.is_none() {
        for name in arguments.about_nothing(&mutants) {
            score.problems.push(format!("mutants.toml argues about {name}, which there is not"));
        }
    }
    let chosen = choose(session, &mutants);
    score.tried = chosen.len();
    let job = |mutant: &Mutant| format!("mutant {}", mutant.name);
    let tasks: Vec<_> = chosen
        .iter()
        .filter(|mutant| !session.journal.has(&job(mutant)))
        .filter_map(|mutant| first(session, programs, &baselines, mutant))
        .collect();
    let mut progress = Progress::new(tasks.len() as f64);
    if !tasks.is_empty() {
        progress.line(&format!("mutants  {} of {}", tasks.len(), mutants.len()));
    }
    let logs = session.logs.clone();
    let journal = &mut session.journal;
    run_all(tasks, session.at_once, |task, ended| {
        let Task { tag: mut trial, log, limit, .. } = task;
        let lines = records_path(&logs, trial.mutant);
        let harvest = harvest(trial.checker, &trial.test, &lines, &log, ended, limit);
        trial.reached |= harvest.mutant_reached;
        trial.seconds += ended.took.as_secs_f64();
        trial.executions += harvest.records.iter().map(|record| record.executions).sum::<u64>();
        if harvest.cause.is_none()
            && let Some((checker, test)) = trial.rest.pop()
        {
            let next = Trial { checker, test, ..trial };
            return Ok(Some(task_of(&logs, programs, &baselines, next)));
        }
        let record = record_of(&trial, &harvest.records, harvest.cause, &arguments);
        // Not in full: there are hundreds, and the program's own failures are what a trace is for.
        let record = Verification { trace: None, ..record };
        journal.add(job(trial.mutant), vec![record])?;
        progress.advance(1.0, &trial.mutant.name);
        Ok(None)
    })?;
    progress.finish();
    for mutant in &chosen {
        let record = session.journal.of(&job(mutant)).and_then(|records| records.first());
        judge(&mut score, mutant, record, arguments.about(&mutant.name).is_some());
    }
    Ok((chosen.into_iter().map(job).collect(), score))
}

/// The time that each test takes unchanged, and the calls that it reaches; those that have not just been run are run for it.
fn discover(
    session: &mut Session,
    suite: &Suite,
    program: &Built,
    known: &Seconds,
    score: &mut Score,
) -> Result<BTreeMap<String, Baseline>> {
    let checker = program.checker;
    let useful = |test: &&String| !test.starts_with("canaries::") && !test.contains("planted");
    let tests: Vec<&String> = program.tests.iter().filter(useful).collect();
    let left: Vec<&String> = tests.iter().copied().filter(|test| !known.contains_key(*test)).collect();
    let mut progress = Progress::new(left.len() as f64);
    if !left.is_empty() {
        progress.line(&format!("{checker:<8} {} tests without mutants", left.len()));
    }
    let tasks = left.into_iter().map(|test| {
        let sites = sites_path(&session.logs, checker, test);
        let _ = fs::remove_file(&sites);
        let mut command = program.test(test);
        command.env("HEDDLE_EFFORT", "mutant");
        let log = sites.with_extension("log");
        command.env("HEDDLE_SITES", sites);
        Task { command, log, limit: Duration::from_secs(300), tag: test.clone() }
    });
    let mut seconds = known.clone();
    run_all(tasks, session.at_once, |task, ended| {
        match ended.failure(task.limit) {
            None => drop(seconds.insert(task.tag.clone(), ended.took.as_secs_f64())),
            Some(failure) => {
                score.problems.push(format!("{checker} {} fails without a mutant: {failure}", task.tag));
            }
        }
        progress.advance(1.0, &task.tag);
        Ok(None)
    })?;
    progress.finish();
    let mut baselines = BTreeMap::new();
    for test in tests {
        if let Some(&seconds) = seconds.get(test) {
            let reached = mutants::reached(suite, &sites_path(&session.logs, checker, test))?;
            baselines.insert(test.clone(), Baseline { seconds, reached });
        }
    }
    Ok(baselines)
}

/// Those that the filter selects; for a quick run, a sample of them.
fn choose<'a>(session: &Session, mutants: &'a [Mutant]) -> Vec<&'a Mutant> {
    let about = |mutant: &&Mutant| match &session.subjects {
        None => true,
        Some(subjects) => mutant.tests.iter().any(|test| subjects.contains(subject(test))),
    };
    let selected = |mutant: &&Mutant| session.selects(&format!("mutant {} {}", mutant.file, mutant.name));
    let mut chosen: Vec<&Mutant> = mutants.iter().filter(about).filter(selected).collect();
    if session.effort == Effort::Quick && session.filter.is_none() && chosen.len() > QUICK_SAMPLE {
        fastrand::Rng::with_seed(1).shuffle(&mut chosen);
        chosen.truncate(QUICK_SAMPLE);
        chosen.sort_by(|a, b| a.name.cmp(&b.name));
    }
    chosen
}

type Baselines = BTreeMap<Checker, BTreeMap<String, Baseline>>;

/// The first process of a mutant: the shortest test that reaches the call.
fn first<'a>(
    session: &Session,
    programs: &BTreeMap<Checker, Built>,
    baselines: &Baselines,
    mutant: &'a Mutant,
) -> Option<Task<Trial<'a>>> {
    let mut tests: Vec<(Checker, String)> =
        mutant.tests.iter().map(|test| (Checker::Loom, test.clone())).collect();
    if mutant.wakes {
        let site = mutant.setting.split('=').next().unwrap_or_default();
        let of_shuttle = baselines.get(&Checker::Shuttle).into_iter().flatten();
        let reaching =
            of_shuttle.filter(|(_, baseline)| baseline.reached.iter().any(|call| call.is_at(site)));
        tests.extend(reaching.map(|(test, _)| (Checker::Shuttle, test.clone())));
    }
    // The last one is taken first; loom's come before shuttle's.
    tests.sort_by(|a, b| b.0.cmp(&a.0).then(seconds(baselines, b).total_cmp(&seconds(baselines, a))));
    let (checker, test) = tests.pop()?;
    let trial = Trial { mutant, checker, test, rest: tests, reached: false, executions: 0, seconds: 0.0 };
    Some(task_of(&session.logs, programs, baselines, trial))
}

fn seconds(baselines: &Baselines, (checker, test): &(Checker, String)) -> f64 {
    baselines.get(checker).and_then(|tests| tests.get(test)).map_or(0.0, |baseline| baseline.seconds)
}

fn task_of<'a>(
    logs: &std::path::Path,
    programs: &BTreeMap<Checker, Built>,
    baselines: &Baselines,
    trial: Trial<'a>,
) -> Task<Trial<'a>> {
    let mut command = programs[&trial.checker].test(&trial.test);
    as_mutant(&mut command, &trial.mutant.setting);
    let lines = records_path(logs, trial.mutant);
    let _ = fs::remove_file(&lines);
    command.env("HEDDLE_RECORDS", &lines);
    let taken = seconds(baselines, &(trial.checker, trial.test.clone()));
    let limit = Duration::from_secs_f64(10.0 * taken).max(SHORTEST_LIMIT);
    Task { command, log: lines.with_extension("log"), limit, tag: trial }
}

/// A file for what one mutant's processes write.
fn records_path(logs: &std::path::Path, mutant: &Mutant) -> PathBuf {
    let name: String =
        mutant.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    logs.join(format!("mutant-{name}.records"))
}

/// What the trials of a mutant say together.
fn record_of(
    trial: &Trial<'_>,
    records: &[Verification],
    cause: Option<&str>,
    arguments: &Arguments,
) -> Verification {
    let subject = subject(&trial.test);
    let killer = records.iter().find(|record| record.cause.is_some() && !record.planted);
    let result = match (cause, trial.reached) {
        // A process that dies may not have told that it had reached the call.
        (Some(_), _) => CheckResult::Fail,
        (None, true) => CheckResult::Pass,
        (None, false) => CheckResult::Unknown,
    };
    Verification {
        result,
        cause: cause.map(String::from),
        message: killer.and_then(|record| record.message.clone()),
        replay: killer.and_then(|record| record.replay.clone()),
        threads: records.iter().map(|record| record.threads).max().unwrap_or(0),
        executions: trial.executions,
        seconds: trial.seconds,
        mutant: Some(trial.mutant.name.clone()),
        equivalent: arguments.about(&trial.mutant.name).map(String::from),
        ..blank(trial.checker, subject, killer.map_or(trial.test.as_str(), |record| record.scenario.as_str()))
    }
}

fn judge(score: &mut Score, mutant: &Mutant, record: Option<&Verification>, argued: bool) {
    let name = &mutant.name;
    match record.map(|record| (record.result, record.cause.as_deref())) {
        Some((CheckResult::Fail, cause)) => {
            *score.killed.entry(cause.unwrap_or("assertion").into()).or_default() += 1;
            if argued {
                score.problems.push(format!("mutants.toml calls {name} equivalent, and it was killed"));
            }
        }
        Some((CheckResult::Unknown, _)) => score.problems.push(format!("{name} was never reached")),
        _ if argued => score.equivalent += 1,
        _ => score.undecided.push(name.clone()),
    }
}
