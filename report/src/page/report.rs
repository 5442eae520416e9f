//! A run with everything that is derived from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cells::{self, Cell, CellError, Key};
use crate::chart::ink::Style;
use crate::compare::{self, Against, Judgement, Table};
use crate::names::{self, Family};
use crate::number;
use crate::records::{Better, Run, Summary, Verification};
use crate::site::{Raw, RunRecords};
use crate::stats::{EVIDENCE_ROUNDS, MIN_ROUNDS};
use crate::summary;

/// A share of stolen time above which a run is called disturbed.
const STEAL: f64 = 0.02;

pub(super) struct Report<'a> {
    pub run: &'a Run,
    pub raw: &'a Raw,
    pub verifications: &'a [Verification],
    pub cells: Vec<Cell>,
    pub summary: Summary,
    judged: BTreeMap<(Key, Against), Judgement>,
    styles: BTreeMap<String, Style>,
}

/// Something that a reader must know before believing a page.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Warning {
    /// A word or two.
    pub title: String,
    /// A sentence.
    pub text: String,
}

impl<'a> Report<'a> {
    pub fn of(records: &'a RunRecords) -> Result<Self, CellError> {
        let cells = cells::collect(&records.measurements)?;
        let judged = compare::judge(&cells, records.run.quick);
        let summary = summary::of_judgements(&judged);
        let judged = judged.into_iter().map(|one| ((one.key.clone(), one.against), one)).collect();
        let styles = styles(&cells);
        Ok(Self {
            run: &records.run,
            raw: &records.raw,
            verifications: &records.verifications,
            cells,
            summary,
            judged,
            styles,
        })
    }

    pub fn judgement(&self, cell: &Cell, against: Against) -> Option<&Judgement> {
        self.judged.get(&(cell.key.clone(), against))
    }

    /// All judgements, in order of cell.
    pub fn judgements(&self) -> impl Iterator<Item = &Judgement> {
        self.judged.values()
    }

    pub fn style(&self, variant: &str) -> Style {
        let unknown = Style { family: names::family(variant), member: 0, hollow: false };
        self.styles.get(variant).copied().unwrap_or(unknown)
    }

    /// The tables of a suite, in the order of pages: by subject and way, sizes from small to large; the
    /// size that interpreters can do comes last.
    pub fn tables<'b>(&'b self, suite: &'b str) -> Vec<Table<'b>> {
        let mut tables: Vec<Table<'b>> =
            compare::tables(&self.cells).filter(|table| table[0].key.suite == suite).collect();
        tables.sort_by_key(|table| {
            let group = names::group(&table[0].key.group);
            // Time first: it is what most tables have and what all charts are about.
            let metric = &table[0].key.metric;
            let metric = (metric != "time", metric.clone());
            let interpreted = group.case == "python";
            (group.subject, interpreted, group.way, names::size_order(&group.case), metric)
        });
        tables
    }

    /// Names of the kernels that have any record.
    pub fn kernels(&self) -> Vec<String> {
        let kernels: BTreeSet<String> = self
            .cells
            .iter()
            .filter(|cell| cell.key.suite == "kernels")
            .map(|cell| names::group(&cell.key.group).subject)
            .collect();
        kernels.into_iter().collect()
    }

    /// The line that every figure carries: where and when it was measured, with what.
    pub fn environment(&self) -> String {
        let run = self.run;
        let dirty = if run.dirty.is_some() { " with uncommitted changes" } else { "" };
        let revision: String = run.revision.chars().take(12).collect();
        format!("{} · {} · revision {revision}{dirty} · {}", run.host.name, run.host.kernel, run.rustc)
    }

    /// The start of the run as a date and a time of day.
    pub fn started(&self) -> String {
        let text = self.run.started.replace('T', " ");
        text.strip_suffix('Z').map_or(text.clone(), |text| format!("{text} UTC"))
    }

    /// The most rounds in which any cell has a value: a run plans more than its budget may hold.
    pub fn rounds(&self) -> u32 {
        let most = self.cells.iter().map(|cell| cell.values.len()).max().unwrap_or(0);
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    pub fn warnings(&self) -> Vec<Warning> {
        let (run, rounds) = (self.run, self.rounds());
        let mut warnings = Vec::new();
        let mut warn = |title: &str, text: String| {
            warnings.push(Warning { title: title.to_owned(), text });
        };
        if run.quick {
            warn(
                "Quick run: not evidence.",
                "Too little was measured to conclude anything; every verdict is inconclusive.".into(),
            );
        } else if rounds < MIN_ROUNDS {
            let text = format!("No cell has more than {rounds}; a verdict needs {MIN_ROUNDS}.");
            warn("Too few rounds.", text);
        } else if rounds < EVIDENCE_ROUNDS {
            let text = format!("No cell has more than {rounds}; evidence wants {EVIDENCE_ROUNDS}.");
            warn("Few rounds.", text);
        }
        if !run.complete {
            warn("Incomplete run.", "It was interrupted before its last round and can be resumed.".into());
        }
        if run.dirty.is_some() {
            warn("Uncommitted changes.", "The program measured is not the revision it names.".into());
        }
        if self.cells.iter().all(|cell| cell.values.is_empty()) {
            warn("Nothing was measured.", "No cell has a value in this run.".into());
        }
        let cells = run.cells;
        if cells.failed > 0 {
            warn(
                "Failed cells.",
                format!(
                    "{} of {} cells failed; each is shown with its reason.",
                    cells.failed, cells.expected
                ),
            );
        }
        if run.host.steal > STEAL {
            let text = format!(
                "The hypervisor took {} % of the CPU time during the run.",
                number::short(100.0 * run.host.steal)
            );
            warn("Disturbed host.", text);
        }
        if run.host.load_before > f64::from(run.host.cores) * 0.5 {
            let text = format!(
                "Before the first round {} other threads wanted to run, on average, on {} cores.",
                number::short(run.host.load_before),
                run.host.cores
            );
            warn("Busy host.", text);
        }
        warnings
    }

    /// How many workers a table's charts compare its variants at: as many as there are cores, unless the
    /// models together take less than nine tenths of the time with another number (waiting kernels do).
    pub fn team(&self, table: Table<'_>) -> u32 {
        let mut by_workers: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for cell in table.iter().filter(|cell| !cell.peer && cell.prefix().is_empty()) {
            if let Some(median) = cell.median().filter(|_| cell.model() != "sequential") {
                let lower = if cell.better == Better::Lower { median.value } else { median.value.recip() };
                by_workers.entry(cell.key.workers).or_default().push(lower.ln());
            }
        }
        let models = by_workers.values().map(Vec::len).max().unwrap_or(0);
        by_workers.retain(|_, logs| logs.len() == models);
        let score = |logs: &Vec<f64>| logs.iter().sum::<f64>() / logs.len() as f64;
        let best = by_workers.iter().min_by(|a, b| score(a.1).total_cmp(&score(b.1)));
        let Some((&best, best_logs)) = best else { return self.run.host.cores };
        let time = table[0].key.metric == "time";
        match by_workers.get(&self.run.host.cores) {
            Some(logs) if !time || score(logs) < score(best_logs) + 1.1_f64.ln() => self.run.host.cores,
            _ => best,
        }
    }
}

/// One cell of each variant, at `workers` where there is one, else at the nearest number below, else at the
/// least. Variants without a value are left out.
pub(super) fn at_workers<'b>(table: Table<'b>, workers: u32) -> Vec<&'b Cell> {
    let mut variants: Vec<&str> = table.iter().map(|cell| cell.key.variant.as_str()).collect();
    variants.dedup();
    variants.sort_by_key(|variant| names::order(variant));
    variants.dedup();
    let mut chosen = Vec::new();
    for variant in variants {
        let of_variant =
            || table.iter().filter(move |cell| cell.key.variant == variant && !cell.values.is_empty());
        let below = of_variant().map(|cell| cell.key.workers).filter(|count| *count <= workers).max();
        let count = below.or_else(|| of_variant().map(|cell| cell.key.workers).min());
        chosen.extend(of_variant().filter(|cell| Some(cell.key.workers) == count));
    }
    chosen
}

/// A marker and dashes for every variant: known models always the same, others by name.
fn styles(cells: &[Cell]) -> BTreeMap<String, Style> {
    let mut variants: Vec<&str> = cells.iter().map(|cell| cell.key.variant.as_str()).collect();
    variants.sort_by_key(|variant| names::order(variant));
    variants.dedup();
    let mut styles = BTreeMap::new();
    let mut next: BTreeMap<(&str, Family), u8> = BTreeMap::new();
    for variant in variants {
        let prefix = cells::prefix(variant);
        let family = names::family(variant);
        let known = match &variant[prefix.len()..] {
            "sequential" | "threads" | "processes" | "hybrid" | "heddle" => Some(0),
            "thread_pool" | "process_pool" => Some(1),
            "process_pool-copied" => Some(2),
            _ => None,
        };
        let first = match family {
            Family::Neutral | Family::Hybrid | Family::Ours => 1,
            Family::Threads => 2,
            Family::Processes => 3,
        };
        let member = known.unwrap_or_else(|| {
            let next = next.entry((prefix, family)).or_insert(first);
            *next += 1;
            *next - 1
        });
        styles.insert(variant.to_owned(), Style { family, member, hollow: !prefix.is_empty() });
    }
    styles
}
