//! What is told of a sweep: a line for people, and one for `cargo xtask verify`.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::{Value, json};

use crate::suite::operation::Operation;
use crate::suite::sweep::{ROUNDS, Reach, Sweep};

/// The file that lines for `verify` are appended to.
const RECORDS: &str = "HEDDLE_RECORDS";

/// Tells of a path, and returns whether all is as it should be.
pub fn tell(operation: &dyn Operation, sweep: &Sweep) -> bool {
    let good = sweep.failures.is_empty() != operation.planted().is_some();
    println!("{}", in_words(operation, sweep));
    for failure in &sweep.failures {
        println!("    killed {}: {}", failure.point, failure.message);
    }
    if let Some(path) = std::env::var_os(RECORDS) {
        let line = format!("{}\n", line(operation, sweep));
        let mut file = OpenOptions::new().append(true).create(true).open(path).expect("a file for records");
        file.write_all(line.as_bytes()).expect("room for a record");
    }
    good
}

fn in_words(operation: &dyn Operation, sweep: &Sweep) -> String {
    let Sweep { instructions, kills, recoveries, .. } = sweep;
    let state = match (operation.planted(), sweep.failures.len()) {
        (None, n) => format!("{n} failures"),
        (Some(_), 0) => "NOT FOUND".to_owned(),
        (Some(bug), _) => format!("found: {bug}"),
    };
    let reach = match sweep.reach {
        Reach::Every => String::new(),
        Reach::Rounds => format!(", {ROUNDS} rounds of loops"),
        Reach::Some => ", sampled".to_owned(),
    };
    let astray = if sweep.astray > 0 { format!(", {} astray", sweep.astray) } else { String::new() };
    let name = format!("{} {}", operation.name(), sweep.path);
    let slowest = sweep.slowest.as_secs_f64() * 1e3;
    format!(
        "{name:<40} {instructions:>5} instructions {kills:>6} kills {recoveries:>5} recoveries {slowest:>6.1} ms  {state}{reach}{astray}"
    )
}

fn line(operation: &dyn Operation, sweep: &Sweep) -> Value {
    let name = operation.name();
    let what = name.split_once("::").map_or(name, |(_, operation)| operation);
    let first =
        sweep.failures.first().map(|failure| format!("killed {}: {}", failure.point, failure.message));
    let found = first.is_some();
    let mut line = json!({
        "scenario": format!("{}, {}", what.replace('_', " "), sweep.path),
        "seconds": sweep.took.as_secs_f64(),
        "threads": sweep.processes,
        "result": if found == operation.planted().is_some() { "pass" } else { "fail" },
        "executions": sweep.kills,
        "coverage": match sweep.reach {
            Reach::Every => "complete",
            Reach::Rounds => "bounded",
            Reach::Some => "sampled",
        },
        "bound": (sweep.reach == Reach::Rounds).then_some(ROUNDS),
        "kills": {
            "path": sweep.path.to_string(),
            "instructions": sweep.instructions,
            "asleep": sweep.asleep,
            "recoveries": sweep.recoveries,
            "failures": sweep.failures.len(),
            "slowest": sweep.slowest.as_secs_f64(),
        },
    });
    let mut set = |key: &str, value: Value| line[key] = value;
    match (operation.planted(), first) {
        (None, None) => {}
        (None, Some(message)) => set("problem", message.into()),
        (Some(bug), Some(message)) => {
            set("expected", bug.into());
            set("message", message.into());
        }
        (Some(bug), None) => {
            set("expected", bug.into());
            set("problem", format!("nothing found in {} kills", sweep.kills).into());
        }
    }
    line
}
