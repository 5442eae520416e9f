//! The wire form of everything that is measured, verified or judged: what `measure` and `verify` append and
//! what rendering reads. Field names and states are part of schema [`SCHEMA`]; a reader refuses newer ones.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema number that every record carries.
pub const SCHEMA: u32 = 1;

/// Whether a cell yielded a value. Neither of the other states ever looks like a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A value was obtained and its answer checked.
    Ok,
    /// The cell was run and went wrong; `reason` says how.
    Failed,
    /// The cell was not run; `reason` says what is missing.
    NotRun,
}

/// The direction in which a metric improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Less is better, as for a time.
    Lower,
    /// More is better, as for a rate.
    Higher,
}

/// One value of one cell in one round: a line of `measurements.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Whether there is a value.
    pub status: Status,
    /// Why there is none; absent if `status` is `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `kernels`, `primitives`, `ipc` or `claims`.
    pub suite: String,
    /// What is measured, as `mandelbrot/medium` or `mutex/contended-500-500`.
    pub group: String,
    /// By what: a model, `heddle`, a peer's crate, or `cpython-3.11/threads`.
    pub variant: String,
    /// Whether the variant is somebody else's program.
    pub peer: bool,
    /// Threads or processes at work, at least 1.
    pub workers: u32,
    /// Whatever else distinguishes the cell, as sizes in elements or bytes. `replica: 1` marks the second
    /// run of a baseline in the same round (A/A).
    pub params: BTreeMap<String, serde_json::Value>,
    /// The round, from 0.
    pub round: u32,
    /// `time`, `pss`, `throughput` and the like.
    pub metric: String,
    /// The unit of `value`: `ns`, `bytes`, `1/s`.
    pub unit: String,
    /// The direction of improvement.
    pub better: Better,
    /// The value, finite; absent unless `status` is `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// A judgement of a variant against its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval lies beyond the margin, on the variant's side.
    Better,
    /// The whole interval lies beyond the margin, on the baseline's side.
    Worse,
    /// The whole interval lies within the margin.
    Equivalent,
    /// None of these, too few rounds, or an A/A comparison that left the margin.
    Inconclusive,
}

/// One row of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SummaryRow {
    /// As in [`Measurement::suite`].
    pub suite: String,
    /// As in [`Measurement::group`].
    pub group: String,
    /// As in [`Measurement::variant`].
    pub variant: String,
    /// The variant that the ratio is taken against; equal to `variant` in the A/A row of a baseline.
    pub baseline: String,
    /// As in [`Measurement::workers`], of the variant.
    pub workers: u32,
    /// As in [`Measurement::metric`].
    pub metric: String,
    /// As in [`Measurement::unit`].
    pub unit: String,
    /// As in [`Measurement::better`].
    pub better: Better,
    /// The variant's value over the baseline's: geometric mean over rounds.
    pub ratio: Option<f64>,
    /// 95 % interval of `ratio`; absent with fewer than two rounds.
    pub ci: Option<[f64; 2]>,
    /// Rounds in which both sides have a value.
    pub rounds: u32,
    /// The variant's verdict.
    pub verdict: Verdict,
}

/// `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The margin of equivalence, as a fraction (0.03 is 3 %).
    pub margin: f64,
    /// One row per comparison, sorted.
    pub rows: Vec<SummaryRow>,
}

/// What a checker found: a line of `verification.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Whether the checker ran to a result.
    pub status: Status,
    /// Why there is none, or why there can be none: absent if `status` is `ok`, unless the result is `not-decidable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The primitive or protocol under test.
    pub subject: String,
    /// `loom`, `shuttle`, `miri`, `tsan` and the like.
    pub checker: String,
    /// The program that the checker ran.
    pub scenario: String,
    /// What it found.
    pub result: CheckResult,
    /// How far the result reaches.
    pub coverage: Coverage,
    /// Threads of the scenario.
    pub threads: u32,
    /// The preemption bound, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<u32>,
    /// Executions, schedules or seeds tried.
    pub executions: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The mutation applied, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
    /// Why it failed: `race`, `deadlock`, `assertion`, `leak`, `abort`, `time-out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What the checker said, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The failing execution's last steps, in the order in which they happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Vec<Step>>,
    /// What replays it: a search and an execution, a schedule or a seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// Whether the program is broken on purpose, so that a violation is what is wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planted: bool,
    /// What became of the processes that were killed, where that is what the scenario does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kills: Option<Kills>,
    /// Why a mutant that nothing was found in does the same as the program: a reviewed argument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equivalent: Option<String>,
}

/// What became of the processes that were killed between any two instructions of an operation; their number is
/// [`Verification::executions`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kills {
    /// The way through the operation: `fast`, `contended`, `recovery`, `second death` and the like.
    pub path: String,
    /// Instructions of the operation on this path.
    pub instructions: u64,
    /// Kills in a system call that slept.
    pub asleep: u64,
    /// Kills that left something which a survivor repaired.
    pub recoveries: u64,
    /// Kills after which something was wrong.
    pub failures: u64,
    /// The longest that a survivor took, in seconds.
    pub slowest: f64,
}

/// A step of an execution under a checker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The thread, from 0.
    pub thread: u32,
    /// Where in the source, as `file:line:column`.
    pub site: String,
    /// What it does: `load`, `swap`, `wait`, `wake`, `read` and `write` of plain data, and so on.
    pub operation: String,
    /// Its memory ordering, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering: Option<String>,
    /// A number for the object it is about.
    pub object: u32,
    /// What was read or written.
    pub value: String,
    /// The earlier step, counted from 0, that releases what this one acquires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
}

/// A checker's finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// Nothing found.
    Pass,
    /// A violation was found.
    Fail,
    /// The checker gave up.
    Unknown,
    /// The checker cannot judge such a subject.
    NotDecidable,
    /// The checker is not there.
    NotRun,
}

/// How far a checker's result reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// Every execution in the checker's model, for the scenario's threads and operations.
    Complete,
    /// Every execution within the preemption bound.
    Bounded,
    /// Cut off by a limit.
    Truncated,
    /// Chosen at random.
    Sampled,
    /// Nothing was run.
    None,
}

/// The machine that a run was made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// A name that tells hosts apart without naming their owner: CPU model and core count.
    pub name: String,
    /// The CPU's model name.
    pub cpu: String,
    /// CPUs that this process may use.
    pub cores: u32,
    /// Physical memory in bytes.
    pub memory_bytes: u64,
    /// Size of a small page in bytes.
    pub page_bytes: u64,
    /// Sizes of huge pages that the kernel knows, in bytes, and its policy for transparent ones.
    pub huge_pages: String,
    /// Kernel name and release.
    pub kernel: String,
    /// The hypervisor, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtualised: Option<String>,
    /// Other threads that ran or wanted to, averaged over a second before the first round.
    pub load_before: f64,
    /// The same after the last round.
    pub load_after: f64,
    /// Share of CPU time stolen by the hypervisor during the run, 0 to 1.
    pub steal: f64,
}

/// An interpreter found for the CPython rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Python {
    /// The prefix of its variants, as `cpython-3.11`.
    pub name: String,
    /// The full version.
    pub version: String,
    /// Whether the global interpreter lock is on.
    pub gil: bool,
    /// The platform's default start method of `multiprocessing`.
    pub start_method: String,
}

/// How the cells of a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cells {
    /// Cells in the manifest after selection.
    pub expected: u32,
    /// Cells with a value in every round that was planned.
    pub ok: u32,
    /// Cells that failed in some round.
    pub failed: u32,
    /// Cells that were not run.
    pub not_run: u32,
}

/// `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The run's name and folder: UTC start and short revision.
    pub id: String,
    /// UTC start, RFC 3339, to the second.
    pub started: String,
    /// Wall-clock seconds spent measuring.
    pub seconds: f64,
    /// Whether the run was `--quick`, which is never evidence.
    pub quick: bool,
    /// Seed of the order of cells.
    pub seed: u64,
    /// Rounds that every cell was planned for at most.
    pub rounds: u32,
    /// The budget in seconds.
    pub budget_seconds: f64,
    /// Command-line flags as given.
    pub flags: Vec<String>,
    /// Version-control revision, or `unknown`.
    pub revision: String,
    /// SHA-256 of the uncommitted change, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<String>,
    /// `rustc --version`.
    pub rustc: String,
    /// Compiler flags of the bench build.
    pub rustflags: String,
    /// The machine.
    pub host: Host,
    /// Interpreters found.
    pub pythons: Vec<Python>,
    /// How the cells ended.
    pub cells: Cells,
    /// Whether every planned round was done; false marks a run that can be resumed.
    pub complete: bool,
    /// Cells or rounds left out because the budget had no room, each in words.
    pub left_out: Vec<String>,
}
