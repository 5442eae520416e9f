//! Turns and cells -> records, and how the cells of a run ended.

use std::collections::{BTreeMap, BTreeSet};

use heddle_report::records::{Cells, Measurement, SCHEMA, Status};

use super::manifest::Cell;
use super::turn::Reading;

/// The records of a turn: one per value, or one per metric that says what went wrong.
pub fn of_turn(
    cell: &Cell,
    second: bool,
    round: u32,
    result: Result<Vec<Reading>, String>,
) -> Vec<Measurement> {
    let mut records = match result {
        Ok(readings) => readings
            .into_iter()
            .map(|reading| Measurement {
                metric: reading.metric.name,
                unit: reading.metric.unit,
                better: reading.metric.better,
                value: Some(reading.value),
                params: reading.params,
                ..without_value(cell, round, Status::Ok, None).remove(0)
            })
            .collect(),
        Err(reason) => without_value(cell, round, Status::Failed, Some(reason)),
    };
    if second {
        for record in &mut records {
            record.params.insert("replica".into(), 1.into());
        }
    }
    records
}

/// Records that say why a cell was not run.
pub fn not_run(cell: &Cell, reason: &str) -> Vec<Measurement> {
    without_value(cell, 0, Status::NotRun, Some(reason.to_string()))
}

fn without_value(cell: &Cell, round: u32, status: Status, reason: Option<String>) -> Vec<Measurement> {
    let record = |metric: &super::manifest::Metric| Measurement {
        schema: SCHEMA,
        status,
        reason: reason.clone(),
        suite: cell.suite.clone(),
        group: cell.group.clone(),
        variant: cell.variant.clone(),
        peer: cell.peer,
        workers: cell.workers,
        params: BTreeMap::new(),
        round,
        metric: metric.name.clone(),
        unit: metric.unit.clone(),
        better: metric.better,
        value: None,
    };
    cell.metrics.iter().map(record).collect()
}

/// Counts how the cells ended: a cell that failed in some round is failed, one without a value was not run.
pub fn count(cells: &[Cell], records: &[Measurement]) -> Cells {
    let with = |status| -> BTreeSet<(&str, &str, u32)> {
        let of = records.iter().filter(|it| it.status == status);
        of.map(|it| (it.group.as_str(), it.variant.as_str(), it.workers)).collect()
    };
    let (ok, failed) = (with(Status::Ok), with(Status::Failed));
    let mut counts = Cells { expected: cells.len() as u32, ..Cells::default() };
    for cell in cells {
        let key = (cell.group.as_str(), cell.variant.as_str(), cell.workers);
        if failed.contains(&key) {
            counts.failed += 1;
        } else if ok.contains(&key) {
            counts.ok += 1;
        } else {
            counts.not_run += 1;
        }
    }
    counts
}

/// Which cells have no value and why, a line per reason.
pub fn troubles(records: &[Measurement]) -> Vec<String> {
    let mut reasons: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for record in records.iter().filter(|it| it.status != Status::Ok) {
        let state = if record.status == Status::Failed { "failed" } else { "not run" };
        let id = format!("{}/{}/{}", record.group, record.variant, record.workers);
        reasons.entry((state, record.reason.as_deref().unwrap_or_default())).or_default().insert(id);
    }
    let line = |((state, reason), ids): ((&str, &str), BTreeSet<String>)| {
        let more = ids.len().saturating_sub(3);
        let mut names: Vec<String> = ids.into_iter().take(3).collect();
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        format!("{state}: {}: {reason}", names.join(", "))
    };
    reasons.into_iter().map(line).collect()
}
