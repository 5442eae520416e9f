//! The command line: libtest's as far as cargo and xtask use it, that is names, `--exact` and `--list`; `--permitted` asks whether
//! this system lets a process be traced.
//!
//! `HEDDLE_KILLS` says how many deaths each path has at most, a number or `all`. Without it, and without names, only the harness itself is
//! tried and what it must catch: instructions are those of a release build, which `cargo xtask verify --only crash` makes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;

use heddle_primitives::{Event, Shared};

use crate::suite::operation::Operation;
use crate::suite::slate::Slate;
use crate::suite::sweep::{Effort, sweep};
use crate::suite::tracer::{Stop, Victim};
use crate::suite::{harness, operations, planted, process, record};

/// Deaths of each path in a plain run.
const FEW: usize = 40;

/// First deaths where two are needed and all are asked for: each stands for as many second ones as there are instructions.
const FIRST: usize = 16;

/// What can be asked for by name.
enum Test {
    Sweep(&'static dyn Operation),
    Plain(&'static str, fn()),
}

impl Test {
    fn name(&self) -> &'static str {
        match self {
            Test::Sweep(operation) => operation.name(),
            Test::Plain(name, _) => name,
        }
    }

    /// Whether it went well.
    fn run(&self) -> bool {
        let ran = catch_unwind(AssertUnwindSafe(|| match self {
            Test::Sweep(operation) => {
                let sweeps = sweep(*operation, effort());
                sweeps.iter().fold(true, |good, sweep| record::tell(*operation, sweep) & good)
            }
            Test::Plain(name, run) => {
                run();
                println!("{name}: ok");
                true
            }
        }));
        ran.unwrap_or(false)
    }
}

fn all() -> Vec<Test> {
    of_the_harness()
        .into_iter()
        .chain(operations::ALL.iter().map(|&operation| Test::Sweep(operation)))
        .collect()
}

/// What shows that the harness would notice.
fn of_the_harness() -> Vec<Test> {
    let planted = planted::ALL.iter().map(|&operation| Test::Sweep(operation));
    harness::ALL.iter().map(|&(name, run)| Test::Plain(name, run)).chain(planted).collect()
}

fn effort() -> Effort {
    match std::env::var("HEDDLE_KILLS").ok().as_deref() {
        None => Effort { most: FEW, first: 2, scan: 70_000, findings: 1 },
        Some("all") => Effort { most: usize::MAX, first: FIRST, scan: 500_000, findings: 3 },
        Some(number) => {
            let most = number.parse().expect("HEDDLE_KILLS is a number, or `all`");
            Effort { most, first: 2, scan: 100_000, findings: 1 }
        }
    }
}

pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let names: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let names: Vec<&String> = names.into_iter().filter(|name| *name != "terse").collect();
    let selected = |test: &Test| {
        let fits = |name: &&String| {
            if has("--exact") { test.name() == **name } else { test.name().contains(name.as_str()) }
        };
        names.is_empty() || names.iter().any(fits)
    };
    let plain = names.is_empty() && !has("--list") && std::env::var_os("HEDDLE_KILLS").is_none();
    let tests: Vec<Test> =
        if plain { of_the_harness() } else { all().into_iter().filter(selected).collect() };
    if has("--list") {
        tests.iter().for_each(|test| println!("{}: test", test.name()));
        return ExitCode::SUCCESS;
    }
    prepare();
    let permitted = is_permitted();
    if has("--permitted") || permitted.is_err() {
        println!(
            "{}",
            permitted.as_ref().map_or_else(|reason| format!("not run: {reason}"), |()| "permitted".into())
        );
        return ExitCode::from(u8::from(has("--permitted") && permitted.is_err()));
    }
    let failed: Vec<&str> = tests.iter().filter(|test| !test.run()).map(|test| test.name()).collect();
    println!("{} of {} went well", tests.len() - failed.len(), tests.len());
    if plain {
        println!(
            "not run: {} operations, which `cargo xtask verify --only crash` kills",
            operations::ALL.len()
        );
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("wrong: {}", failed.join(", "));
    ExitCode::from(101)
}

/// Sets up what all processes share.
fn prepare() {
    let (slate, own) = (Slate::get(), std::process::id());
    process::hold_child_signals();
    // Spins, which asks the system once how many processors there are: twenty thousand instructions that are nobody's operation.
    Event::<Shared>::new_in().wait_for(Duration::from_millis(1));
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::process::id() == own { print(panic) } else { slate.say(&panic.to_string()) }
    }));
}

/// Whether a process can be traced here.
fn is_permitted() -> Result<(), String> {
    let traced = || crate::suite::tracer::traced(|| ());
    match Victim::start(traced, Duration::from_secs(10)) {
        Ok((_, Stop::Before(_))) => Ok(()),
        Ok((_, stop)) => Err(format!("a process under ptrace does not stop where it is told to: {stop:?}")),
        Err(error) => Err(format!("ptrace: {error}")),
    }
}
