//! What a run found, for people at a terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use heddle_report::records::{CheckResult, Verification};

use super::crash;
use super::harvest::is_red;
use super::score::Score;
use crate::progress::in_words;

/// Prints a table of subjects and checkers, what is wrong, and the mutants' score.
pub fn print(records: &[Verification], score: Option<&Score>, took: Duration) {
    let mut by_checker: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for record in records.iter().filter(|record| record.mutant.is_none()) {
        let counts = by_checker.entry(&record.checker).or_default();
        let column = match record.result {
            _ if is_red(record) => 1,
            CheckResult::Fail | CheckResult::Pass => 0,
            CheckResult::NotRun => 3,
            CheckResult::Unknown | CheckResult::NotDecidable => 2,
        };
        counts[column] += 1;
    }
    println!();
    crash::lines(records).iter().for_each(|line| println!("{line}"));
    println!("\n{:<10} {:>8} {:>8} {:>10} {:>8}", "checker", "fine", "wrong", "undecided", "not run");
    for (checker, [fine, wrong, undecided, not_run]) in by_checker {
        println!("{checker:<10} {fine:>8} {wrong:>8} {undecided:>10} {not_run:>8}");
    }
    for record in records.iter().filter(|record| record.mutant.is_none() && is_red(record)) {
        println!("WRONG {} {} {}: {}", record.checker, record.subject, record.scenario, problem(record));
    }
    if let Some(score) = score {
        println!("{score}");
        for problem in &score.problems {
            println!("WRONG mutants: {problem}");
        }
    }
    println!("took {}", in_words(took));
}

/// What is wrong, in a line.
pub fn problem(record: &Verification) -> String {
    let text = record.message.as_deref().or(record.reason.as_deref()).unwrap_or("no reason given");
    text.lines().next().unwrap_or_default().to_string()
}
