//! What it costs to have another process do something: a trivial task through a warm worker, awake and asleep, one at a
//! time and sixteen in flight, and the start of a worker.
//!
//! Parent and worker are pinned to one CPU each, where there are two. The peers: an echo through a pair of pipes, the usual way to ask
//! another process, and `posix_spawn` of a program that does nothing.

use std::collections::VecDeque;
use std::hint::black_box;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use heddle_ipc::Workers;
use rustix::thread::{CpuSet, sched_setaffinity};

#[path = "../../primitives/benches/support/mod.rs"]
mod support;

/// What the workers do.
fn next(x: u64) -> u64 {
    x + 1
}

/// The CPU for a worker: the second that this program may use.
fn worker_cpu() -> u64 {
    let cpus = support::allowed();
    cpus[1 % cpus.len()] as u64
}

fn pin_to(cpu: u64) -> u64 {
    let mut set = CpuSet::new();
    set.set(cpu as usize);
    sched_setaffinity(None, &set).expect("a process may pin itself");
    cpu
}

/// One worker on the second CPU; the caller on the first.
fn pinned(spin: Duration) -> Workers {
    // Started before the caller is pinned: a process inherits the CPUs that it may use, and does not spin if it is one.
    unpin();
    let workers = Workers::builder().spin(spin).start().expect("a worker");
    assert_eq!(workers.call(0, pin_to, worker_cpu()), Ok(worker_cpu()));
    support::pin(0);
    workers
}

fn unpin() {
    let mut set = CpuSet::new();
    support::allowed().iter().for_each(|&cpu| set.set(cpu));
    sched_setaffinity(None, &set).expect("a process may have its CPUs back");
}

fn round_trip(criterion: &mut Criterion) {
    for (name, spin) in [("workers/round-trip", Duration::from_millis(5)), ("workers/asleep", Duration::ZERO)]
    {
        let mut group = criterion.benchmark_group(name);
        let workers = pinned(spin);
        group.bench_function(BenchmarkId::new("heddle", 1), |bencher| {
            let mut x = 0;
            bencher.iter(|| {
                x += 1;
                assert_eq!(workers.call(0, next, black_box(x)), Ok(x + 1));
            });
        });
        drop(workers);
        let mut echo = Echo::start();
        group.bench_function(BenchmarkId::new("pipe", 1), |bencher| {
            let mut x = 0;
            bencher.iter(|| {
                x += 1;
                assert_eq!(echo.call(black_box(x)), x + 1);
            });
        });
    }
}

fn windowed(criterion: &mut Criterion) {
    const WINDOW: usize = 16;
    let workers = pinned(Duration::from_millis(5));
    let mut group = criterion.benchmark_group("workers/windowed-16");
    group.bench_function(BenchmarkId::new("heddle", 1), |bencher| {
        bencher.iter_custom(|tasks| {
            let mut tickets = VecDeque::with_capacity(WINDOW);
            let started = Instant::now();
            let mut sum = 0;
            for x in 0..tasks {
                if tickets.len() == WINDOW {
                    sum +=
                        workers.wait(tickets.pop_front().expect("a full window"), None).expect("an answer");
                }
                tickets.push_back(workers.submit(0, next, x).expect("room in the window"));
            }
            sum +=
                tickets.into_iter().map(|ticket| workers.wait(ticket, None).expect("an answer")).sum::<u64>();
            let elapsed = started.elapsed();
            assert_eq!(sum, tasks * (tasks + 1) / 2);
            elapsed
        });
    });
}

fn cold_start(criterion: &mut Criterion) {
    unpin();
    let mut group = criterion.benchmark_group("workers/cold-start");
    group.bench_function(BenchmarkId::new("heddle", 1), |bencher| {
        bencher.iter_custom(|starts| {
            let mut elapsed = Duration::ZERO;
            for x in 0..starts {
                let started = Instant::now();
                let workers = Workers::start(1).expect("a worker");
                assert_eq!(workers.call(0, next, x), Ok(x + 1));
                elapsed += started.elapsed();
            }
            elapsed
        });
    });
    group.bench_function(BenchmarkId::new("posix-spawn", 1), |bencher| {
        bencher.iter(|| assert!(Command::new("/bin/true").status().expect("it starts").success()));
    });
}

/// A process that answers through a pair of pipes.
struct Echo {
    to: PipeWriter,
    from: PipeReader,
    workers: Option<Workers>,
}

impl Echo {
    fn start() -> Echo {
        // The process itself is a worker, with one task that never returns by itself.
        let workers = pinned(Duration::ZERO);
        let (theirs_in, to) = std::io::pipe().expect("a pipe");
        let (from, theirs_out) = std::io::pipe().expect("a pipe");
        let fds = [theirs_in.as_raw_fd(), theirs_out.as_raw_fd(), std::process::id() as i32];
        drop(workers.submit(0, echo, fds).expect("room"));
        let mut echo = Echo { to, from, workers: Some(workers) };
        assert_eq!(echo.call(1), 2, "the other side has its ends");
        echo
    }

    fn call(&mut self, x: u64) -> u64 {
        let mut answer = [0; 8];
        self.to.write_all(&x.to_ne_bytes()).expect("the pipe is open");
        self.from.read_exact(&mut answer).expect("the pipe is open");
        u64::from_ne_bytes(answer)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let workers = self.workers.take().expect("taken only here");
        workers.kill(0).expect("a process may kill its child");
    }
}

fn echo([input, output, parent]: [i32; 3]) -> u64 {
    let open = |fd: i32, write: bool| {
        std::fs::OpenOptions::new().read(!write).write(write).open(format!("/proc/{parent}/fd/{fd}"))
    };
    let mut input = open(input, false).expect("the parent holds it");
    let mut output = open(output, true).expect("the parent holds it");
    let mut bytes = [0; 8];
    while input.read_exact(&mut bytes).is_ok() {
        let answer = next(u64::from_ne_bytes(bytes));
        if output.write_all(&answer.to_ne_bytes()).is_err() {
            break;
        }
    }
    0
}

criterion_group!(benches, round_trip, windowed, cold_start);
criterion_main!(benches);
