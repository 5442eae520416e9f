//! The steps of `test`, cheapest first.
//!
//! Steps share build products: clippy and rustdoc the metadata of `target/`, the tests one build at
//! `profile.test`, the checkers a target folder each because their `--cfg` changes every crate's hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{arrows, lint, pages};
use crate::workspace::Places;

/// A step: its name, what it does in words, and its work.
pub struct Step {
    /// The name for `--only` and `--skip`, and of its log.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
    /// How.
    pub work: Work,
}

/// The work of a step.
pub enum Work {
    /// Commands, run until one fails.
    Commands(Vec<Command>),
    /// A check of our own that returns the problems it found.
    Check(fn(&Places) -> Result<Vec<String>>),
    /// It cannot be done here; the reason says why and how to change that.
    Missing(String),
}

/// All steps, in order.
pub fn all(places: &Places) -> Vec<Step> {
    let cargo = |arguments: &[&str]| {
        let mut command = places.cargo(arguments);
        command.env("CARGO_TERM_COLOR", "never");
        command
    };
    let checker = |cfg: &str, arguments: &[&str]| {
        let mut command = cargo(arguments);
        command
            .env("RUSTFLAGS", format!("--cfg heddle_{cfg}"))
            .env("CARGO_TARGET_DIR", places.target.join(cfg));
        command
    };
    let clippy = |cfg: &str| {
        let of = |arguments: &[&str]| {
            let mut command = checker(cfg, &["clippy", "-p"]);
            command.args(arguments).args(["--", "-D", "warnings"]);
            command
        };
        // The other targets of ipc need what there is not: processes.
        [of(&["heddle-primitives", "--all-targets"]), of(&["heddle-ipc", "--lib", "--test", "models"])]
    };
    let mut verify = own_program(places);
    verify.args(["verify", "--quick", "--allow-missing", "--home"]).arg(places.home.join("test/verify"));
    let commands = |command| Work::Commands(vec![command]);
    let mut docs = cargo(&["doc", "--workspace", "--no-deps"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    vec![
        Step {
            name: "format",
            what: "cargo fmt --check",
            work: commands(cargo(&["fmt", "--all", "--check", "--", "--color", "never"])),
        },
        Step {
            name: "lint",
            what: "the facade is the only door; no unsafe in report and xtask",
            work: Work::Check(lint::check),
        },
        Step {
            name: "arrows",
            what: "crates depend on each other as planned",
            work: Work::Check(arrows::check),
        },
        Step {
            name: "clippy",
            what: "clippy without warnings",
            work: commands(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        },
        Step { name: "docs", what: "rustdoc without warnings", work: commands(docs) },
        Step {
            name: "tests",
            what: "unit and integration tests, examples",
            work: commands(cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--examples"])),
        },
        Step {
            name: "doc-tests",
            what: "examples in the documentation",
            work: commands(cargo(&["test", "--workspace", "--doc"])),
        },
        Step {
            name: "deadlocks",
            what: "what the feature deadlock_detection adds",
            work: commands(cargo(&[
                "test",
                "-p",
                "heddle-primitives",
                "--features",
                "deadlock_detection",
                "--test",
                "deadlock",
            ])),
        },
        Step { name: "examples", what: "every example program runs", work: examples(places) },
        Step {
            name: "clippy-checked",
            what: "clippy of what loom, shuttle, Miri and ThreadSanitizer see",
            work: Work::Commands(["loom", "shuttle", "mutants"].iter().flat_map(|cfg| clippy(cfg)).collect()),
        },
        Step {
            name: "verify",
            what: "verify --quick: loom, shuttle, kills, and a sample of the mutants",
            work: commands(verify),
        },
        Step {
            name: "report",
            what: "report --quick into a temporary folder",
            work: commands(quick_report(places)),
        },
        Step {
            name: "manifest",
            what: "the manifest and the bench programs name the same cells",
            work: Work::Check(crate::measure::disagreements),
        },
        Step {
            name: "benches",
            what: "benchmarks that a quick report leaves out, once each",
            work: Work::Check(crate::measure::wrong_answers),
        },
        Step { name: "pages", what: "structure and links of those pages", work: Work::Check(pages::check) },
    ]
}

/// Runs every program under `examples/` of every crate; they check their own results.
fn examples(places: &Places) -> Work {
    let crates = fs::read_dir(&places.root).into_iter().flatten().flatten();
    let folders = crates.map(|folder| folder.path().join("examples")).filter(|folder| folder.is_dir());
    let mut programs: Vec<_> = folders
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    programs.sort();
    if programs.is_empty() {
        return Work::Missing("no crate has examples".into());
    }
    // As the tests are built: for one package by itself cargo would choose other features, and build everything anew.
    let mut build = places.cargo(&["build", "--workspace", "--examples", "--profile", "test"]);
    build.env("CARGO_TERM_COLOR", "never");
    let run = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default();
        let mut command = Command::new(places.target.join("debug/examples").join(name));
        // For those that write something.
        command.arg(places.home.join("test/examples"));
        command
    };
    Work::Commands(std::iter::once(build).chain(programs.into_iter().map(run)).collect())
}

/// This very program, whose file a step before may have replaced.
fn own_program(places: &Places) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.current_dir(&places.root);
    command
}

/// `report --quick`, by this program.
fn quick_report(places: &Places) -> Command {
    let mut command = own_program(places);
    // One round: it is the way from programs to pages that is tested, not the figures.
    command
        .args(["report", "--quick", "--rounds", "1", "--home"])
        .arg(report_home(places))
        .arg("--out")
        .arg(report_site(places));
    command
}

/// Where the quick report keeps its run.
fn report_home(places: &Places) -> PathBuf {
    places.home.join("test/report")
}

/// Where the quick report renders to.
pub fn report_site(places: &Places) -> PathBuf {
    let home: &Path = &report_home(places);
    home.join("site")
}
