//! Subjects and checkers: how many scenarios passed, how far that reaches, and every scenario behind a cell.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::figure::slug;
use super::super::table::{Row, Table, Td};
use super::Sorted;
use super::canaries::Canaries;
use super::kind::{Reach, cause, is_wrong, or_dash, plural, reach, result, said, shortened, state};
use crate::number;
use crate::records::{CheckResult, Verification};

/// Checkers in the order of columns; others follow.
const CHECKERS: [&str; 8] =
    ["loom", "shuttle", "linearizability", "tsan", "miri", "threads", "tests", "crash"];

#[derive(Serialize)]
pub(super) struct Matrix {
    title: String,
    table: Table,
    rows: String,
    groups: Vec<Group>,
}

/// The scenarios of a subject.
#[derive(Serialize)]
struct Group {
    subject: String,
    parts: Vec<Part>,
}

/// Those of one checker.
#[derive(Serialize)]
struct Part {
    id: String,
    table: Table,
}

/// How many scenarios passed.
pub(super) fn finding(scenarios: &[&Verification]) -> String {
    format!(
        "{} of {} passed",
        number::count(passes(scenarios).count() as u64),
        plural(scenarios.len(), "scenario", "scenarios")
    )
}

pub(super) fn of(sorted: &Sorted<'_>, canaries: &Canaries) -> Option<Matrix> {
    let scenarios = &sorted.scenarios;
    let subjects: BTreeSet<&str> = scenarios
        .iter()
        .chain(&sorted.missing)
        .map(|record| record.subject.as_str())
        .filter(|subject| *subject != "all" && *subject != "canaries")
        .collect();
    if subjects.is_empty() {
        return None;
    }
    let checkers = checkers(scenarios.iter().chain(&sorted.missing));
    let mut head = vec!["Subject"];
    head.extend(&checkers);
    let mut table =
        Table::new("Scenarios that passed, by subject and checker, and how far they reach", &head);
    let mut groups = Vec::new();
    let row = |name: Td, of: &dyn Fn(&Verification) -> bool, subject: Option<&str>| {
        let mut cells = vec![name];
        let mut row_state = "";
        for checker in &checkers {
            let here: Vec<&Verification> =
                scenarios.iter().copied().filter(|record| record.checker == *checker && of(record)).collect();
            let missing = sorted.missing.iter().any(|record| {
                record.checker == *checker
                    && (record.subject == "all" || Some(record.subject.as_str()) == subject)
            });
            let mut td = cell(&here, missing);
            if canaries.void.contains(*checker)
                && !here.is_empty()
                && !here.iter().any(|record| is_wrong(record))
            {
                td = td.word("does not count");
            }
            if here.iter().any(|record| state(record) == "failed") {
                row_state = "failed";
            }
            if let Some(subject) = subject.filter(|_| !here.is_empty()) {
                td = td.link(format!("verification.html#{}", id(subject, checker)));
            } else if here.is_empty() && missing {
                td = td.link("verification.html#not-covered");
            }
            cells.push(td);
        }
        Row { state: row_state, cells }
    };
    table.rows.push(row(Td::text("every subject"), &|_| true, None));
    for subject in subjects {
        let mut name = Td::text(subject);
        if subject == "planted" {
            name = name.note("broken programs, repaired");
        }
        table.rows.push(row(name, &|record| record.subject == subject, Some(subject)));
        let parts: Vec<Part> =
            checkers.iter().filter_map(|checker| part(scenarios, subject, checker)).collect();
        if !parts.is_empty() {
            groups.push(Group { subject: subject.to_owned(), parts });
        }
    }
    let rows = format!("Every row: {}", plural(scenarios.len(), "scenario", "scenarios"));
    Some(Matrix { title: title(scenarios), table, rows, groups })
}

fn passes<'a>(scenarios: &'a [&'a Verification]) -> impl Iterator<Item = &'a Verification> {
    scenarios.iter().copied().filter(|record| record.result == CheckResult::Pass)
}

fn title(scenarios: &[&Verification]) -> String {
    let count =
        |wanted: &dyn Fn(Reach) -> bool| passes(scenarios).filter(|record| wanted(reach(record))).count();
    let parts: Vec<String> = [
        (count(&|reach| reach == Reach::Complete), "complete"),
        (count(&|reach| matches!(reach, Reach::Bound(_))), "up to a bound"),
        (count(&|reach| reach == Reach::Truncated), "truncated"),
        (count(&|reach| reach == Reach::Sampled), "sampled"),
        (count(&|reach| reach == Reach::Nothing), "of unknown reach"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{} {what}", number::count(number as u64)))
    .collect();
    let finding = finding(scenarios);
    if parts.is_empty() { finding } else { format!("{finding}: {}", parts.join(", ")) }
}

/// All that have a record, known ones first.
pub(super) fn checkers<'a>(records: impl Iterator<Item = &'a &'a Verification>) -> Vec<&'a str> {
    let all: BTreeSet<&str> = records.map(|record| record.checker.as_str()).collect();
    let place = |checker: &str| CHECKERS.iter().position(|known| *known == checker).unwrap_or(CHECKERS.len());
    let mut all: Vec<&str> = all.into_iter().collect();
    all.sort_by_key(|checker| (place(checker), *checker));
    all
}

fn id(subject: &str, checker: &str) -> String {
    slug(&["scenarios", subject, checker])
}

/// A cell of the matrix; `missing` if the checker is not there.
fn cell(here: &[&Verification], missing: bool) -> Td {
    if here.is_empty() {
        return if missing { Td::text("–").word("not run") } else { Td::text("–").note("no scenario") };
    }
    let with = |wanted| here.iter().filter(|record| record.result == wanted).count();
    let (passed, wrong) = (with(CheckResult::Pass), with(CheckResult::Fail));
    let (unknown, undecidable) = (with(CheckResult::Unknown), with(CheckResult::NotDecidable));
    let mut notes = Vec::new();
    let reaches: BTreeSet<Reach> = passes(here).map(reach).collect();
    if let (Some(strongest), Some(weakest)) = (reaches.first(), reaches.last()) {
        notes.push(match strongest == weakest {
            true => strongest.words(),
            false => format!("{}, at least {}", strongest.words(), weakest.words()),
        });
    }
    for (number, what) in [(wrong, "wrong"), (unknown, "gave up"), (undecidable, "not decidable")] {
        if number > 0 {
            notes.push(format!("{number} {what}"));
        }
    }
    let td = Td::text(format!("{passed} of {}", here.len())).note(notes.join("; "));
    match () {
        () if wrong > 0 => td.word("wrong"),
        () if unknown > 0 => td.word("gave up"),
        () if undecidable > 0 => td.word("not decidable"),
        () => td,
    }
}

/// Every scenario of a subject under a checker, those that are no pass first.
fn part(scenarios: &[&Verification], subject: &str, checker: &str) -> Option<Part> {
    let mut here: Vec<&Verification> = scenarios
        .iter()
        .copied()
        .filter(|record| record.subject == subject && record.checker == checker)
        .collect();
    here.sort_by_key(|record| (record.result == CheckResult::Pass, !is_wrong(record)));
    let caption = format!("{subject} under {checker}: {}", finding(&here));
    let mut table =
        Table::new(caption, &["Scenario", "Result", "Reach", "#Threads", "#Executions", "#Seconds"]);
    for record in &here {
        let found = match record.result {
            CheckResult::Pass => Td::text("pass"),
            CheckResult::Fail => Td::text("fail").word("wrong").note(format!(
                "{}: {}",
                cause(record),
                shortened(&said(record), 200)
            )),
            _ => Td::text(result(record)).note(shortened(&said(record), 200)),
        };
        table.rows.push(Row {
            state: state(record),
            cells: vec![
                Td::text(&record.scenario),
                found,
                Td::text(reached(record)),
                Td::number(or_dash(record.threads.into())),
                Td::number(or_dash(record.executions)),
                Td::number(number::short(record.seconds)),
            ],
        });
    }
    (!here.is_empty()).then(|| Part { id: id(subject, checker), table })
}

/// Only a pass reaches anywhere.
fn reached(record: &Verification) -> String {
    if record.result == CheckResult::Pass { reach(record).words() } else { "–".into() }
}
