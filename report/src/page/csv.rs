//! The figures behind a chart, for whoever draws their own.

use crate::cells::Cell;
use crate::compare::Judgement;

const CELLS: &str =
    "suite,group,metric,unit,variant,workers,params,peer,rounds,median,low,high,failed,not_run";
const RATIOS: &str = "suite,group,metric,unit,variant,workers,baseline,ratio,low,high,rounds,verdict";

/// A line a cell: its median, the interval and what became of its rounds.
pub(super) fn cells<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> String {
    let lines = cells.into_iter().map(|cell| {
        let key = &cell.key;
        let [median, low, high] =
            cell.median().map_or([String::new(), String::new(), String::new()], |median| {
                [median.value, median.interval[0], median.interval[1]].map(|value| value.to_string())
            });
        let fields = [
            key.suite.clone(),
            key.group.clone(),
            key.metric.clone(),
            key.unit.clone(),
            key.variant.clone(),
            key.workers.to_string(),
            key.params.clone(),
            cell.peer.to_string(),
            cell.values.len().to_string(),
            median,
            low,
            high,
            cell.failed.len().to_string(),
            cell.not_run.len().to_string(),
        ];
        line(&fields)
    });
    text(CELLS, lines)
}

/// A line a judgement.
pub(super) fn ratios<'a>(judgements: impl IntoIterator<Item = &'a Judgement>) -> String {
    let lines = judgements.into_iter().map(|judgement| {
        let row = &judgement.row;
        let number = |value: Option<f64>| {
            value.map_or(String::new(), |value| crate::summary::rounded(value).to_string())
        };
        let fields = [
            row.suite.clone(),
            row.group.clone(),
            row.metric.clone(),
            row.unit.clone(),
            row.variant.clone(),
            row.workers.to_string(),
            row.baseline.clone(),
            number(row.ratio),
            number(row.ci.map(|ci| ci[0])),
            number(row.ci.map(|ci| ci[1])),
            row.rounds.to_string(),
            super::words::verdict(row.verdict).to_owned(),
        ];
        line(&fields)
    });
    text(RATIOS, lines)
}

pub(super) fn text(head: &str, lines: impl Iterator<Item = String>) -> String {
    let mut text = format!("{head}\n");
    lines.for_each(|line| text.push_str(&line));
    text
}

pub(super) fn line(fields: &[String]) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
    format!("{}\n", quoted.join(","))
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
