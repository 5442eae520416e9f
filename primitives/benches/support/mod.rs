//! What every bench program shares: figures that criterion cannot give, and pinning.
#![allow(dead_code, reason = "included by several programs, each of which uses a part")]

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Appends a figure beside criterion's to the file that `HEDDLE_EXTRA` names; does nothing where it is unset.
///
/// # Panics
/// If the file cannot be written: a figure that silently disappears would look as if it had never been measured.
pub fn extra(group: &str, variant: &str, workers: u32, metric: &str, unit: &str, better: &str, value: f64) {
    let Some(path) = std::env::var_os("HEDDLE_EXTRA") else { return };
    assert!(value.is_finite(), "{group}/{variant} {metric} is {value}");
    let mut line = serde_json::json!({
        "group": group, "variant": variant, "workers": workers,
        "metric": metric, "unit": unit, "better": better, "value": value,
    })
    .to_string();
    line.push('\n');
    // One write, so that programs that run at the same time do not mix their lines.
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        panic!("{}: {error}", path.display());
    }
}

/// True where the harness asks for one timed call instead of criterion's many.
pub fn once() -> bool {
    std::env::var_os("HEDDLE_ONCE").is_some_and(|value| value == "1")
}

/// Pins the calling thread to the `n`-th of the CPUs that the process may use, modulo their number.
pub fn pin(n: usize) {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let cpus = allowed();
    let mut set = CpuSet::new();
    set.set(cpus[n % cpus.len()]);
    sched_setaffinity(None, &set).expect("a thread may pin itself to a CPU it may use");
}

/// Lets the calling thread run on all of them again.
pub fn unpin() {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut set = CpuSet::new();
    allowed().iter().for_each(|cpu| set.set(*cpu));
    sched_setaffinity(None, &set).expect("a thread may use the CPUs that the process started with");
}

/// The CPUs that the process could use when first asked, before any thread was pinned.
pub fn allowed() -> &'static [usize] {
    static ALLOWED: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let set = rustix::thread::sched_getaffinity(None).expect("the own affinity can be read");
        (0..rustix::thread::CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
    });
    &ALLOWED
}

/// What one member of a team did between the common start and its end.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Operations that it completed.
    pub done: u64,
    /// CPU time that it used.
    pub cpu: Duration,
}

/// Runs `work` once in each of `members` threads, the nth pinned to the nth CPU, from a common start; returns the time until the
/// last one ends, and what each did. `work` gets its number and returns how many operations it completed.
pub fn team(members: usize, work: impl Fn(usize) -> u64 + Sync) -> (Duration, Vec<Turn>) {
    team_on(|n| n, members, work)
}

/// [`team`] with the nth member on the `cpu(n)`th CPU. If that is one CPU for all, the calling thread goes there too, so that
/// whoever asks finds a process of one CPU.
pub fn team_on(
    cpu: impl Fn(usize) -> usize + Sync,
    members: usize,
    work: impl Fn(usize) -> u64 + Sync,
) -> (Duration, Vec<Turn>) {
    let together = (1..members).all(|n| cpu(n) == cpu(0));
    if together {
        pin(cpu(0));
    }
    let result = pinned_team(&cpu, members, work);
    if together {
        unpin();
    }
    result
}

fn pinned_team(
    cpu: &(impl Fn(usize) -> usize + Sync),
    members: usize,
    work: impl Fn(usize) -> u64 + Sync,
) -> (Duration, Vec<Turn>) {
    let start = std::sync::Barrier::new(members);
    let turns: Vec<(Instant, Instant, Turn)> = heddle_primitives::sync::thread::scope(|s| {
        let threads: Vec<_> = (0..members)
            .map(|n| {
                let (start, work) = (&start, &work);
                s.spawn(move || {
                    pin(cpu(n));
                    start.wait();
                    let (began, cpu) = (Instant::now(), cpu_time());
                    let done = work(n);
                    (began, Instant::now(), Turn { done, cpu: cpu_time() - cpu })
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a member panicked")).collect()
    });
    let began = turns.iter().map(|turn| turn.0).min().expect("a team has members");
    let ended = turns.iter().map(|turn| turn.1).max().expect("a team has members");
    (ended - began, turns.into_iter().map(|turn| turn.2).collect())
}

/// Like criterion's `iter_custom`, but never with fewer than `least` iterations: with a few the start of the threads would be what is
/// timed, and criterion asks for few where its warm-up was disturbed.
pub fn in_bulk(b: &mut criterion::Bencher<'_>, least: u64, mut time: impl FnMut(u64) -> Duration) {
    b.iter_custom(|wanted| {
        let made = wanted.max(least);
        time(made).mul_f64(wanted as f64 / made as f64)
    });
}

/// CPU time of the calling thread.
pub fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Computes `steps` steps in registers only; [`steps`] tells how many take how long.
#[inline(always)]
pub fn work(steps: u64) {
    let mut x = steps;
    for _ in 0..steps {
        x = x.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(7);
    }
    black_box(x);
}

/// How many steps of [`work`] take `ns` nanoseconds here, measured once.
pub fn steps(ns: u64) -> u64 {
    static STEPS_PER_US: LazyLock<f64> = LazyLock::new(|| {
        const STEPS: u64 = 200_000;
        let fastest = (0..5)
            .map(|_| {
                let start = Instant::now();
                work(STEPS);
                start.elapsed()
            })
            .min()
            .expect("five are measured");
        STEPS as f64 / fastest.as_secs_f64() / 1e6
    });
    (ns as f64 * *STEPS_PER_US / 1e3).round() as u64
}
