//! Measurements -> cells: all rounds of one thing that was measured, with what failed and what was not run.

use std::collections::BTreeMap;

use crate::records::{Better, Measurement, Status};
use crate::stats::{self, Median};

/// What tells one cell from another; the order of the fields is the order of tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// As in [`Measurement::suite`].
    pub suite: String,
    /// As in [`Measurement::group`].
    pub group: String,
    /// As in [`Measurement::metric`].
    pub metric: String,
    /// As in [`Measurement::unit`].
    pub unit: String,
    /// As in [`Measurement::variant`].
    pub variant: String,
    /// As in [`Measurement::workers`].
    pub workers: u32,
    /// The parameters but `replica`, as `name=value` in order of name.
    pub params: String,
}

/// One thing that was measured, over all its rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What it is.
    pub key: Key,
    /// Whether the variant is somebody else's program.
    pub peer: bool,
    /// The direction of improvement.
    pub better: Better,
    /// Value by round.
    pub values: BTreeMap<u32, f64>,
    /// Value by round of the second run in the same round, for a baseline (A/A).
    pub again: BTreeMap<u32, f64>,
    /// Reasons of rounds that failed.
    pub failed: BTreeMap<u32, String>,
    /// Reasons of rounds that were not run.
    pub not_run: BTreeMap<u32, String>,
}

impl Cell {
    /// The median over rounds; none without a value.
    #[must_use]
    pub fn median(&self) -> Option<Median> {
        stats::median(self.values.values().copied())
    }

    /// The interpreter's prefix, as `cpython-3.11/`, or nothing for native code. A variant is compared only
    /// with its like.
    #[must_use]
    pub fn prefix(&self) -> &str {
        prefix(&self.key.variant)
    }

    /// The model's name without the interpreter's prefix.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.key.variant[self.prefix().len()..]
    }

    /// Why there is no value in some round: failed before not run, in words.
    #[must_use]
    pub fn trouble(&self) -> Option<(Status, &str)> {
        let failed = self.failed.values().next().map(|reason| (Status::Failed, reason.as_str()));
        failed.or_else(|| self.not_run.values().next().map(|reason| (Status::NotRun, reason.as_str())))
    }
}

/// The part of a variant up to and with its first `/`.
#[must_use]
pub fn prefix(variant: &str) -> &str {
    variant.find('/').map_or("", |at| &variant[..=at])
}

/// Two records that cannot both stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// The same cell has two values in the same round.
    #[error("{group}, {variant}, {workers} workers: two records of `{metric}` in round {round}")]
    Twice {
        /// The group.
        group: String,
        /// The variant.
        variant: String,
        /// Its workers.
        workers: u32,
        /// The metric.
        metric: String,
        /// The round.
        round: u32,
    },
    /// The records of one table disagree about which direction is better.
    #[error("{group}: the records disagree about whether a lower `{metric}` is better")]
    Direction {
        /// The group.
        group: String,
        /// The metric.
        metric: String,
    },
}

/// Sorts measurements into cells. Their order does not matter.
///
/// # Errors
///
/// When a cell has two records in one round, or the direction of improvement is disputed.
pub fn collect(measurements: &[Measurement]) -> Result<Vec<Cell>, CellError> {
    let mut cells: BTreeMap<Key, Cell> = BTreeMap::new();
    let mut directions: BTreeMap<(&str, &str, &str), Better> = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    for record in measurements {
        let key = key(record);
        let replica = is_replica(record);
        let table = (record.suite.as_str(), record.group.as_str(), record.metric.as_str());
        if *directions.entry(table).or_insert(record.better) != record.better {
            return Err(CellError::Direction { group: record.group.clone(), metric: record.metric.clone() });
        }
        if !seen.insert((key.clone(), replica, record.round)) {
            return Err(CellError::Twice {
                group: key.group,
                variant: key.variant,
                workers: key.workers,
                metric: key.metric,
                round: record.round,
            });
        }
        let cell = cells.entry(key.clone()).or_insert_with(|| Cell {
            key,
            peer: record.peer,
            better: record.better,
            values: BTreeMap::new(),
            again: BTreeMap::new(),
            failed: BTreeMap::new(),
            not_run: BTreeMap::new(),
        });
        let reason = || record.reason.clone().unwrap_or_default();
        match (record.status, record.value) {
            (Status::Ok, Some(value)) if replica => drop(cell.again.insert(record.round, value)),
            (Status::Ok, Some(value)) => drop(cell.values.insert(record.round, value)),
            (Status::NotRun, _) => drop(cell.not_run.insert(record.round, reason())),
            _ => drop(cell.failed.insert(record.round, reason())),
        }
    }
    Ok(cells.into_values().collect())
}

fn key(record: &Measurement) -> Key {
    let params: Vec<String> = record
        .params
        .iter()
        .filter(|(name, _)| name.as_str() != "replica")
        .map(|(name, value)| match value {
            serde_json::Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect();
    Key {
        suite: record.suite.clone(),
        group: record.group.clone(),
        metric: record.metric.clone(),
        unit: record.unit.clone(),
        variant: record.variant.clone(),
        workers: record.workers,
        params: params.join(", "),
    }
}

fn is_replica(record: &Measurement) -> bool {
    record.params.get("replica").and_then(serde_json::Value::as_u64).is_some_and(|replica| replica > 0)
}
