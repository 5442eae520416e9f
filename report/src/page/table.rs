//! Tables as templates take them.

use serde::Serialize;

use super::report::Report;
use super::words;
use crate::cells::Cell;
use crate::compare::{Against, Judgement, Table as Cells, baseline_of, paired};
use crate::names;
use crate::number;
use crate::records::{Better, Status};

#[derive(Clone, Debug, Serialize)]
pub(super) struct Table {
    pub caption: String,
    pub head: Vec<Head>,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Head {
    pub text: String,
    /// Whether its column holds numbers, which stand at the right.
    pub number: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// `failed` or `not-run`, or nothing.
    pub state: &'static str,
    /// The first is the row's heading.
    pub cells: Vec<Td>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Td {
    pub text: String,
    /// In smaller letters below.
    pub note: String,
    /// A verdict's word, below.
    pub word: &'static str,
    pub number: bool,
    pub href: String,
    /// How many columns it takes, from 1.
    pub span: usize,
}

impl Td {
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), span: 1, ..Self::default() }
    }

    pub fn number(text: impl Into<String>) -> Self {
        Self { number: true, ..Self::text(text) }
    }

    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    pub fn link(self, href: impl Into<String>) -> Self {
        Self { href: href.into(), ..self }
    }

    pub fn word(self, word: &'static str) -> Self {
        Self { word, ..self }
    }
}

impl Table {
    /// An empty table; a heading that starts with `#` is of a column of numbers.
    pub fn new(caption: impl Into<String>, head: &[&str]) -> Self {
        let head = head
            .iter()
            .map(|text| Head { text: text.trim_start_matches('#').to_owned(), number: text.starts_with('#') })
            .collect();
        Self { caption: caption.into(), head, rows: Vec::new() }
    }

    pub fn push(&mut self, cells: Vec<Td>) {
        self.rows.push(Row { state: "", cells });
    }
}

/// What is plotted: median, interval, rounds.
pub(super) fn medians(caption: String, cells: &[&Cell]) -> Table {
    let mut table = Table::new(caption, &["Variant", "#Workers", "#Median", "#95 % interval", "#Rounds"]);
    for cell in cells {
        let Some(median) = cell.median() else { continue };
        table.push(vec![
            Td::text(&cell.key.variant).note(&cell.key.params),
            Td::number(cell.key.workers.to_string()),
            Td::number(number::with_unit(median.value, &cell.key.unit)),
            Td::number(number::span(median.interval, &cell.key.unit)),
            Td::number(median.rounds.to_string()),
        ]);
    }
    table
}

/// All native cells of a table with everything that is judged, failed and not-run ones in their places.
pub(super) fn judged(report: &Report<'_>, cells: Cells<'_>) -> Table {
    let key = &cells[0].key;
    let native: Vec<&Cell> = sorted(cells).into_iter().filter(|cell| cell.prefix().is_empty()).collect();
    let baseline =
        native.iter().find_map(|cell| baseline_of(cell, cells)).map(|cell| cell.key.variant.clone());
    let has_peers = native.iter().any(|cell| report.judgement(cell, Against::BestPeer).is_some());
    let scaling = native.iter().any(|cell| alone(cell, cells).is_some());
    let sequential = baseline.as_deref() == Some("sequential");
    let against = baseline.as_ref().map(|name| format!("#÷ {name}"));
    let mut head = vec!["Variant", "#Workers", "#Median"];
    head.extend(against.as_deref());
    if has_peers {
        head.push("#÷ best peer");
    }
    if scaling {
        head.extend(["#Own T1 ÷ Tp"].into_iter().chain(sequential.then_some("#Efficiency")));
    }
    head.push("#Rounds");
    let mut table =
        Table::new(format!("{}: {} of every native cell", key.group, names::metric(&key.metric)), &head);
    for cell in native {
        let Some(first) = opening(cell) else { continue };
        let Some(median) = cell.median() else {
            table.rows.push(without_value(cell, first, head.len()));
            continue;
        };
        let mut row = first;
        row.push(median_td(cell, &median));
        if let Some(baseline) = &baseline {
            let itself = &cell.key.variant == baseline;
            row.push(if itself {
                again_td(report, cell)
            } else {
                ratio_td(report.judgement(cell, Against::Baseline))
            });
        }
        if has_peers {
            row.push(ratio_td(report.judgement(cell, Against::BestPeer)));
        }
        if scaling {
            let compared = alone(cell, cells);
            row.push(match &compared {
                Some(compared) => Td::number(number::ratio(compared.ratio, None))
                    .note(compared.ci.map(number::interval).unwrap_or_default()),
                None => Td::number("–"),
            });
            if sequential {
                row.push(efficiency_td(report, cell));
            }
        }
        row.push(Td::number(rounds(cell)));
        table.rows.push(Row { state: state(cell), cells: row });
    }
    table
}

/// The cells of every interpreter, each against its own sequential program only.
pub(super) fn interpreted(report: &Report<'_>, cells: Cells<'_>) -> Option<Table> {
    let of_interpreters: Vec<&Cell> =
        sorted(cells).into_iter().filter(|cell| !cell.prefix().is_empty()).collect();
    if of_interpreters.is_empty() {
        return None;
    }
    let baseline = of_interpreters.iter().find_map(|cell| baseline_of(cell, cells));
    let against = format!("#÷ own {}", baseline.map_or("baseline", Cell::model));
    let head = ["Variant", "#Workers", "Version", "GIL", "Start method", "#Median", &against, "#Rounds"];
    let key = &cells[0].key;
    let caption =
        format!("{}: {} of interpreters, each against itself only", key.group, names::metric(&key.metric));
    let mut table = Table::new(caption, &head);
    for cell in of_interpreters {
        let Some(mut row) = opening(cell) else { continue };
        let name = cell.prefix().trim_end_matches('/');
        let python = report.run.pythons.iter().find(|python| python.name == name);
        let [version, gil, start] = match python {
            Some(python) => [
                python.version.clone(),
                if python.gil { "on" } else { "off" }.to_owned(),
                python.start_method.clone(),
            ],
            None => ["–", "–", "–"].map(str::to_owned),
        };
        let Some(median) = cell.median() else {
            table.rows.push(without_value(cell, row, head.len()));
            continue;
        };
        row.extend([Td::text(version), Td::text(gil), Td::text(start)]);
        row.push(median_td(cell, &median));
        let itself = baseline.is_some_and(|baseline| baseline.model() == cell.model());
        row.push(if itself {
            again_td(report, cell)
        } else {
            ratio_td(report.judgement(cell, Against::Baseline))
        });
        row.push(Td::number(rounds(cell)));
        table.rows.push(Row { state: state(cell), cells: row });
    }
    Some(table)
}

/// A ratio with its interval and its verdict.
pub(super) fn ratio_td(judgement: Option<&Judgement>) -> Td {
    let Some(row) = judgement.map(|judgement| &judgement.row) else { return Td::number("–") };
    if row.ratio.is_none() {
        return Td::number("–").note("too few rounds");
    }
    Td::number(number::ratio(row.ratio, None))
        .note(row.ci.map(number::interval).unwrap_or_default())
        .word(words::verdict(row.verdict))
}

/// A cell against the same model with one worker: its own scaling, apart from how good it is.
fn alone(cell: &Cell, table: Cells<'_>) -> Option<crate::stats::Comparison> {
    let one = table.iter().find(|other| {
        (&other.key.variant, &other.key.params, other.key.workers) == (&cell.key.variant, &cell.key.params, 1)
    })?;
    let times = cell.better == Better::Lower && cell.key.metric == "time";
    (times && cell.key.workers > 1 && !one.values.is_empty() && !cell.values.is_empty())
        .then(|| paired(one, cell))
}

fn efficiency_td(report: &Report<'_>, cell: &Cell) -> Td {
    let ratio = report.judgement(cell, Against::Baseline).and_then(|judgement| judgement.row.ratio);
    match ratio {
        Some(ratio) => {
            let share = 100.0 / ratio / f64::from(cell.key.workers);
            Td::number(format!("{} %", number::short(share)))
        }
        None => Td::number("–"),
    }
}

fn again_td(report: &Report<'_>, cell: &Cell) -> Td {
    match report.judgement(cell, Against::Itself) {
        Some(judgement) => {
            let td = ratio_td(Some(judgement));
            Td { note: format!("A/A {}", td.note), ..td }
        }
        None => Td::number("1×").note("the baseline, run once"),
    }
}

fn median_td(cell: &Cell, median: &crate::stats::Median) -> Td {
    let unit = &cell.key.unit;
    Td::number(number::with_unit(median.value, unit)).note(number::span(median.interval, unit))
}

/// Variant and workers.
fn opening(cell: &Cell) -> Option<Vec<Td>> {
    let name = Td::text(&cell.key.variant).note(&cell.key.params);
    let name = if cell.peer { name.word("peer") } else { name };
    Some(vec![name, Td::number(cell.key.workers.to_string())])
}

/// The row of a cell that has no value at all: its state and the reason across the other columns.
fn without_value(cell: &Cell, mut row: Vec<Td>, columns: usize) -> Row {
    let (state, text) = match cell.trouble() {
        Some((Status::Failed, reason)) => ("failed", format!("failed: {reason}")),
        Some((_, reason)) => ("not-run", format!("not run: {reason}")),
        None => ("not-run", "not run".to_owned()),
    };
    row.push(Td { span: columns - row.len(), ..Td::text(text) });
    Row { state, cells: row }
}

fn state(cell: &Cell) -> &'static str {
    if cell.failed.is_empty() { "" } else { "failed" }
}

fn rounds(cell: &Cell) -> String {
    let ok = cell.values.len();
    match (cell.failed.len(), cell.not_run.len()) {
        (0, 0) => ok.to_string(),
        (0, not_run) => format!("{ok}, {not_run} not run"),
        (failed, _) => format!("{ok}, {failed} failed"),
    }
}

fn sorted(cells: Cells<'_>) -> Vec<&Cell> {
    let mut sorted: Vec<&Cell> = cells.iter().collect();
    sorted.sort_by_key(|cell| {
        let (interpreted, prefix, at, name) = names::order(&cell.key.variant);
        (interpreted, prefix, cell.peer, at, name, cell.key.workers, cell.key.params.clone())
    });
    sorted
}
