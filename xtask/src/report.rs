//! `report`: measure, then render. The main job.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;
use heddle_report::records::{CheckResult, Coverage, SCHEMA, Status, Verification};

use crate::flags::{MeasureFlags, ReportFlags};
use crate::outcome::Outcome;
use crate::workspace::Places;
use crate::{measure, render, site_folder};

/// What the checkers are for; nothing of it is recorded yet.
const SUBJECTS: [&str; 20] = [
    "mutex",
    "reentrant",
    "rwlock",
    "sharded_rwlock",
    "seqlock",
    "once",
    "condvar",
    "event",
    "barrier",
    "semaphore",
    "latch",
    "parker",
    "oneshot",
    "spsc",
    "array_queue",
    "channel",
    "queue",
    "deque",
    "pool",
    "futex",
];
const CHECKERS: [&str; 4] = ["loom", "shuttle", "miri", "tsan"];

/// Measures what the flags select, and renders the site.
pub fn run(flags: &ReportFlags) -> Result<Outcome> {
    let places = Places::find(flags.selection.home.as_deref())?;
    let out = std::path::absolute(flags.out.clone().unwrap_or_else(|| places.site()))?;
    // Before any work, so that no run is made in vain.
    site_folder::check(&out)?;
    let done = measure::run(&MeasureFlags { selection: flags.selection.clone(), out: None })?;
    let verification = done.folder.join("verification.jsonl");
    if !verification.exists() {
        std::fs::write(&verification, not_verified()?)?;
    }
    render::render(std::slice::from_ref(&done.folder), &out)?;
    let page = out.join("index.html");
    println!("site: {}", page.display());
    if done.run.quick {
        println!("a quick run is never evidence; `cargo xtask report` makes one that is");
    }
    if flags.open {
        open(&page);
    }
    Ok(done.outcome)
}

/// Records that say that no checker was run for this revision.
fn not_verified() -> Result<String> {
    let mut lines = String::new();
    for subject in SUBJECTS {
        for checker in CHECKERS {
            let reason = match checker {
                "loom" | "shuttle" => format!(
                    "no record for this revision; `cargo xtask test --only {checker}` runs the checker without recording"
                ),
                _ => "no record for this revision; no command runs this checker yet".to_string(),
            };
            let record = Verification {
                schema: SCHEMA,
                status: Status::NotRun,
                reason: Some(reason),
                subject: subject.into(),
                checker: checker.into(),
                scenario: "all".into(),
                result: CheckResult::NotRun,
                coverage: Coverage::None,
                threads: 0,
                bound: None,
                executions: 0,
                seconds: 0.0,
                mutant: None,
                cause: None,
                message: None,
                trace: None,
                replay: None,
                planted: false,
                equivalent: None,
            };
            lines += &(serde_json::to_string(&record)? + "\n");
        }
    }
    Ok(lines)
}

/// Opens the page in whatever the desktop uses, if there is one.
fn open(page: &Path) {
    let mut command = Command::new("xdg-open");
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = command.spawn() {
        eprintln!("--open: xdg-open: {error}; open the page by hand, or run `cargo xtask serve`");
    }
}
