//! `verify`: every checker on every scenario, each in a process of its own, and the same for mutants of the program.
//!
//! - [`suite`]: a crate's tests, built for each checker; [`parts`]: what `--only` names;
//! - [`mod@harvest`]: from what a process wrote, and how it ended, to records;
//! - [`mutants`], [`names`]: which changes can be made, and what they are called;
//! - [`mod@crash`]: what became of processes that were killed;
//! - [`trial`]: running mutants until something notices; [`mod@score`]: what became of them;
//! - [`journal`]: what was done so far.

mod calls;
mod changed;
mod crash;
mod harvest;
mod journal;
mod mutants;
mod names;
mod parts;
mod processes;
mod score;
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
use crate::run_command::{catch_interrupts, run_logged};
use crate::workspace::Places;
use harvest::{blank, harvest, is_red};
use journal::Journal;
use processes::{Task, run_all};
use score::Score;
use suite::{Built, Suite};

/// Looking for fences takes less than a second.
const FENCE_LIMIT: Duration = Duration::from_secs(60);

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
            Effort::Default => Some("deep:3"),
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

    /// Times that real threads run each scenario: watched by ThreadSanitizer, and by themselves, which is faster.
    fn repetitions(self, checker: Checker) -> u32 {
        let watched = match self {
            Effort::Quick => 100,
            Effort::Default => 500,
            Effort::Full => 5_000,
        };
        if checker == Checker::Threads { 4 * watched } else { watched }
    }

    /// Whether a checker is part of the effort; those that are not can be asked for by `--only`.
    fn includes(self, checker: Checker) -> bool {
        self != Effort::Quick || matches!(checker, Checker::Loom | Checker::Shuttle | Checker::Crash)
    }

    /// Whether a checker tries mutants. Miri's seeds take long.
    fn tries_mutants(self, checker: Checker) -> bool {
        match checker {
            Checker::Loom | Checker::Shuttle => true,
            Checker::Tsan | Checker::Miri => self != Effort::Quick,
            Checker::Threads | Checker::Tests | Checker::Crash => false,
        }
    }

    /// What a checker's process is told: how long it may look.
    fn tell(self, checker: Checker, command: &mut Command) {
        match checker {
            Checker::Miri => {
                let seeds = self.seeds();
                let flags = format!(
                    "-Zmiri-disable-isolation -Zmiri-many-seeds=0..{seeds} -Zmiri-preemption-rate=0.1"
                );
                command.env("MIRIFLAGS", flags);
            }
            Checker::Tsan | Checker::Threads => {
                command.env("HEDDLE_REPEAT", self.repetitions(checker).to_string());
                command.env("TSAN_OPTIONS", "halt_on_error=1");
            }
            Checker::Loom | Checker::Shuttle => {
                if let Some(setting) = self.setting() {
                    command.env("HEDDLE_EFFORT", setting);
                }
            }
            Checker::Crash => {
                command.env("HEDDLE_KILLS", if self == Effort::Quick { "60" } else { "all" });
            }
            Checker::Tests => {}
        }
    }
}

/// What tests took that passed.
type Seconds = BTreeMap<String, f64>;

/// What a run works with.
struct Session {
    effort: Effort,
    /// The longest that the process of one test may take.
    limit: Duration,
    /// What the user asked for.
    flags: VerifyFlags,
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
    let suites = match &flags.manifest_path {
        Some(manifest) => vec![Suite::of_manifest(&places, manifest)?],
        None => Suite::of_workspace(&places),
    };
    let effort = Effort::of(flags);
    let revision = Revision::of(&suites[0].root);
    let folder = match &flags.manifest_path {
        Some(_) => places.home.join("verification").join(suites[0].name()),
        None => folder(&places, &revision),
    };
    let filter = flags.filter.as_deref().map(filter).transpose()?;
    catch_interrupts();
    // Nobody tells when sources change that git does not know.
    let go_on = flags.manifest_path.is_none() && revision.commit != "unknown";
    let mut session = Session {
        effort,
        limit: flags.test_limit.unwrap_or(effort.limit()),
        flags: flags.clone(),
        filter,
        subjects: None,
        at_once: flags.jobs.map_or_else(cores, usize::from),
        logs: PathBuf::new(),
        journal: Journal::open(&folder, &name_of(effort, flags), go_on)?,
    };
    let start = Instant::now();
    let mut jobs = Vec::new();
    let mut score = None;
    for suite in &suites {
        session.logs = folder.join("logs").join(suite.name());
        fs::create_dir_all(&session.logs)?;
        let (done, mutants) = session.verify(suite)?;
        // A checker that is missing is so for every crate.
        jobs.extend(done.into_iter().filter(|job| !jobs.contains(job)).collect::<Vec<_>>());
        if let Some(mutants) = mutants {
            score.get_or_insert_with(Score::default).add(mutants);
        }
    }
    if jobs.is_empty() && score.as_ref().is_none_or(|score| score.problems.is_empty()) {
        return Err(usage(
            "nothing is selected; a filter is matched against `loom mutex::two_threads` and the like",
        ));
    }
    // A part that was run replaces its records; a selection of tests is no part, and stands apart.
    let selected = is_selection(flags);
    let name = if selected { "selection.jsonl" } else { "verification.jsonl" };
    let keep =
        |record: &Verification| !selected && parts::of_record(record).is_some_and(|part| !flags.wants(part));
    let (path, records) = session.journal.publish(name, keep, jobs.iter().map(String::as_str))?;
    summary::print(&records, score.as_ref(), start.elapsed());
    println!("records: {}", path.display());
    Ok(outcome(&records, score.as_ref(), flags.allow_missing))
}

/// What is asked for is part of a journal's name: another run's is no part of this one.
fn name_of(effort: Effort, flags: &VerifyFlags) -> String {
    let parts: Vec<_> = flags.only.iter().map(|part| format!("-{part:?}").to_lowercase()).collect();
    // A selection that comes to its end must not take the journal of a whole run along.
    let selection = if is_selection(flags) { "-selection" } else { "" };
    format!("{}{}{selection}", effort.name(), parts.concat())
}

/// Whether single tests are selected, and not whole parts.
fn is_selection(flags: &VerifyFlags) -> bool {
    flags.filter.is_some() || flags.changed
}

/// Red before missing before fine.
fn outcome(records: &[Verification], score: Option<&Score>, allow_missing: bool) -> Outcome {
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
    /// Runs what is selected of one crate; returns the jobs, and the mutants' score if they were asked for.
    fn verify(&mut self, suite: &Suite) -> Result<(Vec<String>, Option<Score>)> {
        let wants_mutants = self.flags.wants(VerifyPart::Mutants);
        self.subjects = None;
        let mut jobs = Vec::new();
        let mut built = BTreeMap::new();
        for checker in Checker::ALL {
            let wanted = self.wants(checker) && suite.has(checker);
            let needed = wants_mutants && self.effort.tries_mutants(checker);
            if !wanted && !needed {
                continue;
            }
            if let Some(missing) = checker.missing() {
                jobs.push(self.not_run(checker, missing)?);
                continue;
            }
            eprintln!("{checker:<8} building {}", suite.name());
            let program = suite.build(checker, &self.logs)?;
            if let Some(refused) = program.refused() {
                jobs.push(self.not_run(checker, refused)?);
                continue;
            }
            if self.flags.changed && self.subjects.is_none() {
                let known = program.tests.iter().map(|test| program.module(test).to_string()).collect();
                self.subjects = changed::subjects(&suite.root, &suite.folder, &known)?;
            }
            let mut seconds = Seconds::new();
            if wanted {
                let (done, took) = self.matrix(suite, &program)?;
                jobs.extend(done);
                if self.effort == Effort::Quick {
                    seconds = took;
                }
            }
            built.insert(checker, (program, seconds));
        }
        if !wants_mutants {
            return Ok((jobs, None));
        }
        let (tried, score) = trial::run(self, suite, &built)?;
        jobs.extend(tried);
        Ok((jobs, Some(score)))
    }

    /// Whether the filter lets a name pass.
    fn selects(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.is_match(name))
    }

    /// Whether some part that counts may run under a checker.
    fn wants(&self, checker: Checker) -> bool {
        if self.flags.only.is_empty() {
            return self.effort.includes(checker);
        }
        parts::under(checker).iter().any(|part| self.flags.wants(*part))
    }

    /// Whether a test counts: its part does, the filter lets it pass, and it is about one of the subjects.
    fn selects_test(&self, program: &Built, test: &str) -> bool {
        let about = |subjects: &BTreeSet<String>| subjects.contains(program.module(test));
        self.flags.wants(parts::of_test(program.checker, test))
            && self.subjects.as_ref().is_none_or(about)
            && self.selects(&format!("{} {test}", program.checker))
    }

    /// Runs every test under its checker; returns the jobs, and the seconds that each test took that was run.
    fn matrix(&mut self, suite: &Suite, program: &Built) -> Result<(Vec<String>, Seconds)> {
        let checker = program.checker;
        let tests: Vec<&String> =
            program.tests.iter().filter(|test| self.selects_test(program, test)).collect();
        let job = |test: &str| format!("{} {checker} {test}", suite.name());
        let left = tests.iter().filter(|test| !self.journal.has(&job(test)));
        let tasks: Vec<_> = left.map(|test| self.task(program, test)).collect();
        let mut progress = Progress::new(tasks.len() as f64);
        if !tasks.is_empty() {
            progress.line(&format!("{checker:<8} {} tests", tasks.len()));
        }
        let (journal, logs, limit) = (&mut self.journal, &self.logs, self.limit);
        let mut seconds = Seconds::new();
        run_all(tasks, self.at_once, |task, ended| {
            let lines = records_path(logs, checker, &task.tag);
            let mut harvest = harvest(program, &task.tag, &lines, &task.log, ended, limit);
            let races = |record: &Verification| record.cause.as_deref() == Some("race");
            let by_fence = checker == Checker::Tsan
                && harvest.records.iter().any(races)
                && reaches_fence(program, &task.tag, &sites_path(logs, checker, &task.tag))?;
            for record in &mut harvest.records {
                if by_fence && races(record) {
                    record.result = CheckResult::NotDecidable;
                    record.reason =
                        Some("ThreadSanitizer does not understand fences, and this test meets some".into());
                }
                record.replay = record.cause.is_some().then(|| replay(program, &task, record));
                of_checker(checker, &task.tag, record);
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
        self.effort.tell(checker, &mut command);
        if self.effort == Effort::Quick {
            // As short as a mutant's trials, so it can stand for the unchanged program there.
            command.env("HEDDLE_SITES", sites);
        }
        let log = self.logs.join(format!("{checker}-{}.log", test.replace("::", "-")));
        Task { command, log, limit: self.limit, tag: test.to_string() }
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

/// What finds a violation again: a command, and where it then happens.
fn replay(program: &Built, task: &Task<String>, record: &Verification) -> String {
    let (checker, part) = (program.checker, parts::of_test(program.checker, &task.tag));
    let place = match checker {
        Checker::Miri => seed_of(&fs::read_to_string(&task.log).unwrap_or_default()),
        _ => record.replay.clone(),
    };
    let command = verify_command(part, &format!("^{checker} {}$", task.tag));
    place.map_or(command.clone(), |place| format!("{command} # {place}"))
}

/// A command that runs what the filter selects.
fn verify_command(part: VerifyPart, filter: &str) -> String {
    format!("cargo xtask verify --only {} --filter '{filter}'", format!("{part:?}").to_lowercase())
}

/// The seed that Miri says it failed with.
fn seed_of(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.to_lowercase().contains("failing seed"))?;
    let seed: String =
        line.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    Some(format!("MIRIFLAGS=-Zmiri-seed={seed}"))
}

/// What is asked of histories is a checker of its own.
fn of_checker(checker: Checker, test: &str, record: &mut Verification) {
    if parts::of_test(checker, test) == VerifyPart::Linearize {
        record.checker = parts::LINEARIZABILITY.into();
        let under = if checker == Checker::Threads { "real threads" } else { checker.name() };
        record.scenario = format!("{}, under {under}", record.scenario);
    }
}

/// Whether a test comes to a fence. It is run for that once more, without looking for races: keeping the list orders the threads.
fn reaches_fence(program: &Built, test: &str, sites: &Path) -> Result<bool> {
    let mut command = program.test(test);
    command.env("HEDDLE_SITES", sites).env("HEDDLE_REPEAT", "50").env("TSAN_OPTIONS", "report_bugs=0");
    run_logged(&mut command, &sites.with_extension("log"), FENCE_LIMIT)?;
    Ok(fs::read_to_string(sites).unwrap_or_default().contains(r#""operation":"fence""#))
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
