//! Processes that run one function each, started in either way. Named after CPython's tests where it has them.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

#[path = "process/basics.rs"]
mod basics;
#[path = "process/ends.rs"]
mod ends;
#[path = "process/starts.rs"]
mod starts;
#[path = "process/streams.rs"]
mod streams;

use std::time::{Duration, Instant};

use heddle_ipc::process::{Builder, Process, StartMethod};
use heddle_primitives::sync::thread;

/// Far longer than anything here takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// Runs a test with each way of starting.
fn each_way(test: impl Fn(Builder)) {
    for method in [StartMethod::Spawn, StartMethod::Zygote] {
        test(Process::builder().start_method(method));
    }
}

fn double(x: u64) -> u64 {
    2 * x
}

fn forever(_: ()) {
    loop {
        thread::sleep(LONG);
    }
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether there is no such process, or only its zombie, which an ancestor of ours has to reap.
fn is_gone(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X']))
}

fn kill(pid: u32, signal: i32) {
    // SAFETY: a plain system call.
    assert_eq!(unsafe { libc::kill(pid as i32, signal) }, 0);
}
