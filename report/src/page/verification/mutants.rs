//! The program with one call changed: what noticed, and what became of those that nothing noticed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::table::{Row, Table, Td};
use super::kind::{cause, or_dash, plural, shortened};
use super::matrix::checkers;
use crate::number;
use crate::records::{CheckResult, Verification};

/// What is wanted of the shares, in percent.
const WANTED_KILLED: f64 = 90.0;
const ALLOWED_UNDECIDED: f64 = 5.0;

#[derive(Serialize)]
pub(super) struct Mutants {
    title: String,
    verdict: String,
    /// What makes the score worth less than it says.
    problems: Vec<String>,
    by_subject: Table,
    by_cause: Option<Table>,
    open: Option<Table>,
    equivalent: Option<Table>,
    equivalents: String,
    all: Table,
    summary: String,
}

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// Something noticed.
    Killed,
    /// Something noticed although an argument says that it does the same as the program.
    Contradicted,
    /// Nothing noticed, and an argument says why.
    Equivalent,
    /// Nothing noticed.
    Undecided,
    /// No scenario came to the changed call.
    Unreached,
}

struct Mutant<'a> {
    name: &'a str,
    records: Vec<&'a Verification>,
    fate: Fate,
}

/// Mutants by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Score {
    pub tried: usize,
    pub killed: usize,
    pub contradicted: usize,
    pub equivalent: usize,
    pub undecided: usize,
    pub unreached: usize,
}

impl Score {
    pub fn of(records: &[&Verification]) -> Self {
        let mut score = Self::default();
        for mutant in all(records) {
            score.add(mutant.fate);
        }
        score
    }

    fn add(&mut self, fate: Fate) {
        self.tried += 1;
        match fate {
            Fate::Killed => self.killed += 1,
            Fate::Contradicted => {
                self.killed += 1;
                self.contradicted += 1;
            }
            Fate::Equivalent => self.equivalent += 1,
            Fate::Undecided => self.undecided += 1,
            Fate::Unreached => self.unreached += 1,
        }
    }

    /// Those that nothing was decided about: what was never reached was not decided either.
    pub fn open(&self) -> usize {
        self.undecided + self.unreached
    }

    fn percent(&self, number: usize) -> f64 {
        100.0 * number as f64 / self.tried.max(1) as f64
    }

    fn share(&self, number: usize) -> String {
        format!("{:.1} %", self.percent(number))
    }

    /// Whether both shares are what is wanted.
    fn is_enough(&self) -> bool {
        self.percent(self.killed) >= WANTED_KILLED && self.percent(self.open()) <= ALLOWED_UNDECIDED
    }
}

/// How many mutants were killed; none if none was tried.
pub(super) fn finding(records: &[&Verification]) -> Option<String> {
    let score = Score::of(records);
    let tried = plural(score.tried, "mutant", "mutants");
    (score.tried > 0).then(|| format!("{} of {tried} killed, {} undecided", score.killed, score.open()))
}

pub(super) fn of(records: &[&Verification]) -> Option<Mutants> {
    let all = all(records);
    if all.is_empty() {
        return None;
    }
    let score = Score::of(records);
    let title = format!(
        "{} of {} killed; {} undecided",
        score.share(score.killed),
        plural(score.tried, "mutant was", "mutants were"),
        score.share(score.open())
    );
    let verdict = format!(
        "Wanted are at least {WANTED_KILLED:.0} % killed and at most {ALLOWED_UNDECIDED:.0} % undecided: {}. The shares are of all that were tried; equivalent ones are not taken out.",
        if score.is_enough() { "reached" } else { "not reached" }
    );
    let mut problems = Vec::new();
    if score.unreached > 0 {
        problems.push(format!(
            "{} never reached by the scenarios that were to try it: they say nothing.",
            plural(score.unreached, "mutant was", "mutants were")
        ));
    }
    if score.contradicted > 0 {
        problems.push(format!(
            "{} argued to be equivalent and killed: the argument is wrong.",
            plural(score.contradicted, "mutant was", "mutants were")
        ));
    }
    let equivalent: Vec<&Mutant<'_>> = all.iter().filter(|mutant| mutant.fate == Fate::Equivalent).collect();
    let open: Vec<&Mutant<'_>> = all
        .iter()
        .filter(|mutant| matches!(mutant.fate, Fate::Contradicted | Fate::Undecided | Fate::Unreached))
        .collect();
    Some(Mutants {
        title,
        verdict,
        problems,
        by_subject: by_subject(&all),
        by_cause: by_cause(&all),
        open: survivors(
            "Undecided: nothing noticed them, and no argument says why; or not tried as they should be",
            &open,
        ),
        equivalents: plural(
            equivalent.len(),
            "mutant does the same as the program, by argument",
            "mutants do the same as the program, by argument",
        ),
        equivalent: survivors("Equivalent, each with its argument", &equivalent),
        summary: format!("Every mutant and checker: {}", plural(all.len(), "row", "rows")),
        all: every(&all, records),
    })
}

/// The mutants by name; the records of one name are of several checkers.
fn all<'a>(records: &[&'a Verification]) -> Vec<Mutant<'a>> {
    let mut by_name: BTreeMap<&str, Vec<&Verification>> = BTreeMap::new();
    for record in records {
        by_name.entry(record.mutant.as_deref().unwrap_or_default()).or_default().push(record);
    }
    let fate = |records: &[&Verification]| {
        let some = |result| records.iter().any(|record| record.result == result);
        let argued = records.iter().any(|record| record.equivalent.is_some());
        match () {
            () if some(CheckResult::Fail) && argued => Fate::Contradicted,
            () if some(CheckResult::Fail) => Fate::Killed,
            () if some(CheckResult::Pass) && argued => Fate::Equivalent,
            () if some(CheckResult::Pass) => Fate::Undecided,
            () => Fate::Unreached,
        }
    };
    by_name.into_iter().map(|(name, records)| Mutant { name, fate: fate(&records), records }).collect()
}

impl<'a> Mutant<'a> {
    /// The record that says most: of who noticed, if somebody did.
    fn main(&self) -> &'a Verification {
        let noticed = self.records.iter().find(|record| record.result == CheckResult::Fail);
        noticed.unwrap_or(&self.records[0])
    }
}

fn by_subject(all: &[Mutant<'_>]) -> Table {
    let head = ["Subject", "#Tried", "#Killed", "#Equivalent", "#Undecided", "#Never reached", "#Kill rate"];
    let mut table = Table::new("Mutants by the subject of the scenario that told last", &head);
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let mut together = Score::default();
    for mutant in all {
        together.add(mutant.fate);
        scores.entry(&mutant.main().subject).or_default().add(mutant.fate);
    }
    for (subject, score) in [("every subject", together)].into_iter().chain(scores) {
        let numbers = [score.tried, score.killed, score.equivalent, score.undecided, score.unreached];
        let mut cells = vec![Td::text(subject)];
        cells.extend(numbers.map(|number| Td::number(number::count(number as u64))));
        cells.push(Td::number(score.share(score.killed)));
        let state = if score.unreached + score.contradicted > 0 { "failed" } else { "" };
        table.rows.push(Row { state, cells });
    }
    table
}

/// What noticed, by cause and checker.
fn by_cause(all: &[Mutant<'_>]) -> Option<Table> {
    let mut kills: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for mutant in all.iter().filter(|mutant| matches!(mutant.fate, Fate::Killed | Fate::Contradicted)) {
        let record = mutant.main();
        *kills.entry(cause(record)).or_default().entry(&record.checker).or_default() += 1;
    }
    let checkers: BTreeSet<&str> = kills.values().flat_map(BTreeMap::keys).copied().collect();
    let mut head = vec!["Noticed as".to_owned()];
    head.extend(checkers.iter().map(|checker| format!("#by {checker}")));
    head.push("#Together".into());
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut table = Table::new("Killed mutants by cause and checker", &head);
    for (cause, by_checker) in &kills {
        let mut cells = vec![Td::text(cause)];
        let number = |number: usize| Td::number(number::count(number as u64));
        cells.extend(checkers.iter().map(|checker| number(by_checker.get(checker).copied().unwrap_or(0))));
        cells.push(number(by_checker.values().sum()));
        table.push(cells);
    }
    (!table.rows.is_empty()).then_some(table)
}

fn survivors(caption: &str, mutants: &[&Mutant<'_>]) -> Option<Table> {
    let mut table = Table::new(caption, &["Mutant", "Last tried by", "What became of it", "Argument"]);
    for mutant in mutants {
        let record = mutant.main();
        let argument = mutant.records.iter().find_map(|record| record.equivalent.as_deref());
        let (fate, state) = match mutant.fate {
            Fate::Contradicted => ("argued to be equivalent, and killed", "failed"),
            Fate::Unreached => ("never reached", "failed"),
            Fate::Undecided => ("undecided", ""),
            Fate::Equivalent => ("equivalent", ""),
            Fate::Killed => ("killed", ""),
        };
        let cells = vec![
            Td::text(mutant.name),
            Td::text(&record.scenario).note(format!("{}, {}", record.subject, record.checker)),
            Td::text(fate),
            Td::text(argument.unwrap_or("none")),
        ];
        table.rows.push(Row { state, cells });
    }
    (!table.rows.is_empty()).then_some(table)
}

fn every(all: &[Mutant<'_>], records: &[&Verification]) -> Table {
    let checkers = checkers(records.iter());
    let mut head = vec!["Mutant", "Subject"];
    head.extend(&checkers);
    head.push("#Executions");
    let mut table = Table::new("What each checker found in each mutant", &head);
    for mutant in all {
        let mut cells = vec![Td::text(mutant.name), Td::text(&mutant.main().subject)];
        for checker in &checkers {
            let mut here: Vec<&&Verification> =
                mutant.records.iter().filter(|record| record.checker == *checker).collect();
            here.sort_by_key(|record| record.result != CheckResult::Fail);
            cells.push(match here.first() {
                None => Td::text("–"),
                Some(record) => match record.result {
                    CheckResult::Fail => Td::text(cause(record)).note(shortened(&record.scenario, 80)),
                    CheckResult::Pass if mutant.fate == Fate::Equivalent => {
                        Td::text("nothing").note("equivalent")
                    }
                    CheckResult::Pass => Td::text("nothing"),
                    CheckResult::NotDecidable => Td::text("not decidable"),
                    _ => Td::text("never reached"),
                },
            });
        }
        cells.push(Td::number(or_dash(mutant.records.iter().map(|record| record.executions).sum())));
        let state =
            if mutant.fate == Fate::Contradicted || mutant.fate == Fate::Unreached { "failed" } else { "" };
        table.rows.push(Row { state, cells });
    }
    table
}
