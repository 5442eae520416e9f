//! Programs whose outcomes are known: a checker that does not see them all proves nothing.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::table::{Row, Table, Td};
use super::Sorted;
use super::kind::{is_seen, or_dash, plural, said};
use crate::records::Verification;

/// The checker that has canaries, because it claims to see every execution.
const WATCHED: &str = "loom";

#[derive(Serialize)]
pub(super) struct Canaries {
    pub title: String,
    /// What must be read before anything else.
    #[serde(skip)]
    pub banner: Vec<String>,
    /// Checkers that missed a canary.
    #[serde(skip)]
    pub void: BTreeSet<String>,
    pub table: Option<Table>,
}

pub(super) fn of(sorted: &Sorted<'_>) -> Canaries {
    let all = &sorted.canaries;
    let missed: Vec<&&Verification> = all.iter().filter(|record| !is_seen(record)).collect();
    let void: BTreeSet<String> = missed.iter().map(|record| record.checker.clone()).collect();
    let mut banner: Vec<String> = void
        .iter()
        .map(|checker| {
            let of_checker = missed.iter().filter(|record| record.checker == *checker);
            let names: Vec<String> = of_checker.map(|record| format!("“{}”", &record.scenario)).collect();
            format!("No result of {checker} counts: it did not see {}.", names.join(", "))
        })
        .collect();
    let judged = [&sorted.scenarios, &sorted.mutants, &sorted.planted];
    let watched = judged.into_iter().flatten().any(|record| record.checker == WATCHED);
    if watched && !all.iter().any(|record| record.checker == WATCHED) {
        banner.push(format!("No canary of {WATCHED} was run: nothing shows that it sees what it must."));
    }
    let title = match (all.len(), missed.len()) {
        (0, _) => "No canary was run".to_owned(),
        (1, 0) => "The only canary was seen".to_owned(),
        (many, 0) => format!("All {many} canaries were seen"),
        (many, missed) => format!("{missed} of {} not seen", plural(many, "canary was", "canaries were")),
    };
    Canaries { title, banner, void, table: table(all) }
}

fn table(all: &[&Verification]) -> Option<Table> {
    let mut table = Table::new(
        "What a checker must see before its results count",
        &["Canary", "Checker", "What it is", "Seen", "#Executions"],
    );
    let mut sorted: Vec<&&Verification> = all.iter().collect();
    sorted.sort_by_key(|record| is_seen(record));
    for record in sorted {
        let seen = is_seen(record);
        let what = if record.planted { "a program that is broken" } else { "every outcome of a program" };
        let seen_td = if seen { Td::text("yes") } else { Td::text("no").note(said(record)).word("missed") };
        table.rows.push(Row {
            state: if seen { "" } else { "failed" },
            cells: vec![
                Td::text(&record.scenario),
                Td::text(&record.checker),
                Td::text(what),
                seen_td,
                Td::number(or_dash(record.executions)),
            ],
        });
    }
    (!table.rows.is_empty()).then_some(table)
}
