//! Trying mutants: every checker on the tests that reach the changed call, each until one fails.
//!
//! loom tries them all, shuttle those of waking, ThreadSanitizer and Miri those of orderings. A quick run is content with the
//! first that notices; Miri, which is slow, is left what the others did not notice, unless there is all the time in the world.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use heddle_report::records::{CheckResult, Verification};

use super::harvest::{Harvest, blank, harvest};
use super::mutants::{self, Arguments, Mutant, Reached};
use super::processes::{Task, run_all};
use super::score::Score;
use super::suite::{Built, Checker, Suite};
use super::{Effort, Seconds, Session, sites_path, verify_command};
use crate::flags::VerifyPart;
use crate::progress::Progress;

/// The shortest limit for a mutant's process. A limit is at least ten times what the unchanged program takes, so that one that is
/// reached tells of an execution that does not end.
const SHORTEST_LIMIT: Duration = Duration::from_secs(30);
/// The limits of those whose tests are not timed beforehand.
const TSAN_LIMIT: Duration = Duration::from_secs(60);
const MIRI_LIMIT: Duration = Duration::from_secs(300);

/// Mutants of a crate that a quick run tries, drawn with a fixed seed.
const QUICK_SAMPLE: usize = 40;

/// Times that ThreadSanitizer sees each scenario of a mutant.
const REPETITIONS: u32 = 200;

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
    /// The last one comes next; those of a checker are side by side.
    rest: Vec<(Checker, String)>,
    /// What checkers said that are done.
    records: Vec<Verification>,
    /// What the present checker has seen so far.
    seen: Seen,
    /// What the present process found, while the unchanged program is run to see whether it fails too.
    doubted: Option<Found>,
}

/// What a checker has seen of a mutant.
#[derive(Default)]
struct Seen {
    reached: bool,
    executions: u64,
    seconds: f64,
    /// Tests that fail without the mutant, and so tell nothing about it.
    void: usize,
    tests: usize,
}

/// A mutant's process that failed.
struct Found {
    cause: &'static str,
    records: Vec<Verification>,
}

/// How long a test takes without mutants; none if it fails.
type Unchanged = BTreeMap<(Checker, String), Option<f64>>;

/// Tries every mutant, or a sample of them; returns the jobs and the score.
pub fn run(
    session: &mut Session,
    suite: &Suite,
    built: &BTreeMap<Checker, (Built, Seconds)>,
) -> Result<(Vec<String>, Score)> {
    let mut score = Score::default();
    let mut baselines = BTreeMap::new();
    for (&checker, (program, seconds)) in built {
        // The others are asked when they have found something.
        if matches!(checker, Checker::Loom | Checker::Shuttle) {
            baselines.insert(checker, discover(session, suite, program, seconds, &mut score)?);
        }
    }
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
    let chosen = choose(session, &built[&Checker::Loom].0, &mutants);
    score.tried = chosen.len();
    let job = |mutant: &Mutant| format!("{} mutant {}", suite.name(), mutant.name);
    let mut jobs: Vec<String> = chosen.iter().map(|mutant| job(mutant)).collect();
    let mut course = Course::new(session, built, &baselines, &arguments);
    let left = chosen.iter().filter(|mutant| !session.journal.has(&job(mutant)));
    let tasks: Vec<_> = left.filter_map(|mutant| course.first(mutant)).collect();
    let mut progress = Progress::new(tasks.len() as f64);
    if !tasks.is_empty() {
        progress.line(&format!("mutants  {} of {}", tasks.len(), mutants.len()));
    }
    let journal = &mut session.journal;
    run_all(tasks, session.at_once, |task, ended| {
        let Task { tag: trial, log, limit, .. } = task;
        let lines = records_path(&course.logs, trial.mutant);
        let harvest = harvest(&built[&trial.checker].0, &trial.test, &lines, &log, ended, limit);
        let trial = course.after(trial, harvest, ended.took, limit);
        if trial.is_over() {
            journal.add(job(trial.mutant), trial.records)?;
            progress.advance(1.0, &trial.mutant.name);
            return Ok(None);
        }
        Ok(Some(course.task_of(trial)))
    })?;
    progress.finish();
    for (mutant, job) in chosen.iter().zip(&jobs) {
        let records = session.journal.of(job).unwrap_or_default();
        score.judge(mutant, records, arguments.about(&mutant.name).is_some());
    }
    if !score.unreached.is_empty() {
        let calls = format!("{} calls that are not reached", suite.name());
        session
            .journal
            .add(calls.clone(), score.unreached.iter().map(|call| mutants::not_tried(call)).collect())?;
        jobs.push(calls);
    }
    Ok((jobs, score))
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
fn choose<'a>(session: &Session, by_loom: &Built, mutants: &'a [Mutant]) -> Vec<&'a Mutant> {
    let about = |mutant: &&Mutant| match &session.subjects {
        None => true,
        Some(subjects) => mutant.tests.iter().any(|test| subjects.contains(by_loom.module(test))),
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

/// What the trials have in common.
struct Course<'a> {
    logs: PathBuf,
    effort: Effort,
    built: &'a BTreeMap<Checker, (Built, Seconds)>,
    baselines: &'a Baselines,
    unchanged: Unchanged,
    arguments: &'a Arguments,
}

impl<'a> Course<'a> {
    fn new(
        session: &Session,
        built: &'a BTreeMap<Checker, (Built, Seconds)>,
        baselines: &'a Baselines,
        arguments: &'a Arguments,
    ) -> Self {
        let timed = baselines.iter().flat_map(|(checker, tests)| {
            tests.iter().map(|(test, baseline)| ((*checker, test.clone()), Some(baseline.seconds)))
        });
        let unchanged = timed.collect();
        Self { logs: session.logs.clone(), effort: session.effort, built, baselines, unchanged, arguments }
    }

    /// The first process of a mutant.
    fn first(&self, mutant: &'a Mutant) -> Option<Task<Trial<'a>>> {
        let mut rest = Vec::new();
        for &checker in self.built.keys() {
            let mut tests = self.tests_of(checker, mutant);
            // Those of a checker that come first are taken last, and its shortest first.
            tests.sort_by(|a, b| self.seconds(b).total_cmp(&self.seconds(a)));
            rest.splice(0..0, tests.into_iter().map(|test| (checker, test)));
        }
        let (checker, test) = rest.pop()?;
        let (records, seen) = (Vec::new(), Seen::default());
        Some(self.task_of(Trial { mutant, checker, test, rest, records, seen, doubted: None }))
    }

    /// The tests with which a checker tries a mutant.
    fn tests_of(&self, checker: Checker, mutant: &Mutant) -> Vec<String> {
        match checker {
            Checker::Loom => mutant.tests.iter().cloned().collect(),
            Checker::Shuttle if mutant.wakes => {
                let site = mutant.setting.split('=').next().unwrap_or_default();
                let tests = self.baselines.get(&checker).into_iter().flatten();
                let reaching =
                    tests.filter(|(_, unchanged)| unchanged.reached.iter().any(|call| call.is_at(site)));
                reaching.map(|(test, _)| test.clone()).collect()
            }
            // Wakes are left to those that know who sleeps: without one, real threads only take long.
            Checker::Tsan | Checker::Miri if !mutant.wakes => {
                let known = &self.built[&checker].0.tests;
                let mut tests: Vec<String> =
                    mutant.tests.iter().filter(|test| known.contains(test)).cloned().collect();
                tests.sort_by(|a, b| self.seconds(a).total_cmp(&self.seconds(b)));
                if self.effort != Effort::Full {
                    tests.truncate(if checker == Checker::Tsan { 4 } else { 2 });
                }
                tests
            }
            _ => Vec::new(),
        }
    }

    /// What loom needs for a test, from which the others differ by a factor.
    fn seconds(&self, test: &str) -> f64 {
        let by = |checker| self.baselines.get(&checker).and_then(|tests| tests.get(test));
        by(Checker::Loom).or_else(|| by(Checker::Shuttle)).map_or(0.0, |unchanged| unchanged.seconds)
    }

    /// The process that comes next: of the mutant, or of the program without it, if what it found is doubted.
    fn task_of(&self, trial: Trial<'a>) -> Task<Trial<'a>> {
        let mut command = self.built[&trial.checker].0.test(&trial.test);
        self.effort.tell(trial.checker, &mut command);
        command.env("HEDDLE_EFFORT", "mutant");
        let limit = match trial.checker {
            Checker::Tsan => {
                command.env("HEDDLE_REPEAT", REPETITIONS.to_string());
                TSAN_LIMIT
            }
            Checker::Miri => MIRI_LIMIT,
            _ => {
                let key = (trial.checker, trial.test.clone());
                let taken = self.unchanged.get(&key).copied().flatten().unwrap_or(0.0);
                Duration::from_secs_f64(10.0 * taken).max(SHORTEST_LIMIT)
            }
        };
        if trial.doubted.is_none() {
            command.env("HEDDLE_MUTANT", &trial.mutant.setting);
        }
        let lines = records_path(&self.logs, trial.mutant);
        let _ = fs::remove_file(&lines);
        command.env("HEDDLE_RECORDS", &lines);
        Task { command, log: lines.with_extension("log"), limit, tag: trial }
    }

    /// Takes in what a process found; what is to be run next is in the trial.
    fn after(
        &mut self,
        mut trial: Trial<'a>,
        harvest: Harvest,
        took: Duration,
        limit: Duration,
    ) -> Trial<'a> {
        let key = (trial.checker, trial.test.clone());
        let passed = harvest.cause.is_none();
        let found = match trial.doubted.take() {
            Some(found) => {
                self.unchanged.insert(key.clone(), passed.then_some(took.as_secs_f64()));
                Some(found)
            }
            None => {
                trial.seen.add(&harvest, took);
                let found = harvest.cause.map(|cause| Found { cause, records: harvest.records });
                if found.is_some() && !self.unchanged.contains_key(&key) {
                    trial.doubted = found;
                    return trial;
                }
                found
            }
        };
        let killed = match &found {
            Some(found) if !self.is_kill(&key, found, limit) => {
                trial.seen.void += 1;
                false
            }
            found => found.is_some(),
        };
        let of_same = |rest: &[(Checker, String)]| rest.last().is_some_and(|next| next.0 == key.0);
        if killed || !of_same(&trial.rest) {
            let record = self.record_of(&trial, found.filter(|_| killed));
            trial.records.push(record);
            trial.seen = Seen::default();
            trial.rest.retain(|next| next.0 != key.0);
        }
        if trial.records.iter().any(|record| record.result == CheckResult::Fail) {
            match self.effort {
                Effort::Quick => trial.rest.clear(),
                Effort::Default => trial.rest.retain(|next| next.0 != Checker::Miri),
                Effort::Full => {}
            }
        }
        match trial.rest.pop() {
            Some((checker, test)) => Trial { checker, test, ..trial },
            None => Trial { test: String::new(), ..trial },
        }
    }

    /// Whether a failure tells of the mutant: the unchanged program passes, in less than a tenth of the time if it was one of time; and
    /// where ThreadSanitizer, which sees no fences, found a race, there are none that might order what it calls unordered.
    fn is_kill(&self, key: &(Checker, String), found: &Found, limit: Duration) -> bool {
        if key.0 == Checker::Tsan && found.cause == "race" && self.meets_fence(&key.1) {
            return false;
        }
        let seconds = self.unchanged.get(key).copied().flatten();
        seconds.is_some_and(|seconds| found.cause != "time-out" || 10.0 * seconds <= limit.as_secs_f64())
    }

    /// Whether a test comes to a fence, as loom or shuttle saw.
    fn meets_fence(&self, test: &str) -> bool {
        let mut reached =
            self.baselines.values().filter_map(|tests| tests.get(test)).flat_map(|b| &b.reached);
        reached.any(Reached::is_fence)
    }

    /// What one checker says of a mutant.
    fn record_of(&self, trial: &Trial<'_>, found: Option<Found>) -> Verification {
        let seen = &trial.seen;
        let result = match &found {
            // A process that dies may not have told that it had reached the call.
            Some(_) => CheckResult::Fail,
            None if seen.void == seen.tests => CheckResult::NotDecidable,
            None if seen.reached => CheckResult::Pass,
            None => CheckResult::Unknown,
        };
        let reason = (result == CheckResult::NotDecidable).then(|| {
            "every test fails without the change, too, or meets a fence, which the checker does not see"
                .to_string()
        });
        let records = found.as_ref().map_or(&[][..], |found| &found.records);
        let killer = records.iter().find(|record| record.cause.is_some() && !record.planted);
        let program = &self.built[&trial.checker].0;
        let scenario = killer.map_or(trial.test.as_str(), |record| record.scenario.as_str());
        Verification {
            result,
            reason,
            cause: found.as_ref().map(|found| found.cause.to_string()),
            message: killer.and_then(|record| record.message.clone()),
            replay: found.as_ref().map(|_| trial.replay()),
            threads: records.iter().map(|record| record.threads).max().unwrap_or(0),
            executions: seen.executions,
            seconds: seen.seconds,
            mutant: Some(trial.mutant.name.clone()),
            equivalent: self.arguments.about(&trial.mutant.name).map(String::from),
            // Not in full: there are hundreds, and the program's own failures are what a trace is for.
            trace: None,
            ..blank(trial.checker, &program.subject(&trial.test), scenario)
        }
    }
}

impl Seen {
    fn add(&mut self, harvest: &Harvest, took: Duration) {
        self.reached |= harvest.mutant_reached;
        self.executions += harvest.records.iter().map(|record| record.executions).sum::<u64>();
        self.seconds += took.as_secs_f64();
        self.tests += 1;
    }
}

impl Trial<'_> {
    /// Whether every checker is done.
    fn is_over(&self) -> bool {
        self.test.is_empty()
    }

    /// What finds it again.
    fn replay(&self) -> String {
        let command = verify_command(VerifyPart::Mutants, &format!("{}$", regex::escape(&self.mutant.name)));
        format!("{command} # HEDDLE_MUTANT='{}', {} {}", self.mutant.setting, self.checker, self.test)
    }
}

/// A file for what one mutant's processes write.
fn records_path(logs: &std::path::Path, mutant: &Mutant) -> PathBuf {
    let name: String =
        mutant.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    logs.join(format!("mutant-{name}.records"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &str = "mutex::counts";

    fn mutant() -> Mutant {
        Mutant {
            name: "lock#swap.0 no-acquire".into(),
            setting: "primitives/src/a.rs:1:2=no-acquire".into(),
            file: "primitives/src/a.rs".into(),
            tests: [TEST.to_string()].into(),
            wakes: false,
        }
    }

    fn ended(cause: Option<&'static str>) -> Harvest {
        Harvest { records: Vec::new(), mutant_reached: true, cause }
    }

    /// What ThreadSanitizer says of a mutant whose process ends like the first, and the unchanged program's like the second.
    fn judged(of_mutant: &'static str, unchanged: Option<&'static str>, seconds: u64) -> Verification {
        judged_beside("load", of_mutant, unchanged, seconds)
    }

    /// The same, of a test that loom saw come to this operation.
    fn judged_beside(
        operation: &str,
        of_mutant: &'static str,
        unchanged: Option<&'static str>,
        seconds: u64,
    ) -> Verification {
        let reached = Reached::for_tests(operation);
        let baseline = Baseline { seconds: 1.0, reached: [reached].into() };
        let baselines = [(Checker::Loom, [(TEST.to_string(), baseline)].into())].into();
        let built = [(Checker::Tsan, (Built::for_tests(Checker::Tsan, &[TEST]), Seconds::new()))].into();
        let arguments = Arguments::default();
        let mut course = Course {
            logs: "/nowhere".into(),
            effort: Effort::Default,
            built: &built,
            baselines: &baselines,
            unchanged: Unchanged::new(),
            arguments: &arguments,
        };
        let mutant = mutant();
        let first = Trial {
            mutant: &mutant,
            checker: Checker::Tsan,
            test: TEST.into(),
            rest: Vec::new(),
            records: Vec::new(),
            seen: Seen::default(),
            doubted: None,
        };
        let doubted = course.after(first, ended(Some(of_mutant)), Duration::from_secs(1), TSAN_LIMIT);
        assert!(!doubted.is_over() && doubted.doubted.is_some(), "the unchanged program is asked");
        let over = course.after(doubted, ended(unchanged), Duration::from_secs(seconds), TSAN_LIMIT);
        assert!(over.is_over());
        over.records.into_iter().next().unwrap()
    }

    #[test]
    fn a_failure_counts_if_the_unchanged_program_passes() {
        let killed = judged("race", None, 50);
        assert_eq!((killed.result, killed.cause.as_deref()), (CheckResult::Fail, Some("race")));
        let both_fail = judged("race", Some("race"), 1);
        assert_eq!((both_fail.result, both_fail.cause), (CheckResult::NotDecidable, None));
    }

    #[test]
    fn a_race_in_a_test_that_meets_a_fence_does_not_count() {
        assert_eq!(judged_beside("fence", "race", None, 50).result, CheckResult::NotDecidable);
        assert_eq!(judged_beside("fence", "assertion", None, 50).result, CheckResult::Fail);
    }

    #[test]
    fn a_time_out_counts_if_the_unchanged_program_takes_a_tenth_of_it() {
        assert_eq!(judged("time-out", None, 5).result, CheckResult::Fail);
        assert_eq!(judged("time-out", None, 7).result, CheckResult::NotDecidable);
    }
}
