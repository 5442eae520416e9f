//! `test`: everything that must pass before a change lands, a line and a log for each step.

mod arrows;
mod lint;
mod pages;
mod steps;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::flags::TestFlags;
use crate::outcome::{Outcome, usage};
use crate::run_command::{catch_interrupts, in_words, run_logged, tail};
use crate::workspace::Places;
use steps::{Step, Work};

/// No step takes this long unless it hangs.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// How a step ended.
enum Verdict {
    Passed,
    Failed(String),
    NotRun(String),
}

/// Runs the steps.
pub fn run(flags: &TestFlags) -> Result<Outcome> {
    let places = Places::find(None)?;
    let steps = select(steps::all(&places), flags)?;
    if flags.list {
        for step in &steps {
            println!("{:<16} {}", step.name, step.what);
        }
        return Ok(Outcome::Fine);
    }
    catch_interrupts();
    let logs = places.home.join("test");
    fs::create_dir_all(&logs)?;
    let mut results = Vec::new();
    for step in steps {
        let (name, what) = (step.name, step.what);
        println!("{name:<16} {what}");
        let start = Instant::now();
        let verdict = perform(step, &logs, &places)?;
        let seconds = start.elapsed().as_secs_f64();
        println!("{name:<16} {} in {seconds:.1} s", word(&verdict));
        match &verdict {
            Verdict::Failed(explanation) => println!("{explanation}"),
            Verdict::NotRun(reason) => println!("{reason}"),
            Verdict::Passed => {}
        }
        results.push((name, verdict, seconds));
    }
    Ok(conclude(&results))
}

/// Applies `--only` and `--skip`.
fn select(steps: Vec<Step>, flags: &TestFlags) -> Result<Vec<Step>> {
    let known: Vec<&str> = steps.iter().map(|step| step.name).collect();
    for name in flags.only.iter().chain(&flags.skip) {
        if !known.contains(&name.as_str()) {
            return Err(usage(format!("there is no step '{name}'; the steps are {}", known.join(", "))));
        }
    }
    let wanted = |step: &Step| {
        let named = |names: &[String]| names.iter().any(|name| name == step.name);
        if flags.only.is_empty() { !named(&flags.skip) } else { named(&flags.only) }
    };
    Ok(steps.into_iter().filter(wanted).collect())
}

/// Runs one step.
fn perform(step: Step, logs: &Path, places: &Places) -> Result<Verdict> {
    let log = logs.join(format!("{}.log", step.name));
    Ok(match step.work {
        Work::Commands(commands) => run_commands(commands, &log, step.name)?,
        Work::Check(check) => {
            let problems = check(places)?;
            fs::write(&log, problems.join("\n"))?;
            if problems.is_empty() {
                Verdict::Passed
            } else {
                Verdict::Failed(format!(
                    "  {}\n  log: {}\n  next: mend these, then `cargo xtask test --only {}`",
                    problems.join("\n  "),
                    log.display(),
                    step.name
                ))
            }
        }
        Work::Missing(reason) => Verdict::NotRun(format!("  {reason}")),
    })
}

/// Runs commands one after another until one fails.
fn run_commands(commands: Vec<Command>, log: &Path, name: &str) -> Result<Verdict> {
    let mut whole = fs::File::create(log)?;
    for mut command in commands {
        writeln!(whole, "$ {}", in_words(&command))?;
        let part = log.with_extension("part");
        let ended = run_logged(&mut command, &part, LIMIT)?;
        std::io::copy(&mut fs::File::open(&part)?, &mut whole)?;
        fs::remove_file(&part)?;
        if let Some(failure) = ended.failure(LIMIT) {
            return Ok(Verdict::Failed(format!(
                "{}\n  {failure}: {}\n  log: {}\n  next: run the command by itself, or `cargo xtask test --only {name}`",
                indent(&tail(log, 30)),
                in_words(&command),
                log.display(),
            )));
        }
    }
    Ok(Verdict::Passed)
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed(_) => "FAILED",
        Verdict::NotRun(_) => "not run",
    }
}

/// Prints the table; the last line has the counts.
fn conclude(results: &[(&str, Verdict, f64)]) -> Outcome {
    println!("\n{:<16} {:<8} {:>8}", "step", "result", "seconds");
    for (name, verdict, seconds) in results {
        println!("{name:<16} {:<8} {seconds:>8.1}", word(verdict));
    }
    let count = |wanted: &str| results.iter().filter(|(_, verdict, _)| word(verdict) == wanted).count();
    println!("{:<16} {:<8} {:>8.1}", "total", "", results.iter().map(|(_, _, seconds)| seconds).sum::<f64>());
    if count("not run") > 0 {
        println!("{} not run", count("not run"));
    }
    println!("{} passed, {} failed", count("passed"), count("FAILED"));
    if count("FAILED") == 0 { Outcome::Fine } else { Outcome::CheckFailed }
}
