//! Where the figures come from: the machine, the build, the rules, and how restless the machine was.

use serde::Serialize;

use super::Press;
use super::report::Report;
use super::table::{Row, Table, Td, ratio_td};
use crate::compare::{Against, margin_in_words};
use crate::number;
use crate::records::Status;
use crate::site::RenderError;
use crate::stats::{EVIDENCE_ROUNDS, MIN_ROUNDS};

#[derive(Serialize)]
struct Page {
    facts: Vec<(&'static str, String)>,
    margin: String,
    min_rounds: u32,
    evidence_rounds: u32,
    pythons: Option<Table>,
    again: Option<Table>,
    missing: Option<Table>,
    left_out: Vec<String>,
}

pub(super) fn render(press: &mut Press<'_>) -> Result<(), RenderError> {
    let report = press.report;
    let page = Page {
        facts: facts(report),
        margin: margin_in_words(),
        min_rounds: MIN_ROUNDS,
        evidence_rounds: EVIDENCE_ROUNDS,
        pythons: pythons(report),
        again: again(report),
        missing: missing(report),
        left_out: report.run.left_out.clone(),
    };
    press.page("method.html", "method.html", "Environment and method", &page)
}

fn facts(report: &Report<'_>) -> Vec<(&'static str, String)> {
    let (run, host) = (report.run, &report.run.host);
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    vec![
        ("Host", host.name.clone()),
        ("CPU", host.cpu.clone()),
        ("Cores", host.cores.to_string()),
        ("Memory", number::with_unit(host.memory_bytes as f64, "bytes")),
        ("Page size", number::with_unit(host.page_bytes as f64, "bytes")),
        ("Huge pages", or_none(&host.huge_pages)),
        ("Kernel", host.kernel.clone()),
        ("Virtualised", host.virtualised.clone().unwrap_or_else(|| "no".into())),
        (
            "Other threads running before and after",
            format!("{} and {}", number::short(host.load_before), number::short(host.load_after)),
        ),
        ("CPU time stolen", format!("{} %", number::short(100.0 * host.steal))),
        ("Run", run.id.clone()),
        ("Started", report.started()),
        ("Took", format!("{} of {}", number::duration(run.seconds), number::duration(run.budget_seconds))),
        ("Rounds", run.rounds.to_string()),
        ("Seed", run.seed.to_string()),
        ("Flags", or_none(&run.flags.join(" "))),
        ("Revision", run.revision.clone()),
        ("Uncommitted changes", run.dirty.as_ref().map_or("none".into(), |hash| format!("SHA-256 {hash}"))),
        ("Compiler", run.rustc.clone()),
        ("Compiler flags", or_none(&run.rustflags)),
    ]
}

fn pythons(report: &Report<'_>) -> Option<Table> {
    let pythons = &report.run.pythons;
    let mut table = Table::new("Interpreters found", &["Name", "Version", "GIL", "Start method by default"]);
    for python in pythons {
        table.push(vec![
            Td::text(&python.name),
            Td::text(&python.version),
            Td::text(if python.gil { "on" } else { "off" }),
            Td::text(&python.start_method),
        ]);
    }
    (!pythons.is_empty()).then_some(table)
}

/// Every baseline against its own second run.
fn again(report: &Report<'_>) -> Option<Table> {
    let head = ["Group", "Metric", "Baseline", "#A/A ratio", "#Rounds", "Within the margin"];
    let mut table = Table::new("Baselines against themselves", &head);
    for judgement in report.judgements().filter(|judgement| judgement.against == Against::Itself) {
        let row = &judgement.row;
        let compared = crate::stats::Comparison {
            ratio: row.ratio,
            ci: row.ci,
            rounds: row.rounds,
            verdict: row.verdict,
        };
        let beyond = compared.beyond_margin();
        table.rows.push(Row {
            state: if beyond { "failed" } else { "" },
            cells: vec![
                Td::text(&row.group),
                Td::text(&row.metric),
                Td::text(&row.variant),
                ratio_td(Some(judgement)),
                Td::number(row.rounds.to_string()),
                Td::text(if beyond { "no: every comparison with it is inconclusive" } else { "yes" }),
            ],
        });
    }
    (!table.rows.is_empty()).then_some(table)
}

/// Every cell that has a round without a value, with the reason.
fn missing(report: &Report<'_>) -> Option<Table> {
    let head = ["Group", "Variant", "#Workers", "Metric", "State", "Reason"];
    let mut table = Table::new("Cells with a round that failed or was not run", &head);
    for cell in &report.cells {
        let Some((status, reason)) = cell.trouble() else { continue };
        let (state, word) = match status {
            Status::Failed => {
                ("failed", format!("failed in {} of {} rounds", cell.failed.len(), rounds(cell)))
            }
            _ => ("not-run", format!("not run in {} of {} rounds", cell.not_run.len(), rounds(cell))),
        };
        table.rows.push(Row {
            state,
            cells: vec![
                Td::text(&cell.key.group),
                Td::text(&cell.key.variant).note(&cell.key.params),
                Td::number(cell.key.workers.to_string()),
                Td::text(&cell.key.metric),
                Td::text(word),
                Td::text(reason),
            ],
        });
    }
    (!table.rows.is_empty()).then_some(table)
}

fn rounds(cell: &crate::cells::Cell) -> usize {
    cell.values.len() + cell.failed.len() + cell.not_run.len()
}
