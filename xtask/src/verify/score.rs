//! What became of the mutants, by number.

use std::collections::BTreeMap;
use std::fmt;

use heddle_report::records::{CheckResult, Verification};

use super::mutants::Mutant;

/// How the mutants ended, by number.
#[derive(Debug, Default)]
pub struct Score {
    /// Call sites that scenarios reach.
    pub sites: usize,
    /// Mutants of them.
    pub all: usize,
    /// Those that were to be tried.
    pub tried: usize,
    killed: BTreeMap<String, usize>,
    /// Of each checker, how many it killed of those that it tried.
    by_checker: BTreeMap<String, (usize, usize)>,
    equivalent: usize,
    undecided: Vec<String>,
    /// Calls that order something or wake somebody, and that no scenario reaches: no mutant of theirs was tried.
    pub unreached: Vec<String>,
    /// What makes the score worth nothing.
    pub problems: Vec<String>,
}

impl Score {
    /// Adds what was found in another crate.
    pub fn add(&mut self, other: Score) {
        self.sites += other.sites;
        self.all += other.all;
        self.tried += other.tried;
        for (cause, n) in other.killed {
            *self.killed.entry(cause).or_default() += n;
        }
        for (checker, (killed, tried)) in other.by_checker {
            let mine = self.by_checker.entry(checker).or_default();
            *mine = (mine.0 + killed, mine.1 + tried);
        }
        self.equivalent += other.equivalent;
        self.undecided.extend(other.undecided);
        self.unreached.extend(other.unreached);
        self.problems.extend(other.problems);
    }

    /// Counts a mutant by what all checkers say together; `argued` if an argument calls it equivalent.
    pub fn judge(&mut self, mutant: &Mutant, records: &[Verification], argued: bool) {
        let name = &mutant.name;
        for record in records.iter().filter(|record| record.result != CheckResult::NotDecidable) {
            let (killed, tried) = self.by_checker.entry(record.checker.clone()).or_default();
            *killed += usize::from(record.result == CheckResult::Fail);
            *tried += 1;
        }
        let is = |result| move |record: &&Verification| record.result == result;
        if let Some(killer) = records.iter().find(is(CheckResult::Fail)) {
            let cause = killer.cause.as_deref().unwrap_or("assertion");
            *self.killed.entry(cause.into()).or_default() += 1;
            if argued {
                self.problems.push(format!("mutants.toml calls {name} equivalent, and it was killed"));
            }
        } else if !records.iter().any(|record| record.result == CheckResult::Pass) {
            self.problems.push(format!("{name} was never reached"));
        } else if argued {
            self.equivalent += 1;
        } else {
            self.undecided.push(name.clone());
        }
    }
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
        write!(f, "  noticed as: {}", causes.join(", "))?;
        let checkers =
            self.by_checker.iter().map(|(name, (killed, tried))| format!("{name} {killed} of {tried}"));
        write!(f, "\n  noticed by: {}", checkers.collect::<Vec<_>>().join(", "))?;
        for mutant in &self.undecided {
            write!(f, "\n  undecided: {mutant}")?;
        }
        for call in &self.unreached {
            write!(f, "\n  no scenario reaches {call}")?;
        }
        Ok(())
    }
}
