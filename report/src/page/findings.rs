//! The findings that matter most in a run, chosen by rule.
//!
//! Candidates are the summary's rows of native code against their baseline, with as many workers as the charts
//! compare; kernels at their main size. They are ranked by the effect that is certain: how far the end of the
//! interval that lies nearer to 1 is from it. A row that is inconclusive comes after every one that is not. Each
//! subject speaks once and so does each variant: the same statement about three kernels is one finding.

use std::collections::BTreeSet;

use super::report::{Report, at_workers};
use crate::compare::{Against, Judgement, Table};
use crate::names;
use crate::records::{SummaryRow, Verdict};
use crate::stats::Comparison;

/// How many findings stand on the first page.
pub(super) const FINDINGS: usize = 3;

/// The size that stands for a kernel where there is one.
const MAIN: &str = "medium";

/// The rule in words, for the page.
pub(super) const RULE: &str = "Chosen by rule: of all native variants against their baseline, kernels at their main size, \
     those whose 95 % interval stays furthest from 1; each subject and each variant once, inconclusive ones last.";

pub(super) fn choose<'b>(report: &'b Report<'_>) -> Vec<&'b Judgement> {
    let mut candidates: Vec<&Judgement> = report
        .judgements()
        .filter(|judgement| judgement.against == Against::Baseline && judgement.row.ratio.is_some())
        .filter(|judgement| !judgement.row.variant.contains('/') && shown(report, judgement))
        .collect();
    candidates.sort_by(|a, b| {
        let certain = |row: &SummaryRow| row.verdict == Verdict::Inconclusive;
        certain(&a.row)
            .cmp(&certain(&b.row))
            .then_with(|| effect(&b.row).total_cmp(&effect(&a.row)))
            .then_with(|| a.key.cmp(&b.key))
    });
    let (mut subjects, mut variants) = (BTreeSet::new(), BTreeSet::new());
    candidates.retain(|judgement| {
        let subject = (judgement.row.suite.clone(), names::group(&judgement.row.group).subject);
        let fresh = !subjects.contains(&subject) && !variants.contains(&judgement.row.variant);
        if fresh {
            subjects.insert(subject);
            variants.insert(judgement.row.variant.clone());
        }
        fresh
    });
    candidates.truncate(FINDINGS);
    candidates
}

/// Whether the judged cell is one of those that the charts of the first page show.
fn shown(report: &Report<'_>, judgement: &Judgement) -> bool {
    let key = &judgement.key;
    let tables = report.tables(&key.suite);
    let same = |table: &&Table<'_>| {
        let other = &table[0].key;
        (&other.group, &other.metric, &other.unit) == (&key.group, &key.metric, &key.unit)
    };
    let Some(table) = tables.iter().find(same) else { return false };
    let main = key.suite != "kernels" || main_sizes(&tables).any(|other| std::ptr::eq(*table, other));
    main && at_workers(table, report.team(table)).iter().any(|cell| cell.key == *key)
}

/// The table that stands for each kernel and way of sharing: time at medium size, else at the first size that
/// native code has.
pub(super) fn main_sizes<'a>(tables: &[Table<'a>]) -> impl Iterator<Item = Table<'a>> {
    let first_part = |table: &Table<'_>| table[0].key.group.split('/').next().map(str::to_owned);
    let mut by_kernel: Vec<Vec<Table<'a>>> = Vec::new();
    for table in tables.iter().copied().filter(|table| table[0].key.metric == "time") {
        match by_kernel.last_mut().filter(|last| first_part(&last[0]) == first_part(&table)) {
            Some(last) => last.push(table),
            None => by_kernel.push(vec![table]),
        }
    }
    by_kernel.into_iter().filter_map(|of_kernel| {
        let native = |table: &&Table<'_>| table.iter().any(|cell| cell.prefix().is_empty());
        let main = of_kernel.iter().find(|table| names::group(&table[0].key.group).case == MAIN);
        main.or_else(|| of_kernel.iter().find(native)).copied()
    })
}

/// The effect that is certain, as a factor.
pub(super) fn effect(row: &SummaryRow) -> f64 {
    Comparison { ratio: row.ratio, ci: row.ci, rounds: row.rounds, verdict: row.verdict }.certain_effect()
}
