//! The findings that matter most in a run, chosen by rule.
//!
//! Candidates are the summary's rows of native code against their baseline. They are ranked by the effect that
//! is certain: how far the end of the interval that lies nearer to 1 is from it. A row that is inconclusive
//! comes after every one that is not. Each subject speaks once.

use std::collections::BTreeSet;

use super::report::Report;
use crate::compare::{Against, Judgement};
use crate::names;
use crate::records::{SummaryRow, Verdict};
use crate::stats::Comparison;

/// How many findings stand on the first page.
pub(super) const FINDINGS: usize = 3;

/// The rule in words, for the page.
pub(super) const RULE: &str = "Chosen by rule: of all native rows against their baseline, those whose 95 % interval stays \
     furthest from 1, one for each subject; inconclusive rows come last.";

pub(super) fn choose<'b>(report: &'b Report<'_>) -> Vec<&'b Judgement> {
    let mut candidates: Vec<&Judgement> = report
        .judgements()
        .filter(|judgement| judgement.against == Against::Baseline && judgement.row.ratio.is_some())
        .filter(|judgement| !judgement.row.variant.contains('/'))
        .collect();
    candidates.sort_by(|a, b| {
        let certain = |row: &SummaryRow| row.verdict == Verdict::Inconclusive;
        certain(&a.row)
            .cmp(&certain(&b.row))
            .then_with(|| effect(&b.row).total_cmp(&effect(&a.row)))
            .then_with(|| a.key.cmp(&b.key))
    });
    let mut subjects = BTreeSet::new();
    candidates.retain(|judgement| {
        let subject = names::group(&judgement.row.group).subject;
        subjects.insert((judgement.row.suite.clone(), subject))
    });
    candidates.truncate(FINDINGS);
    candidates
}

/// The effect that is certain, as a factor.
pub(super) fn effect(row: &SummaryRow) -> f64 {
    Comparison { ratio: row.ratio, ci: row.ci, rounds: row.rounds, verdict: row.verdict }.certain_effect()
}
