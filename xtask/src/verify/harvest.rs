//! From what a test process wrote and how it ended to verification records.

use std::path::Path;
use std::time::Duration;

use heddle_report::records::{CheckResult, Coverage, Kills, SCHEMA, Status, Step, Verification};
use serde::Deserialize;

use super::suite::{Built, Checker};
use crate::run_command::{Ended, tail};

/// The most of a message that a record keeps.
const MESSAGE: usize = 600;

/// A line that a scenario wrote: see `heddle_primitives::verify`.
#[derive(Debug, Deserialize)]
struct Line {
    scenario: String,
    seconds: f64,
    #[serde(default)]
    threads: u32,
    result: String,
    #[serde(default)]
    executions: u64,
    coverage: Option<String>,
    bound: Option<u32>,
    message: Option<String>,
    problem: Option<String>,
    expected: Option<String>,
    replay: Option<String>,
    trace: Option<Vec<Step>>,
    kills: Option<Kills>,
    #[serde(default)]
    mutant_reached: bool,
}

/// What one test process left.
#[derive(Debug)]
pub struct Harvest {
    /// A record for each scenario that came to an end, and one for the process if it ended badly for another reason.
    pub records: Vec<Verification>,
    /// Whether a scenario reached the changed call.
    pub mutant_reached: bool,
    /// Why the process failed, if it did.
    pub cause: Option<&'static str>,
}

/// Reads the records of a process that ran `test` of `program`.
pub fn harvest(
    program: &Built,
    test: &str,
    lines: &Path,
    log: &Path,
    ended: &Ended,
    limit: Duration,
) -> Harvest {
    let (checker, subject) = (program.checker, program.subject(test));
    let text = std::fs::read_to_string(lines).unwrap_or_default();
    let mut harvest = Harvest { records: Vec::new(), mutant_reached: false, cause: None };
    let mut nonsense = None;
    for line in text.lines() {
        match serde_json::from_str::<Line>(line) {
            Ok(line) => {
                harvest.mutant_reached |= line.mutant_reached;
                harvest.records.push(line.into_record(checker, &subject));
            }
            Err(error) => nonsense = Some(format!("a record that is none ({error}): {line}")),
        }
    }
    let failure = ended.failure(limit);
    let told = harvest.records.iter().find(|record| is_red(record));
    harvest.cause = failure.as_ref().map(|_| match (ended.status, told) {
        (None, _) => "time-out",
        (_, Some(record)) => record.cause.as_deref().map_or("assertion", known),
        (Some(status), None) => match status.code() {
            Some(_) => cause_of(&tail(log, 200)),
            None => "abort",
        },
    });
    let untold = if told.is_some() { None } else { failure.or(nonsense) };
    if untold.is_some() || harvest.records.is_empty() {
        harvest.records.push(of_process(checker, &subject, test, untold, harvest.cause, ended, log));
    }
    harvest
}

/// Whether a record says that something is wrong.
pub fn is_red(record: &Verification) -> bool {
    match record.result {
        CheckResult::Fail => !record.planted,
        CheckResult::Pass => record.planted,
        _ => record.status == Status::Failed,
    }
}

/// A record for a process that ended without a scenario's own.
fn of_process(
    checker: Checker,
    subject: &str,
    test: &str,
    failure: Option<String>,
    cause: Option<&str>,
    ended: &Ended,
    log: &Path,
) -> Verification {
    let over_limit = ended.status.is_none();
    let result = match &failure {
        None => CheckResult::Pass,
        Some(_) if over_limit => CheckResult::Unknown,
        Some(_) => CheckResult::Fail,
    };
    Verification {
        status: if failure.is_some() && over_limit { Status::Failed } else { Status::Ok },
        reason: failure.clone().filter(|_| over_limit),
        result,
        coverage: if failure.is_some() { Coverage::None } else { Coverage::Sampled },
        seconds: ended.took.as_secs_f64(),
        cause: cause.map(String::from),
        message: failure.map(|failure| shortened(&format!("{failure}\n{}", tail(log, 12)))),
        ..blank(checker, subject, test)
    }
}

/// A record that says nothing yet.
pub fn blank(checker: Checker, subject: &str, scenario: &str) -> Verification {
    Verification {
        schema: SCHEMA,
        status: Status::Ok,
        reason: None,
        subject: subject.into(),
        checker: checker.name().into(),
        scenario: scenario.into(),
        result: CheckResult::Unknown,
        coverage: Coverage::None,
        threads: 0,
        bound: None,
        executions: 0,
        seconds: 0.0,
        mutant: None,
        cause: None,
        message: None,
        trace: None,
        replay: None,
        planted: false,
        kills: None,
        equivalent: None,
    }
}

impl Line {
    fn into_record(self, checker: Checker, subject: &str) -> Verification {
        let planted = self.expected.is_some();
        let failed = if planted {
            // A planted bug that was found as such is a failing program, which is what is wanted; anything else is not.
            self.problem.is_none()
        } else {
            self.result != "pass"
        };
        let coverage = match self.coverage.as_deref() {
            Some("complete") => Coverage::Complete,
            Some("bounded") => Coverage::Bounded,
            Some("truncated") => Coverage::Truncated,
            Some("sampled") => Coverage::Sampled,
            _ => Coverage::None,
        };
        let message = self.problem.or(self.message.clone());
        Verification {
            result: if failed { CheckResult::Fail } else { CheckResult::Pass },
            coverage,
            threads: self.threads,
            bound: self.bound,
            executions: self.executions,
            seconds: self.seconds,
            cause: self.message.as_deref().or(message.as_deref()).map(|text| cause_of(text).to_string()),
            message: message.as_deref().map(shortened),
            trace: self.trace.map(|steps| steps.into_iter().map(plain_site).collect()),
            replay: self.replay,
            planted,
            kills: self.kills,
            ..blank(checker, subject, &self.scenario)
        }
    }
}

/// `a/b/../c.rs` as `a/c.rs`, which is how people name the file.
pub fn plain_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn plain_site(step: Step) -> Step {
    Step { site: plain_path(&step.site), ..step }
}

/// The kind of violation that a message tells of.
fn cause_of(message: &str) -> &'static str {
    const SIGNS: [(&str, &str); 13] = [
        ("is stranded", "deadlock"),
        ("deadlock", "deadlock"),
        ("Causality violation", "race"),
        ("Data race", "race"),
        ("data race", "race"),
        ("a cell is", "race"),
        ("Undefined Behavior", "undefined behaviour"),
        ("memory leaked", "leak"),
        ("leaked", "leak"),
        ("maximum number of branches", "time-out"),
        ("exceeded max_steps", "time-out"),
        ("SIGABRT", "abort"),
        ("AddressSanitizer", "abort"),
    ];
    SIGNS.iter().find(|(sign, _)| message.contains(sign)).map_or("assertion", |(_, cause)| cause)
}

fn known(cause: &str) -> &'static str {
    const CAUSES: [&str; 7] =
        ["race", "deadlock", "assertion", "leak", "abort", "time-out", "undefined behaviour"];
    CAUSES.into_iter().find(|known| *known == cause).unwrap_or("assertion")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MESSAGE) {
        None => text.trim().to_string(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn of(lines: &str, log: &str, status: Option<i32>) -> Harvest {
        let folder = tempfile::tempdir().unwrap();
        let (records, output) = (folder.path().join("records"), folder.path().join("log"));
        std::fs::write(&records, lines).unwrap();
        std::fs::write(&output, log).unwrap();
        let ended = Ended { status: status.map(ExitStatus::from_raw), took: Duration::from_secs(1) };
        let program = Built::for_tests(Checker::Loom, &["mutex::counts"]);
        harvest(&program, "mutex::counts", &records, &output, &ended, Duration::from_secs(9))
    }

    const PASS: &str = r#"{"scenario":"a","seconds":1.5,"threads":2,"result":"pass","executions":7,"bound":2,"coverage":"bounded"}"#;

    #[test]
    fn a_pass_carries_its_reach() {
        let harvest = of(PASS, "", Some(0));
        let record = &harvest.records[0];
        assert_eq!((record.subject.as_str(), record.bound, record.executions), ("mutex", Some(2), 7));
        assert_eq!((record.result, record.coverage), (CheckResult::Pass, Coverage::Bounded));
        assert_eq!((harvest.records.len(), harvest.cause), (1, None));
    }

    #[test]
    fn a_failure_is_red_and_has_a_cause() {
        let line = r#"{"scenario":"a","seconds":1,"result":"fail","message":"deadlock; threads","problem":"execution 3: deadlock"}"#;
        let harvest = of(line, "", Some(101 << 8));
        assert_eq!(
            (harvest.cause, harvest.records[0].cause.as_deref()),
            (Some("deadlock"), Some("deadlock"))
        );
        assert!(is_red(&harvest.records[0]));
    }

    #[test]
    fn a_planted_bug_is_red_only_if_it_was_missed() {
        let found =
            r#"{"scenario":"a","seconds":1,"result":"pass","expected":"deadlock","message":"deadlock"}"#;
        let missed =
            r#"{"scenario":"a","seconds":1,"result":"fail","expected":"deadlock","problem":"nothing found"}"#;
        let (found, missed) = (of(found, "", Some(0)), of(missed, "", Some(101 << 8)));
        assert!(!is_red(&found.records[0]) && found.records[0].result == CheckResult::Fail);
        assert!(is_red(&missed.records[0]));
    }

    #[test]
    fn a_process_that_ends_badly_by_itself_is_told_of() {
        let crashed = of(PASS, "", Some(11));
        assert_eq!((crashed.records.len(), crashed.cause), (2, Some("abort")));
        let slow = of("", "", None);
        assert_eq!((slow.records[0].result, slow.cause), (CheckResult::Unknown, Some("time-out")));
        assert!(is_red(&slow.records[0]));
        let nonsense = of("{]", "", Some(0));
        assert!(is_red(&nonsense.records[0]));
        let miri = of("", "error: Undefined Behavior: Data race detected", Some(1 << 8));
        assert_eq!(miri.cause, Some("race"));
    }

    #[test]
    fn paths_are_plain() {
        assert_eq!(
            plain_path("primitives/tests/loom/../broken/mod.rs:1:2"),
            "primitives/tests/broken/mod.rs:1:2"
        );
    }
}
