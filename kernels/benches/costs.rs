//! What workers cost to have: the time to start and end one, and the memory of each.
//!
//! Not criterion's: a start is timed one by one, and memory is not a time. Every figure goes to the file that the environment
//! names; without one they are printed. Identifiers are `<group>/<variant>/<workers>`; an argument selects by regular
//! expression, `--list` lists.
//!
//! `--echo-server MICROSECONDS` runs the server of the kernel `echo` instead, prints its port, and ends with its standard input: so
//! that programs in other languages wait for the same server.

#[path = "../../primitives/benches/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use heddle_ipc::Workers;
use heddle_kernels::kernel::echo::Server;
use heddle_kernels::kernel::{Kernel, Size, sum::Sum};
use heddle_kernels::{Job, Model};
use regex::Regex;

/// Starts timed for one figure.
const STARTS: u32 = 20;

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = args.iter().position(|arg| arg == "--echo-server") {
        return echo_server(args.get(at + 1).and_then(|delay| delay.parse().ok()).unwrap_or(2_000));
    }
    let list = args.iter().any(|arg| arg == "--list");
    args.retain(|arg| !arg.starts_with('-'));
    let pattern = args.pop().unwrap_or_default();
    let filter = Regex::new(&pattern).unwrap_or_else(|error| panic!("the filter: {error}"));
    let cell = |group: &str, variant: &str, workers: u32, metric: &str, unit: &str, run: &dyn Fn() -> f64| {
        let id = format!("{group}/{variant}/{workers}");
        if !filter.is_match(&id) {
            return;
        }
        if list {
            println!("{id}: benchmark");
            return;
        }
        let value = run();
        println!("{id}: {metric} {value:.0} {unit}");
        support::extra(group, variant, workers, metric, unit, "lower", value);
    };
    cell("spawn-cost/start-join", "threads", 1, "time", "ns", &start_thread);
    cell("spawn-cost/start-join", "processes", 1, "time", "ns", &start_process);
    for workers in [1, 2, 4, 8] {
        for model in [Model::ThreadPool, Model::ProcessPool, Model::Hybrid] {
            let count = workers as usize;
            if model.refuses(count).is_none() {
                cell("memory-cost/idle", model.name(), workers, "pss", "bytes", &|| memory(model, count, 0));
                cell("memory-cost/working", model.name(), workers, "pss", "bytes", &|| {
                    memory(model, count, 2)
                });
            }
        }
    }
}

fn echo_server(delay_us: u64) {
    let server = Server::start(Duration::from_micros(delay_us)).unwrap_or_else(|error| panic!("{error}"));
    println!("{}", server.port());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("standard input can be read");
}

/// The mean time to start a thread, have it answer, and join it, in nanoseconds.
#[allow(clippy::disallowed_methods, reason = "what a thread of the standard library costs")]
fn start_thread() -> f64 {
    mean(|i| {
        let answer = std::thread::spawn(move || i + 1).join().expect("the thread ends");
        assert_eq!(answer, i + 1);
    })
}

fn answer(i: u32) -> u32 {
    i + 1
}

/// The mean time to start a process, have it answer, and see it end, in nanoseconds.
fn start_process() -> f64 {
    mean(|i| {
        let workers = Workers::start(1).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(workers.call(0, answer, i).unwrap_or_else(|error| panic!("{error}")), i + 1);
    })
}

fn mean(mut start: impl FnMut(u32)) -> f64 {
    start(0);
    let begin = Instant::now();
    (0..STARTS).for_each(&mut start);
    begin.elapsed().as_nanos() as f64 / f64::from(STARTS)
}

/// Proportional set size that each worker of a model adds, in bytes, after `runs` runs of a sum that all of them share.
fn memory(model: Model, workers: usize, runs: u32) -> f64 {
    let total = |model, workers| {
        let mut job =
            Job::<Sum>::new(model, Sum::params(Size::Test), workers).unwrap_or_else(|e| panic!("{e}"));
        for _ in 0..runs {
            let output = job.run().unwrap_or_else(|error| panic!("{error}"));
            job.verify(&output).unwrap_or_else(|mismatch| panic!("{mismatch}"));
        }
        let own = pss(std::process::id());
        own + job.pids().into_iter().map(pss).sum::<f64>()
    };
    // Once for what any job allocates and keeps, once for the base line.
    total(Model::Sequential, 1);
    let base = total(Model::Sequential, 1);
    // Pages of libraries count less as soon as other processes map them too: below that noise a worker adds nothing.
    (total(model, workers) - base).max(0.0) / workers as f64
}

/// The proportional set size of a process in bytes: pages shared by n processes count 1/n each.
fn pss(pid: u32) -> f64 {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let line =
        text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_else(|| panic!("{path}: no Pss"));
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or_else(|_| panic!("{path}: {line}"));
    kib * 1024.0
}
