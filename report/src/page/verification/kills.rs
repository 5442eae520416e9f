//! Processes that were killed between any two instructions, and what their survivors met.

use serde::Serialize;

use super::super::table::{Row, Table, Td};
use super::kind::{is_wrong, plural, reach, said, shortened, state};
use crate::number;
use crate::records::{Kills, Verification};

#[derive(Serialize)]
pub(super) struct Killed {
    title: String,
    table: Table,
}

/// What the scenarios in which processes are killed say together; none if there are none.
pub(super) fn of(scenarios: &[&Verification]) -> Option<Killed> {
    let mut of_kills: Vec<(&Verification, &Kills)> =
        scenarios.iter().filter_map(|record| Some((*record, record.kills.as_ref()?))).collect();
    // What went wrong comes first.
    of_kills.sort_by_key(|(record, _)| !is_wrong(record));
    if of_kills.is_empty() {
        return None;
    }
    let head = ["Operation", "#Instructions", "#Kills", "#Recoveries", "#Slowest, ms", "Reach", "#Failures"];
    let mut table =
        Table::new("Processes killed in an operation, by the way that they took through it", &head);
    table.rows = of_kills.iter().map(|(record, kills)| row(record, kills)).collect();
    let total: u64 = of_kills.iter().map(|(record, _)| record.executions).sum();
    let failures: u64 = of_kills.iter().map(|(_, kills)| kills.failures).sum();
    let title = format!(
        "{} after {}",
        plural(failures as usize, "failure", "failures"),
        plural(total as usize, "kill between two instructions", "kills between any two instructions")
    );
    Some(Killed { title, table })
}

fn row(record: &Verification, kills: &Kills) -> Row {
    let mut name = Td::text(&record.scenario).note(&record.subject);
    if is_wrong(record) {
        name = name.word("wrong");
    }
    let mut failures = Td::number(number::count(kills.failures));
    if is_wrong(record) {
        failures = failures.note(shortened(&said(record), 200));
    }
    let asleep = match kills.asleep {
        0 => String::new(),
        asleep => format!("{} asleep", number::count(asleep)),
    };
    Row {
        state: state(record),
        cells: vec![
            name,
            Td::number(number::count(kills.instructions)),
            Td::number(number::count(record.executions)).note(asleep),
            Td::number(number::count(kills.recoveries)),
            Td::number(number::short(kills.slowest * 1e3)),
            Td::text(reach(record).words()),
            failures,
        ],
    }
}
