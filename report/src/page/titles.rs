//! The titles of charts: what their figures say, in a sentence, or that they say nothing yet.

use super::report::Report;
use super::words;
use crate::cells::Cell;
use crate::compare::{Against, Table as Cells, best_against_best, cross_fit, restless};
use crate::names::{self, Family};
use crate::number;
use crate::records::Verdict;

/// The title of chart a for a kernel: threads and processes against each other, the best of either chosen on
/// other rounds than it is judged on; else the best model against the sequential program.
pub(super) fn kernel_title(report: &Report<'_>, table: Cells<'_>) -> String {
    match families(report, table) {
        Some((_, _, compared)) => {
            words::head_to_head("processes", "threads", &compared, trusted(report, table))
        }
        None => speedup_title(report, table),
    }
}

/// Processes against threads at the table's number of workers: who stands for either, and the comparison.
pub(super) fn families(
    report: &Report<'_>,
    table: Cells<'_>,
) -> Option<(String, String, crate::stats::Comparison)> {
    let team = report.team(table);
    let of = |family: Family| -> Vec<&Cell> {
        table
            .iter()
            .filter(|cell| !cell.peer && cell.prefix().is_empty() && cell.key.workers == team)
            .filter(|cell| names::family(&cell.key.variant) == family)
            .collect()
    };
    best_against_best(&of(Family::Processes), &of(Family::Threads))
}

/// The title of charts whose suite has no models: the judgement whose effect is the largest that is certain.
pub(super) fn suite_title(report: &Report<'_>, table: Cells<'_>) -> String {
    let judgements = table.iter().flat_map(|cell| {
        [Against::Baseline, Against::BestPeer]
            .into_iter()
            .filter_map(|against| report.judgement(cell, against))
    });
    let (native, others): (Vec<_>, Vec<_>) =
        judgements.partition(|judgement| !judgement.row.variant.contains('/'));
    let judgements = if native.is_empty() { others } else { native };
    let certain = judgements.iter().filter(|judgement| judgement.row.verdict != Verdict::Inconclusive);
    let strongest = certain.max_by(|a, b| {
        let effect = super::findings::effect;
        effect(&a.row).total_cmp(&effect(&b.row)).then_with(|| b.key.cmp(&a.key))
    });
    match strongest.or(judgements.first()) {
        Some(judgement) => words::sentence(judgement),
        None => {
            let metric = names::metric(&table[0].key.metric);
            format!("{metric} of {}: nothing to compare with", table[0].key.group)
        }
    }
}

/// Whether verdicts of this table may be told at all: not in a quick run, nor if the sequential program was
/// too restless.
pub(super) fn trusted(report: &Report<'_>, table: Cells<'_>) -> bool {
    let sequential = table.iter().filter(|cell| cell.key.variant == "sequential");
    !report.run.quick && !sequential.into_iter().any(restless)
}

pub(super) fn speedup_title(report: &Report<'_>, table: Cells<'_>) -> String {
    let team = report.team(table);
    let models: Vec<&Cell> = table
        .iter()
        .filter(|cell| !cell.peer && cell.prefix().is_empty() && cell.key.workers == team)
        .filter(|cell| cell.model() != "sequential")
        .collect();
    let sequential: Vec<&Cell> = table.iter().filter(|cell| cell.key.variant == "sequential").collect();
    let Some((best, _, compared)) = best_against_best(&models, &sequential) else {
        return match cross_fit(&table.iter().collect::<Vec<_>>()) {
            Some(_) => "Not comparable: there is no sequential program or no model with a value".into(),
            None => "Nothing was measured".into(),
        };
    };
    if compared.ratio.is_none() {
        return "Inconclusive: too few rounds to choose a model and judge it".into();
    }
    let back = compared.inverted();
    let speedup = number::ratio(back.ratio, back.ci);
    let best = words::list(&best.split('|').collect::<Vec<_>>()).replace(" and ", " or ");
    let workers = if team == 1 { "1 worker".into() } else { format!("{team} workers") };
    let verdict = if trusted(report, table) { compared.verdict } else { Verdict::Inconclusive };
    match verdict {
        Verdict::Better => format!("Best: {best}, {speedup} as fast as sequential with {workers}"),
        Verdict::Worse => format!("No model beats sequential: {best} reaches {speedup} with {workers}"),
        Verdict::Equivalent => {
            format!("No model beats sequential: {best} equals it at {speedup} with {workers}")
        }
        Verdict::Inconclusive => format!("Inconclusive: {best} at {speedup} of sequential with {workers}"),
    }
}
