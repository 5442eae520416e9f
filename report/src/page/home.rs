//! The first page: what matters most, and every kernel under every model.

use serde::Serialize;

use super::figure::{self, Figure};
use super::table::{Row, Table, Td};
use super::{Press, csv, findings, titles, verification, words};
use crate::cells::Cell;
use crate::compare::{Against, Table as Cells};
use crate::names;
use crate::number;
use crate::records::{Status, Verdict};
use crate::site::RenderError;

#[derive(Serialize)]
struct Page {
    findings: Vec<Finding>,
    rule: &'static str,
    models: Option<Table>,
    models_csv: String,
    counts: Vec<Count>,
    left_out: usize,
    took: String,
    host: String,
    rounds: u32,
    /// What the checkers found, if any was run.
    verified: Option<String>,
}

#[derive(Serialize)]
struct Finding {
    figure: Figure,
    subject: String,
    href: String,
}

#[derive(Serialize)]
struct Count {
    number: String,
    name: &'static str,
    state: &'static str,
}

pub(super) fn render(press: &mut Press<'_>) -> Result<(), RenderError> {
    let report = press.report;
    let run = report.run;
    let mut findings = Vec::new();
    for (at, judgement) in findings::choose(report).into_iter().enumerate() {
        let key = &judgement.key;
        let tables = report.tables(&key.suite);
        let Some(table) = tables.iter().find(|table| {
            (&table[0].key.group, &table[0].key.metric, &table[0].key.unit)
                == (&key.group, &key.metric, &key.unit)
        }) else {
            continue;
        };
        let title = words::sentence(judgement);
        let prefix = format!("finding-{}_", at + 1);
        if let Some(figure) = figure::dots(press, table, &prefix, title, |cell| cell.prefix().is_empty()) {
            let fragment = figure.id.trim_start_matches(&prefix).to_owned();
            let href = match key.suite.as_str() {
                "kernels" => format!("kernel/{}.html#{fragment}", names::group(&key.group).subject),
                "claims" => format!("costs.html#{fragment}"),
                other => format!("{other}.html#{fragment}"),
            };
            findings.push(Finding { figure, subject: key.group.clone(), href });
        }
    }
    let cells = run.cells;
    let count = |number: u32, name, state| Count { number: number::count(number.into()), name, state };
    let page = Page {
        findings,
        rule: findings::RULE,
        models: models(press),
        models_csv: press.csv("summary", csv::ratios(report.judgements())),
        counts: vec![
            count(cells.expected, "expected", ""),
            count(cells.ok, "ok", "ok"),
            count(cells.failed, "failed", if cells.failed > 0 { "failed" } else { "" }),
            count(cells.not_run, "not run", if cells.not_run > 0 { "not-run" } else { "" }),
        ],
        left_out: run.left_out.len(),
        took: number::duration(run.seconds),
        host: run.host.name.clone(),
        rounds: report.rounds(),
        verified: verification::finding(report.verifications),
    };
    press.page("index.html", "home.html", "Threads or processes?", &page)
}

/// Kernels and models, as speed-up over the sequential program.
fn models(press: &Press<'_>) -> Option<Table> {
    let report = press.report;
    let chosen: Vec<Cells<'_>> = findings::main_sizes(&report.tables("kernels")).collect();
    let mut models: Vec<&str> = chosen
        .iter()
        .flat_map(|table| table.iter())
        .filter(|cell| cell.prefix().is_empty() && !cell.peer)
        .map(|cell| cell.key.variant.as_str())
        .filter(|variant| *variant != "sequential")
        .collect();
    models.sort_by_key(|variant| names::order(variant));
    models.dedup();
    if models.is_empty() {
        return None;
    }
    let mut head = vec!["Kernel", "#processes ÷ threads", "#sequential"];
    let headings: Vec<String> = models.iter().map(|model| format!("#{model}")).collect();
    head.extend(headings.iter().map(String::as_str));
    let mut overview = Table::new(
        "Speed-up over the sequential program, with its 95 % interval and what may be concluded",
        &head,
    );
    for table in chosen {
        let group = &table[0].key.group;
        let team = report.team(table);
        let sequential = table.iter().find(|cell| cell.key.variant == "sequential");
        let page = format!("kernel/{}.html#{}", names::group(group).subject, figure::slug(&[group]));
        let workers = if team == 1 { "1 worker".to_owned() } else { format!("{team} workers") };
        let mut row = vec![
            Td::text(group).link(page).note(workers),
            families_td(press, table),
            match sequential.and_then(Cell::median) {
                Some(median) => Td::number(number::with_unit(median.value, &table[0].key.unit)),
                None => Td::number("–"),
            },
        ];
        for model in &models {
            let cells = || table.iter().filter(|cell| cell.key.variant == *model);
            let cell = cells().find(|cell| cell.key.workers == team).or_else(|| cells().next());
            row.push(model_td(press, cell, team));
        }
        overview.rows.push(Row { state: "", cells: row });
    }
    Some(overview)
}

/// Processes against threads, and who wins if anybody does.
fn families_td(press: &Press<'_>, table: Cells<'_>) -> Td {
    let Some((ours, theirs, compared)) = titles::families(press.report, table) else {
        return Td::number("–");
    };
    let trusted = titles::trusted(press.report, table);
    let verdict = if trusted { compared.verdict } else { Verdict::Inconclusive };
    let interval = compared.ci.map(number::interval).unwrap_or_default();
    if compared.ratio.is_none() {
        return Td::number("–").word(words::verdict(Verdict::Inconclusive));
    }
    Td::number(number::ratio(compared.ratio, None))
        .note(format!("{interval} {} ÷ {}", either(&ours), either(&theirs)))
        .word(match verdict {
            Verdict::Better => "processes",
            Verdict::Worse => "threads",
            other => words::verdict(other),
        })
}

/// Names that either half of the rounds chose.
fn either(names: &str) -> String {
    names.replace('|', " or ")
}

/// The speed-up of one model, or its state.
fn model_td(press: &Press<'_>, cell: Option<&Cell>, team: u32) -> Td {
    let Some(cell) = cell else { return Td::number("–") };
    if cell.values.is_empty() {
        return match cell.trouble() {
            Some((Status::Failed, _)) => Td::number("–").word("failed"),
            _ => Td::number("–").word("not run"),
        };
    }
    let Some(judgement) = press.report.judgement(cell, Against::Baseline) else { return Td::number("–") };
    let row = &judgement.row;
    let mut note = row.ci.map_or(String::new(), |[low, high]| number::interval([high.recip(), low.recip()]));
    if cell.key.workers != team {
        note = format!("{note} with {}", cell.key.workers);
    }
    Td::number(number::ratio(row.ratio.map(f64::recip), None)).note(note).word(words::verdict(row.verdict))
}
