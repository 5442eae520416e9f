//! Which cells are judged against which, and what the judgement is.
//!
//! Cells are compared within a table: one suite, group, metric and unit. Native code has no prefix and
//! `cpython-3.11/` is one; nothing is compared across prefixes. Each cell is judged against
//!
//! - the baseline of its prefix: the first of [`BASELINES`] that the table has (the costs of creation and memory
//!   have no sequential program); any but `sequential` with as many workers only;
//! - the best peer, unless it is a peer itself: see [`cross_fit`].
//!
//! A cell measured twice in a round is compared with itself (A/A). If that ratio lies beyond the margin, the
//! machine was too restless to tell, and every comparison with that cell is inconclusive.

use std::collections::BTreeMap;

use crate::cells::{Cell, Key};
use crate::records::{SummaryRow, Verdict};
use crate::stats::{self, Comparison, MARGIN};

/// The role of the cell that another is judged against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Against {
    /// Itself, run a second time.
    Itself,
    /// The baseline of its table and prefix.
    Baseline,
    /// The best peer.
    BestPeer,
}

/// A cell's comparison with one other.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The role of the other.
    pub against: Against,
    /// The judged cell.
    pub key: Key,
    /// What the summary says of it; ratios not yet rounded.
    pub row: SummaryRow,
}

/// Models that others are judged against, the first that is there.
pub const BASELINES: [&str; 3] = ["sequential", "threads", "thread_pool"];

/// Cells of one suite, group, metric and unit.
pub type Table<'a> = &'a [Cell];

/// Divides sorted cells into tables.
pub fn tables(cells: &[Cell]) -> impl Iterator<Item = Table<'_>> {
    cells.chunk_by(|a, b| {
        (&a.key.suite, &a.key.group, &a.key.metric, &a.key.unit)
            == (&b.key.suite, &b.key.group, &b.key.metric, &b.key.unit)
    })
}

/// Judges every cell of every table. A quick run makes every verdict inconclusive.
#[must_use]
pub fn judge(cells: &[Cell], quick: bool) -> Vec<Judgement> {
    let mut judged: Vec<Judgement> = tables(cells).flat_map(judge_table).collect();
    if quick {
        for judgement in &mut judged {
            judgement.row.verdict = Verdict::Inconclusive;
        }
    }
    judged
}

/// Compares two cells by the rounds in which both have a value.
#[must_use]
pub fn paired(variant: &Cell, baseline: &Cell) -> Comparison {
    pair_up(&variant.values, &baseline.values, variant)
}

/// The best of several cells, chosen without looking at the rounds that it is judged on: even rounds are
/// judged by whichever has the best median on the odd ones, and the other way round. Choosing and judging on
/// the same rounds would let luck choose, and the more candidates, the more luck.
#[derive(Clone, Debug)]
pub struct CrossFit<'a> {
    /// By parity of the round that is judged.
    halves: [Option<&'a Cell>; 2],
}

impl CrossFit<'_> {
    /// Who was chosen: one name, or both joined by `|` where the halves disagree.
    #[must_use]
    pub fn name(&self) -> String {
        let mut names: Vec<&str> =
            self.halves.iter().flatten().map(|cell| cell.key.variant.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.join("|")
    }

    /// Whether any of the chosen was too restless to be compared with.
    #[must_use]
    pub fn restless(&self) -> bool {
        self.halves.iter().flatten().any(|cell| restless(cell))
    }

    /// The value of the chosen cell in each round.
    #[must_use]
    pub fn values(&self) -> BTreeMap<u32, f64> {
        let of_half = |half: usize| {
            let cell = self.halves[half];
            cell.into_iter()
                .flat_map(|cell| &cell.values)
                .filter(move |(round, _)| **round as usize % 2 == half)
                .map(|(&round, &value)| (round, value))
        };
        of_half(0).chain(of_half(1)).collect()
    }
}

/// Chooses the best of `candidates` for either half of the rounds; none if there is no choice to be made.
#[must_use]
pub fn cross_fit<'a>(candidates: &[&'a Cell]) -> Option<CrossFit<'a>> {
    let measured: Vec<&Cell> = candidates.iter().copied().filter(|cell| !cell.values.is_empty()).collect();
    if let [only] = measured[..] {
        return Some(CrossFit { halves: [Some(only), Some(only)] });
    }
    let best_on = |half: u32| {
        let median = |cell: &Cell| {
            stats::median(cell.values.iter().filter(|(round, _)| *round % 2 == half).map(|(_, v)| *v))
                .map(|median| median.value)
        };
        let scored = measured.iter().filter_map(|&cell| Some((cell, median(cell)?)));
        scored
            .min_by(|(a, x), (b, y)| improvement(a, *x, *y).then_with(|| a.key.cmp(&b.key)))
            .map(|(cell, _)| cell)
    };
    let fit = CrossFit { halves: [best_on(1), best_on(0)] };
    fit.halves.iter().any(Option::is_some).then_some(fit)
}

/// The best of one set of cells against the best of another, both chosen by [`cross_fit`], with their names.
#[must_use]
pub fn best_against_best(ours: &[&Cell], theirs: &[&Cell]) -> Option<(String, String, Comparison)> {
    let (ours, theirs, like) = (cross_fit(ours)?, cross_fit(theirs)?, *ours.first()?);
    Some((ours.name(), theirs.name(), pair_up(&ours.values(), &theirs.values(), like)))
}

/// The baseline that `cell` is judged against, if its table has one.
#[must_use]
pub fn baseline_of<'a>(cell: &Cell, table: Table<'a>) -> Option<&'a Cell> {
    let like = |model: &str| {
        let candidates = table
            .iter()
            .filter(|other| other.prefix() == cell.prefix() && other.model() == model)
            .filter(|other| !other.values.is_empty())
            // Only the sequential program stands for all numbers of workers.
            .filter(|other| model == BASELINES[0] || other.key.workers == cell.key.workers);
        // Same parameters first, then as many workers, then the fewest.
        candidates.min_by_key(|other| {
            let key = &other.key;
            let params_differ = key.params != cell.key.params;
            (params_differ, key.workers != cell.key.workers, key.workers, key.params.clone())
        })
    };
    let is_there =
        |model: &str| table.iter().any(|other| other.prefix() == cell.prefix() && other.model() == model);
    like(BASELINES.into_iter().find(|model| is_there(model))?)
}

/// Whether a cell differed from its own second run by more than the margin.
#[must_use]
pub fn restless(cell: &Cell) -> bool {
    again(cell).is_some_and(|compared| compared.beyond_margin())
}

/// A cell against its own second run; none if there was no second run.
#[must_use]
pub fn again(cell: &Cell) -> Option<Comparison> {
    let twice = !cell.again.is_empty();
    twice.then(|| pair_up(&cell.again, &cell.values, cell))
}

fn judge_table(table: Table<'_>) -> Vec<Judgement> {
    let mut judged = Vec::new();
    for cell in table {
        let mut push = |against, baseline: String, compared: Comparison, restless: bool| {
            judged.push(judgement(cell, against, baseline, compared, restless));
        };
        if let Some(compared) = again(cell) {
            push(Against::Itself, cell.key.variant.clone(), compared, restless(cell));
        }
        match baseline_of(cell, table) {
            Some(baseline) if baseline.key.variant != cell.key.variant => {
                let compared = paired(cell, baseline);
                push(Against::Baseline, baseline.key.variant.clone(), compared, restless(baseline));
            }
            _ => {}
        }
        if cell.peer || !cell.prefix().is_empty() {
            continue;
        }
        let peers: Vec<&Cell> = peers_of(cell, table);
        if let Some(best) = cross_fit(&peers) {
            let compared = pair_up(&cell.values, &best.values(), cell);
            push(Against::BestPeer, best.name(), compared, best.restless());
        }
    }
    judged
}

/// Peers at the same number of workers; of those with the same parameters, if there are any.
fn peers_of<'a>(cell: &Cell, table: Table<'a>) -> Vec<&'a Cell> {
    let peers: Vec<&Cell> = table
        .iter()
        .filter(|other| other.peer && other.prefix().is_empty() && other.key.workers == cell.key.workers)
        .collect();
    let same: Vec<&Cell> =
        peers.iter().copied().filter(|other| other.key.params == cell.key.params).collect();
    if same.is_empty() { peers } else { same }
}

fn judgement(
    cell: &Cell,
    against: Against,
    baseline: String,
    compared: Comparison,
    restless: bool,
) -> Judgement {
    let verdict = if restless { Verdict::Inconclusive } else { compared.verdict };
    let key = &cell.key;
    Judgement {
        against,
        key: key.clone(),
        row: SummaryRow {
            suite: key.suite.clone(),
            group: key.group.clone(),
            variant: key.variant.clone(),
            baseline,
            workers: key.workers,
            metric: key.metric.clone(),
            unit: key.unit.clone(),
            better: cell.better,
            ratio: compared.ratio,
            ci: compared.ci,
            rounds: compared.rounds,
            verdict,
        },
    }
}

fn pair_up(variant: &BTreeMap<u32, f64>, baseline: &BTreeMap<u32, f64>, like: &Cell) -> Comparison {
    let pairs = variant.iter().filter_map(|(round, &value)| Some((value, *baseline.get(round)?)));
    Comparison::of(pairs, like.better)
}

/// The order in which the better of two values comes first.
fn improvement(like: &Cell, x: f64, y: f64) -> std::cmp::Ordering {
    match like.better {
        crate::records::Better::Lower => x.total_cmp(&y),
        crate::records::Better::Higher => y.total_cmp(&x),
    }
}

/// The margin in words, as pages print it.
#[must_use]
pub fn margin_in_words() -> String {
    format!("{} %", MARGIN * 100.0)
}
