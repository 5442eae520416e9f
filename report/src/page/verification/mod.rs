//! What the checkers found, and how far that reaches. What went wrong comes first and never looks like a pass.
//!
//! - [`kind`]: which record means what;
//! - [`matrix`]: subjects and checkers, and every scenario behind a cell;
//! - [`canaries`]: what a checker must see before its results count;
//! - [`mutants`]: the program with one call changed;
//! - [`kills`]: processes killed between any two instructions;
//! - [`broken`]: programs that are broken on purpose, and what found them;
//! - [`interleaving`]: a failing execution as a figure.

mod broken;
mod canaries;
mod interleaving;
mod kills;
mod kind;
mod matrix;
mod mutants;

use std::collections::BTreeSet;

use serde::Serialize;

use super::Press;
use super::figure::Figure;
use super::table::{Row, Table, Td};
use crate::number;
use crate::records::{CheckResult, Verification};
use crate::site::RenderError;
use broken::Broken;
use canaries::Canaries;
use kills::Killed;
use kind::{Kind, kind};
use matrix::Matrix;
use mutants::Mutants;

/// Failing executions that are drawn on the page; the table has all of them.
const DRAWN: usize = 6;

#[derive(Serialize)]
struct Page {
    finding: String,
    counts: Vec<Count>,
    banner: Vec<String>,
    wrong: Option<Wrong>,
    matrix: Option<Matrix>,
    killed: Option<Killed>,
    canaries: Canaries,
    mutants: Option<Mutants>,
    broken: Option<Broken>,
    not_run: Option<Table>,
    records: bool,
}

#[derive(Serialize)]
struct Count {
    number: String,
    name: &'static str,
    state: &'static str,
}

/// Scenarios in which something was found.
#[derive(Serialize)]
struct Wrong {
    title: String,
    table: Table,
    figures: Vec<Figure>,
}

/// The records of a run, each kind in an order that does not depend on the file's.
struct Sorted<'a> {
    scenarios: Vec<&'a Verification>,
    canaries: Vec<&'a Verification>,
    mutants: Vec<&'a Verification>,
    planted: Vec<&'a Verification>,
    missing: Vec<&'a Verification>,
    untried: Vec<&'a Verification>,
}

impl<'a> Sorted<'a> {
    fn of(records: &'a [Verification]) -> Self {
        let mut all: Vec<&Verification> = records.iter().collect();
        all.sort_by_cached_key(|record| {
            let rest = serde_json::to_string(record).unwrap_or_default();
            (record.subject.clone(), record.checker.clone(), record.scenario.clone(), rest)
        });
        let of = |wanted: Kind| all.iter().copied().filter(|record| kind(record) == wanted).collect();
        Self {
            scenarios: of(Kind::Scenario),
            canaries: of(Kind::Canary),
            mutants: of(Kind::Mutant),
            planted: of(Kind::Planted),
            missing: of(Kind::Missing),
            untried: of(Kind::Untried),
        }
    }
}

pub(super) fn render(press: &mut Press<'_>) -> Result<(), RenderError> {
    let records: Vec<Verification> = press.report.verifications.iter().map(kind::cleaned).collect();
    let sorted = Sorted::of(&records);
    // A mutant's record has no steps, and a canary's are not drawn.
    let drawn = sorted.scenarios.iter().chain(&sorted.planted).copied();
    interleaving::csv(press, drawn);
    let wrong = wrong(press, &sorted.scenarios);
    let canaries = canaries::of(&sorted);
    let page = Page {
        finding: finding(press.report.verifications).unwrap_or_default(),
        counts: counts(&sorted, &canaries.void),
        banner: canaries.banner.clone(),
        wrong,
        matrix: matrix::of(&sorted, &canaries),
        killed: kills::of(&sorted.scenarios),
        mutants: mutants::of(&sorted.mutants),
        broken: broken::render(press, &sorted.planted)?,
        not_run: not_run(&sorted),
        canaries,
        records: !press.report.verifications.is_empty(),
    };
    press.page("verification.html", "verification.html", "Verification", &page)
}

/// All that the records say, in a sentence without its full stop; none without records.
pub(super) fn finding(records: &[Verification]) -> Option<String> {
    if records.is_empty() {
        return None;
    }
    let records: Vec<Verification> = records.iter().map(kind::cleaned).collect();
    let sorted = Sorted::of(&records);
    let mut parts: Vec<String> =
        canaries::of(&sorted).void.iter().map(|checker| format!("no result of {checker} counts")).collect();
    parts.push(matrix::finding(&sorted.scenarios));
    parts.extend(mutants::finding(&sorted.mutants));
    parts.extend(broken::finding(&sorted.planted));
    let mut text = parts.join("; ");
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    Some(text)
}

fn counts(sorted: &Sorted<'_>, void: &BTreeSet<String>) -> Vec<Count> {
    let mut counts = Vec::new();
    let mut count = |name, number: usize, state| {
        counts.push(Count { number: number::count(number as u64), name, state });
    };
    let with =
        |records: &[&Verification], result| records.iter().filter(|record| record.result == result).count();
    let bad = |number: usize| if number > 0 { "failed" } else { "" };
    let (scenarios, planted) = (&sorted.scenarios, &sorted.planted);
    let wrong = scenarios.iter().filter(|record| kind::is_wrong(record)).count();
    let passed = with(scenarios, CheckResult::Pass);
    let all_count = void.is_empty() && passed == scenarios.len() && passed > 0;
    count("scenarios passed", passed, if all_count { "ok" } else { "" });
    count("scenarios wrong", wrong, bad(wrong));
    if !sorted.mutants.is_empty() {
        let score = mutants::Score::of(&sorted.mutants);
        count("mutants killed", score.killed, "");
        count("mutants undecided", score.open(), "");
    }
    if !planted.is_empty() {
        let missed = planted.len() - with(planted, CheckResult::Fail);
        count("broken programs found", planted.len() - missed, "");
        count("broken programs missed", missed, bad(missed));
    }
    counts
}

/// What went wrong, with the execution in which it did.
fn wrong(press: &Press<'_>, scenarios: &[&Verification]) -> Option<Wrong> {
    let wrong: Vec<&Verification> =
        scenarios.iter().copied().filter(|record| kind::is_wrong(record)).collect();
    if wrong.is_empty() {
        return None;
    }
    let head = [
        "Scenario",
        "Subject",
        "Checker",
        "Cause",
        "What the checker said",
        "#Executions",
        "What replays it",
    ];
    let mut table = Table::new("Scenarios in which something was found", &head);
    for record in &wrong {
        let cells = vec![
            Td::text(&record.scenario),
            Td::text(&record.subject),
            Td::text(&record.checker),
            Td::text(kind::cause(record)).word("wrong"),
            Td::text(kind::said(record)),
            Td::number(number::count(record.executions)),
            Td::text(kind::replay(record)),
        ];
        table.rows.push(Row { state: "failed", cells });
    }
    let title = match wrong.len() {
        1 => "One scenario went wrong".to_owned(),
        many => format!("{many} scenarios went wrong"),
    };
    let drawn = wrong.iter().take(DRAWN).enumerate();
    let figures =
        drawn.filter_map(|(at, record)| interleaving::figure(press, record, &format!("wrong-{}", at + 1)));
    Some(Wrong { title, table, figures: figures.collect() })
}

/// What was not run or cannot be judged, with the reason, which says how to get a checker that is missing.
fn not_run(sorted: &Sorted<'_>) -> Option<Table> {
    let mut table = Table::new(
        "What was not run or not judged",
        &["Checker", "Of what", "State", "Why, and how to get it"],
    );
    let scenarios = sorted
        .scenarios
        .iter()
        .filter(|record| !matches!(record.result, CheckResult::Pass | CheckResult::Fail));
    for record in sorted.missing.iter().chain(&sorted.untried).chain(scenarios) {
        let what = match (&record.mutant, record.subject.as_str()) {
            (Some(call), _) => format!("mutants of {call}"),
            (None, "all") => "every scenario".to_owned(),
            (None, subject) => format!("{subject}: {}", &record.scenario),
        };
        let why = record.reason.as_deref().or(record.message.as_deref()).unwrap_or("no reason given");
        let cells =
            vec![Td::text(&record.checker), Td::text(what), Td::text(kind::result(record)), Td::text(why)];
        table.rows.push(Row { state: kind::state(record), cells });
    }
    (!table.rows.is_empty()).then_some(table)
}
