//! `verify`: every checker on every scenario, each in a process of its own, and the same for mutants of the program.
//!
//! - [`suite`]: a crate's tests, built for each checker;
//! - [`mod@harvest`]: from what a process wrote, and how it ended, to records;
//! - [`mutants`], [`names`]: which changes can be made, and what they are called;
//! - [`trial`]: running mutants until something notices;
//! - [`journal`]: what was done so far.

mod calls;
mod changed;
mod harvest;
mod journal;
mod mutants;
mod names;
mod processes;
mod suite;
mod summary;
mod trial;

pub use journal::folder;
pub use suite::Checker;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use heddle_report::records::{CheckResult, Status, Verification};
use regex::Regex;

use crate::flags::{VerifyFlags, VerifyPart};
use crate::measure::revision::Revision;
use crate::outcome::{Outcome, usage};
use crate::progress::Progress;
use crate::run_command::catch_interrupts;
use crate::workspace::Places;
use harvest::{blank, harvest, is_red};
use journal::Journal;
use processes::{Task, run_all};
use suite::{Built, Suite};

/// How long a run takes, and what it does with the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    Quick,
    Default,
    Full,
}

impl Effort {
    fn of(flags: &VerifyFlags) -> Effort {
        match (flags.quick, flags.full) {
            (true, _) => Effort::Quick,
            (_, true) => Effort::Full,
            _ => Effort::Default,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Effort::Quick => "quick",
            Effort::Default => "default",
            Effort::Full => "full",
        }
    }

    /// What a scenario's process is told; see `heddle_primitives::verify`.
    fn setting(self) -> Option<&'static str> {
        match self {
            Effort::Quick => None,
            Effort::Default => Some("deep:8"),
            Effort::Full => Some("deep:900"),
        }
    }

    /// The longest that the process of one test may take.
    fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Effort::Quick => 240,
            Effort::Default => 900,
            Effort::Full => 12 * 3600,
        })
    }

    /// Seeds of Miri for each test.
    fn seeds(self) -> u32 {
        match self {
            Effort::Quick => 1,
            Effort::Default => 2,
            Effort::Full => 256,
        }
    }

    /// Times that ThreadSanitizer sees each scenario.
    fn repetitions(self) -> u32 {
        match self {
            Effort::Quick => 100,
            Effort::Default => 500,
            Effort::Full => 5_000,
        }
    }

    /// Whether a checker is part of the effort; those that are not can be asked for by `--only`.
    fn includes(self, checker: Checker) -> bool {
        self != Effort::Quick || matches!(checker, Checker::Loom | Checker::Shuttle)
    }
}

/// What tests took that passed.
type Seconds = BTreeMap<String, f64>;

/// What a run works with.
struct Session {
    effort: Effort,
    filter: Option<Regex>,
    /// The only subjects that count, if not all do.
    subjects: Option<BTreeSet<String>>,
    at_once: usize,
    logs: PathBuf,
    journal: Journal,
}

/// Runs what the flags select, and says what was found.
pub fn run(flags: &VerifyFlags) -> Result<Outcome> {
    let places = Places::find(flags.home.as_deref())?;
    let suite = match &flags.manifest_path {
        Some(manifest) => Suite::foreign(&places, manifest)?,
        None => Suite::primitives(&places),
    };
    let effort = Effort::of(flags);
    let revision = Revision::of(&suite.root);
    let folder = match &flags.manifest_path {
        Some(_) => places.home.join("verification").join(suite.name()),
        None => folder(&places, &revision),
    };
    let filter = flags.filter.as_deref().map(filter).transpose()?;
    catch_interrupts();
    let logs = folder.join("logs");
    fs::create_dir_all(&logs)?;
    // Nobody tells when sources change that git does not know.
    let go_on = flags.manifest_path.is_none() && revision.commit != "unknown";
    let mut session = Session {
        effort,
        filter,
        subjects: None,
        at_once: flags.jobs.map_or_else(cores, usize::from),
        logs,
        journal: Journal::open(&folder, &name_of(effort, flags), go_on)?,
    };
    let start = Instant::now();
    let mut jobs = Vec::new();
    let mut built = BTreeMap::new();
    for checker in Checker::ALL {
        let wanted = if flags.only.is_empty() {
            effort.includes(checker)
        } else {
            flags.only.iter().any(|part| part.checker() == Some(checker.name()))
        };
        let needed = flags.wants(VerifyPart::Mutants) && matches!(checker, Checker::Loom | Checker::Shuttle);
        if !wanted && !needed {
            continue;
        }
        if let Some(missing) = checker.missing() {
            jobs.push(session.not_run(checker, missing)?);
            continue;
        }
        eprintln!("{checker:<8} building");
        let program = suite.build(checker, &session.logs)?;
        if flags.changed && session.subjects.is_none() {
            let known = program.tests.iter().map(|test| subject(test).to_string()).collect();
            session.subjects = changed::subjects(&suite.root, &suite.folder, &known)?;
        }
        let mut seconds = Seconds::new();
        if wanted {
            let (done, took) = session.matrix(&program)?;
            jobs.extend(done);
            if effort == Effort::Quick {
                seconds = took;
            }
        }
        built.insert(checker, (program, seconds));
    }
    let mut score = None;
    if flags.wants(VerifyPart::Mutants) {
        let (tried, mutants) = trial::run(&mut session, &suite, &built)?;
        jobs.extend(tried);
        score = Some(mutants);
    }
    if jobs.is_empty() {
        return Err(usage(
            "nothing is selected; a filter is matched against `loom mutex::two_threads` and the like",
        ));
    }
    // A part that was run replaces its records; a selection of tests is no part, and stands apart.
    let selected = flags.filter.is_some() || flags.changed;
    let name = if selected { "selection.jsonl" } else { "verification.jsonl" };
    let keep =
        |record: &Verification| !selected && !flags.wants_record(record.mutant.is_some(), &record.checker);
    let (path, records) = session.journal.publish(name, keep, jobs.iter().map(String::as_str))?;
    summary::print(&records, score.as_ref(), start.elapsed());
    println!("records: {}", path.display());
    Ok(outcome(&records, score.as_ref(), flags.allow_missing))
}

/// What is asked for is part of a journal's name: another run's is no part of this one.
fn name_of(effort: Effort, flags: &VerifyFlags) -> String {
    let parts: Vec<_> = flags.only.iter().map(|part| format!("-{part:?}").to_lowercase()).collect();
    format!("{}{}", effort.name(), parts.concat())
}

/// Red before missing before fine.
fn outcome(records: &[Verification], score: Option<&trial::Score>, allow_missing: bool) -> Outcome {
    // A violation is what a mutant is tried for.
    let of_program = || records.iter().filter(|record| record.mutant.is_none());
    let wrong = of_program().any(|record| is_red(record) && record.result != CheckResult::Unknown);
    if wrong || score.is_some_and(|score| !score.problems.is_empty()) {
        return Outcome::CheckFailed;
    }
    let unknown = of_program().any(|record| record.result == CheckResult::Unknown);
    let missing = of_program().any(|record| record.status == Status::NotRun);
    if unknown || (missing && !allow_missing) { Outcome::NotMeasured } else { Outcome::Fine }
}

impl Session {
    /// Whether the filter lets a name pass.
    fn selects(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.is_match(name))
    }

    /// Whether a test counts: the filter lets it pass, and it is about one of the subjects.
    fn selects_test(&self, checker: Checker, test: &str) -> bool {
        let about = |subjects: &BTreeSet<String>| subjects.contains(subject(test));
        self.subjects.as_ref().is_none_or(about) && self.selects(&format!("{checker} {test}"))
    }

    /// Runs every test under its checker; returns the jobs, and the seconds that each test took that was run.
    fn matrix(&mut self, program: &Built) -> Result<(Vec<String>, Seconds)> {
        let checker = program.checker;
        let tests: Vec<&String> =
            program.tests.iter().filter(|test| self.selects_test(checker, test)).collect();
        let job = |test: &str| format!("{checker} {test}");
        let left = tests.iter().filter(|test| !self.journal.has(&job(test)));
        let tasks: Vec<_> = left.map(|test| self.task(program, test)).collect();
        let mut progress = Progress::new(tasks.len() as f64);
        if !tasks.is_empty() {
            progress.line(&format!("{checker:<8} {} tests", tasks.len()));
        }
        let (journal, logs, limit) = (&mut self.journal, &self.logs, self.effort.limit());
        let mut seconds = Seconds::new();
        run_all(tasks, self.at_once, |task, ended| {
            let lines = records_path(logs, checker, &task.tag);
            let mut harvest = harvest(checker, &task.tag, &lines, &task.log, ended, limit);
            for record in &mut harvest.records {
                of_checker(checker, record);
            }
            for record in harvest.records.iter().filter(|record| is_red(record)) {
                progress.line(&format!("{checker:<8} {}: {}", task.tag, summary::problem(record)));
            }
            journal.add(job(&task.tag), harvest.records)?;
            progress.advance(1.0, &task.tag);
            if ended.failure(limit).is_none() {
                seconds.insert(task.tag, ended.took.as_secs_f64());
            }
            Ok(None)
        })?;
        progress.finish();
        Ok((tests.into_iter().map(|test| job(test)).collect(), seconds))
    }

    fn task(&self, program: &Built, test: &str) -> Task<String> {
        let checker = program.checker;
        let mut command = program.test(test);
        let lines = records_path(&self.logs, checker, test);
        let sites = sites_path(&self.logs, checker, test);
        // A line that was left by another run would be taken for one of this.
        let _ = fs::remove_file(&lines);
        let _ = fs::remove_file(&sites);
        command.env("HEDDLE_RECORDS", &lines);
        match (checker, self.effort.setting()) {
            (Checker::Miri, _) => {
                let flags = format!(
                    "-Zmiri-disable-isolation -Zmiri-many-seeds=0..{} -Zmiri-preemption-rate=0.1",
                    self.effort.seeds()
                );
                command.env("MIRIFLAGS", flags);
            }
            (Checker::Tsan, _) => {
                command.env("HEDDLE_REPEAT", self.effort.repetitions().to_string());
                command.env("TSAN_OPTIONS", "halt_on_error=1");
            }
            (_, Some(setting)) => drop(command.env("HEDDLE_EFFORT", setting)),
            // As short as a mutant's trials, so it can stand for the unchanged program there.
            (_, None) => drop(command.env("HEDDLE_SITES", sites)),
        }
        let log = self.logs.join(format!("{checker}-{}.log", test.replace("::", "-")));
        Task { command, log, limit: self.effort.limit(), tag: test.to_string() }
    }

    /// A record for a checker that is not there.
    fn not_run(&mut self, checker: Checker, reason: String) -> Result<String> {
        eprintln!("{checker:<8} not run: {reason}");
        let job = format!("{checker} not run");
        self.journal.add(job.clone(), vec![not_run(checker, reason)])?;
        Ok(job)
    }
}

/// A record for all that a checker would have looked at.
pub fn not_run(checker: Checker, reason: String) -> Verification {
    Verification {
        status: Status::NotRun,
        reason: Some(reason),
        result: CheckResult::NotRun,
        ..blank(checker, "all", "all")
    }
}

/// What a checker cannot judge, it has not passed.
fn of_checker(checker: Checker, record: &mut Verification) {
    record.checker = checker.name().into();
    if checker == Checker::Tsan && record.cause.as_deref() == Some("race") && uses_fences(&record.subject) {
        record.result = CheckResult::NotDecidable;
        record.reason = Some("ThreadSanitizer does not understand fences, which order this subject".into());
    }
}

/// Subjects whose orderings rest on fences.
fn uses_fences(subject: &str) -> bool {
    const FENCED: [&str; 4] = ["deque", "pool", "seqlock", "sharded_rwlock"];
    FENCED.contains(&subject)
}

/// What a test is about: the module that it is in.
fn subject(test: &str) -> &str {
    test.split("::").next().unwrap_or(test)
}

fn records_path(logs: &Path, checker: Checker, test: &str) -> PathBuf {
    logs.join(format!("{checker}-{}.records", test.replace("::", "-")))
}

/// Where a test's process lists the calls that it reaches.
fn sites_path(logs: &Path, checker: Checker, test: &str) -> PathBuf {
    logs.join(format!("{checker}-{}.sites", test.replace("::", "-")))
}

fn filter(text: &str) -> Result<Regex> {
    Regex::new(text).map_err(|error| usage(format!("--filter: {error}")))
}

/// CPUs that this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Sets what a mutant's process is told.
fn as_mutant(command: &mut Command, setting: &str) {
    command.env("HEDDLE_MUTANT", setting).env("HEDDLE_EFFORT", "mutant");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn red_comes_before_missing() {
        let record =
            |result, status| Verification { result, status, ..blank(Checker::Loom, "mutex", "counts") };
        let pass = record(CheckResult::Pass, Status::Ok);
        let missing = record(CheckResult::NotRun, Status::NotRun);
        let fail = record(CheckResult::Fail, Status::Ok);
        let planted = Verification { planted: true, ..fail.clone() };
        let mutant = Verification { mutant: Some("m".into()), ..fail.clone() };
        let slow = record(CheckResult::Unknown, Status::Failed);
        assert_eq!(outcome(&[pass.clone(), planted, mutant], None, false), Outcome::Fine);
        assert_eq!(outcome(&[pass.clone(), missing.clone()], None, false), Outcome::NotMeasured);
        assert_eq!(outcome(&[pass, missing.clone()], None, true), Outcome::Fine);
        assert_eq!(outcome(&[slow], None, true), Outcome::NotMeasured);
        assert_eq!(outcome(&[missing, fail], None, true), Outcome::CheckFailed);
    }
}
