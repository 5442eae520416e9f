//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Keeps concurrency models apart: measures them, checks them, and renders what was found.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Exit codes: 0 fine, 1 a check failed, 2 wrong usage or damaged records, 3 something asked for could not be measured."
)]
pub struct Cli {
    /// The task; the list of tasks is printed without one.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// The tasks.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Measure, verify --quick (unless this revision was verified), then render the site: the main job
    Report(ReportFlags),
    /// Run the bench programs in rounds and append measurement records
    Measure(MeasureFlags),
    /// Run the checkers on every primitive and on its mutants, and record what they find
    Verify(VerifyFlags),
    /// Turn records into the site; the same records give the same bytes
    Render(RenderFlags),
    /// Everything that must pass before a change lands
    Test(TestFlags),
    /// Serve the site on 127.0.0.1
    Serve(ServeFlags),
    /// Say what this machine offers, what will be "not run", and how to get it
    Doctor(DoctorFlags),
}

/// Which cells are measured, and for how long.
#[derive(Clone, Debug, Args)]
pub struct Selection {
    /// Three minutes, small sizes, few rounds; the site is watermarked and never evidence
    #[arg(long, conflicts_with_all = ["full", "budget"])]
    pub quick: bool,
    /// Every size in 15 rounds, however long it takes
    #[arg(long, conflicts_with = "budget")]
    pub full: bool,
    /// Time to measure after the build, as 90s, 20m or 1h [default: 20m]
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub budget: Option<Duration>,
    /// Only cells whose id (mandelbrot/medium/thread_pool/2, or with its suite before it) matches this regular expression
    #[arg(long, value_name = "RE")]
    pub filter: Option<String>,
    /// Rounds at most [default: 15]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// Seed of the order of cells within a round
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// A further Python interpreter to measure; may be repeated
    #[arg(long, value_name = "PATH")]
    pub python: Vec<PathBuf>,
    /// Leave the CPython rows out
    #[arg(long, conflicts_with = "python")]
    pub no_python: bool,
    /// Where runs, logs and the site are kept [default: target/heddle]
    #[arg(long, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Another manifest of cells
    #[arg(long, value_name = "FILE", hide = true)]
    pub manifest: Option<PathBuf>,
    /// Bench programs that are built already, as `package/bench = "path"` in TOML
    #[arg(long, value_name = "FILE", hide = true)]
    pub programs: Option<PathBuf>,
    /// The longest that one turn may take
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "60s", hide = true)]
    pub turn_limit: Duration,
}

/// Flags of `report`.
#[derive(Debug, Args)]
pub struct ReportFlags {
    /// What to measure.
    #[command(flatten)]
    pub selection: Selection,
    /// Where the site goes [default: target/heddle/site]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Run no checker: what is not recorded for this revision is shown as "not run", as in a quick report
    #[arg(long)]
    pub no_verify: bool,
    /// Open the site in a browser
    #[arg(long)]
    pub open: bool,
}

/// Flags of `measure`.
#[derive(Debug, Args)]
pub struct MeasureFlags {
    /// What to measure.
    #[command(flatten)]
    pub selection: Selection,
    /// Where the run's folder goes [default: target/heddle/runs]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Flags of `verify`.
#[derive(Clone, Debug, Default, Args)]
pub struct VerifyFlags {
    /// Six minutes: everyday bounds of loom and shuttle, and a sample of the mutants
    #[arg(long, conflicts_with = "full")]
    pub quick: bool,
    /// Large bounds, many seeds, every mutant, however long it takes
    #[arg(long)]
    pub full: bool,
    /// Only these parts
    #[arg(long, value_delimiter = ',', value_name = "PART,...")]
    pub only: Vec<VerifyPart>,
    /// Only tests (`loom mutex::two_threads`) and mutants (`mutant FILE NAME`) that match this regular expression
    #[arg(long, value_name = "RE")]
    pub filter: Option<String>,
    /// Processes at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Only what the uncommitted change is about
    #[arg(long)]
    pub changed: bool,
    /// A checker that is missing is no reason to fail; its rows say "not run"
    #[arg(long)]
    pub allow_missing: bool,
    /// The longest that the process of one test may take [default: what the effort allows]
    #[arg(long, value_parser = duration, value_name = "TIME", hide = true)]
    pub test_limit: Option<Duration>,
    /// Another crate, whose test program `models` uses `heddle_primitives::verify`
    #[arg(long, value_name = "FILE")]
    pub manifest_path: Option<PathBuf>,
    /// Where records and logs are kept [default: target/heddle]
    #[arg(long, value_name = "DIR")]
    pub home: Option<PathBuf>,
}

/// A part of what `verify` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyPart {
    /// Every execution of small scenarios
    Loom,
    /// Random schedules of larger ones
    Shuttle,
    /// An interpreter that watches for undefined behaviour
    Miri,
    /// Real threads, watched for races
    Tsan,
    /// Real threads by themselves, again and again
    Threads,
    /// Behaviour, property tests and stress, as `cargo test` runs them
    Tests,
    /// Histories of concurrent calls against sequential specifications, under loom, shuttle and real threads
    Linearize,
    /// Broken programs, which must be found, and their repaired twins
    Corpus,
    /// The program with one ordering, fence or wake changed
    Mutants,
    /// Processes killed between any two instructions, and survivors that look at what is left
    Crash,
}

impl VerifyFlags {
    /// `--quick`, wherever it runs.
    pub fn quick() -> VerifyFlags {
        VerifyFlags { quick: true, allow_missing: true, ..VerifyFlags::default() }
    }

    /// Whether a part is selected.
    pub fn wants(&self, part: VerifyPart) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// Flags of `render`.
#[derive(Debug, Args)]
pub struct RenderFlags {
    /// A run to render, by id or folder; may be repeated [default: the newest]
    #[arg(long, value_name = "ID|DIR")]
    pub run: Vec<String>,
    /// Where the site goes [default: target/heddle/site]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Where runs, logs and the site are kept [default: target/heddle]
    #[arg(long, value_name = "DIR")]
    pub home: Option<PathBuf>,
}

/// Flags of `test`.
#[derive(Debug, Args)]
pub struct TestFlags {
    /// Only this step; may be repeated
    #[arg(long, value_name = "STEP")]
    pub only: Vec<String>,
    /// All but this step; may be repeated
    #[arg(long, value_name = "STEP", conflicts_with = "only")]
    pub skip: Vec<String>,
    /// List the steps and what each runs
    #[arg(long)]
    pub list: bool,
}

/// Flags of `serve`.
#[derive(Debug, Args)]
pub struct ServeFlags {
    /// The site [default: target/heddle/site]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 8017)]
    pub port: u16,
}

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorFlags {
    /// A further Python interpreter to look at; may be repeated
    #[arg(long, value_name = "PATH")]
    pub python: Vec<PathBuf>,
}

/// Reads a time span: a number and one of `s`, `m`, `h`, `ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 =
        number.trim().parse().map_err(|_| format!("'{text}' is no time span; write 90s or 20m"))?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(format!("unknown unit '{unit}'; use ms, s, m or h")),
    };
    match Duration::try_from_secs_f64(seconds) {
        Ok(span) if !span.is_zero() => Ok(span),
        _ => Err("a time span must be longer than nothing".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn time_spans() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("20m"), Ok(Duration::from_secs(1200)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "0s", "-1s", "3 weeks", "NaNs", "m"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
