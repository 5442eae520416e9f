//! `report`: measure, verify if nobody has verified this revision, then render. The main job.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::flags::{MeasureFlags, ReportFlags, VerifyFlags};
use crate::measure::revision::Revision;
use crate::outcome::{Outcome, Unmeasured};
use crate::verify::Checker;
use crate::workspace::Places;
use crate::{measure, render, site_folder, verify};

/// Measures what the flags select, and renders the site.
pub fn run(flags: &ReportFlags) -> Result<Outcome> {
    let places = Places::find(flags.selection.home.as_deref())?;
    let out = std::path::absolute(flags.out.clone().unwrap_or_else(|| places.site()))?;
    // Before any work, so that no run is made in vain.
    site_folder::check(&out)?;
    let done = measure::run(&MeasureFlags { selection: flags.selection.clone(), out: None })?;
    let verified = verify(&places, flags.selection.quick || flags.no_verify)?;
    std::fs::write(done.folder.join("verification.jsonl"), verified.records)?;
    render::render(std::slice::from_ref(&done.folder), &out)?;
    let page = out.join("index.html");
    println!("site: {}", page.display());
    if done.run.quick {
        println!("a quick run is never evidence; `cargo xtask report` makes one that is");
    }
    if flags.open {
        open(&page);
    }
    Ok(done.outcome.max(verified.outcome))
}

/// What the checkers say of this revision.
struct Verified {
    records: String,
    outcome: Outcome,
}

/// The records of this revision: those that there are, or those of a quick verification made now, unless it is to be left out.
fn verify(places: &Places, leave_out: bool) -> Result<Verified> {
    let path = verify::folder(places, &Revision::of(&places.root)).join("verification.jsonl");
    let mut outcome = Outcome::Fine;
    if !path.exists() && !leave_out {
        let flags = VerifyFlags { home: Some(places.home.clone()), ..VerifyFlags::quick() };
        outcome = match verify::run(&flags) {
            Ok(outcome) => outcome,
            Err(interrupted) if interrupted.is::<Unmeasured>() => return Err(interrupted),
            // What was measured is worth a site all the same, whose page of verification says "not run".
            Err(error) => {
                eprintln!("error: verify: {error:#}");
                Outcome::NotMeasured
            }
        };
    }
    let records = match std::fs::read_to_string(&path) {
        Ok(records) => records,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => not_verified()?,
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    Ok(Verified { records, outcome })
}

/// A record that says that no checker was run for this revision.
fn not_verified() -> Result<String> {
    let reason = "no record for this revision; `cargo xtask verify` makes one";
    let mut lines = String::new();
    for checker in Checker::ALL {
        lines += &(serde_json::to_string(&verify::not_run(checker, reason.into()))? + "\n");
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
