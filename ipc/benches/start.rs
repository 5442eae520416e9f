//! What it costs to start a process, until it has answered for the first time: the executable anew, or by a zygote; a worker, which stays, or a process that
//! runs one function.
//!
//! The peers: `posix_spawn` of a program that does nothing, which is what there is of executing one, and `fork` of a small process, which is what
//! there is of copying one. The forking process is a small one of its own, since the program itself may have grown, and forks from a thread that
//! holds nothing.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use heddle_ipc::Workers;
use heddle_ipc::process::{Process, StartMethod, Stream};

#[path = "../../primitives/benches/support/mod.rs"]
mod support;

fn next(x: u64) -> u64 {
    x + 1
}

const METHODS: [(&str, StartMethod); 2] =
    [("heddle-spawn", StartMethod::Spawn), ("heddle-zygote", StartMethod::Zygote)];

/// From nothing to the first answer of a worker.
fn worker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("start/worker");
    for (name, method) in METHODS {
        group.bench_function(BenchmarkId::new(name, 1), |bencher| {
            bencher.iter_custom(|starts| {
                let mut elapsed = Duration::ZERO;
                for x in 0..starts {
                    let started = Instant::now();
                    let workers = Workers::builder().start_method(method).start().expect("a worker");
                    assert_eq!(workers.call(0, next, x), Ok(x + 1));
                    elapsed += started.elapsed();
                }
                elapsed
            });
        });
    }
    peers(&mut group);
}

/// From nothing to the end of a process that has run one function.
fn process(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("start/process");
    for (name, method) in METHODS {
        let builder = Process::builder().start_method(method);
        group.bench_function(BenchmarkId::new(name, 1), |bencher| {
            let mut x = 0;
            bencher.iter(|| {
                x += 1;
                assert_eq!(builder.spawn(next, x).expect("a process").join(), Ok(x + 1));
            });
        });
    }
    peers(&mut group);
}

fn peers(group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>) {
    group.bench_function(BenchmarkId::new("posix-spawn", 1), |bencher| {
        bencher.iter(|| assert!(Command::new("/bin/true").status().expect("it starts").success()));
    });
    // The same executable, which gives up before `main`: what there is of executing it.
    group.bench_function(BenchmarkId::new("posix-spawn-self", 1), |bencher| {
        bencher.iter(|| {
            let mut command = Command::new("/proc/self/exe");
            let status = command.env("HEDDLE_IPC_WORKER", "nobody").stderr(Stdio::null()).status();
            assert_eq!(status.expect("it starts").code(), Some(120));
        });
    });
    let mut forker = Forker::start();
    group.bench_function(BenchmarkId::new("fork", 1), |bencher| {
        bencher.iter_custom(|forks| forker.time(forks));
    });
}

/// A small process that forks, and tells how long that took.
struct Forker {
    to: PipeWriter,
    from: PipeReader,
    _process: Process<()>,
}

impl Forker {
    fn start() -> Forker {
        let mut process = Process::builder()
            .daemon(true)
            .stdin(Stream::Piped)
            .stdout(Stream::Piped)
            .spawn(serve_forks, ())
            .expect("a process");
        let (to, from) = (process.take_stdin().expect("piped"), process.take_stdout().expect("piped"));
        Forker { to, from, _process: process }
    }

    fn time(&mut self, forks: u64) -> Duration {
        let mut nanoseconds = [0; 8];
        self.to.write_all(&forks.to_ne_bytes()).expect("the pipe is open");
        self.from.read_exact(&mut nanoseconds).expect("the pipe is open");
        Duration::from_nanos(u64::from_ne_bytes(nanoseconds))
    }
}

/// Forks as often as it is told, waits for each child, and answers with the time.
fn serve_forks(_: ()) {
    let mut forks = [0; 8];
    while std::io::stdin().read_exact(&mut forks).is_ok() {
        let started = Instant::now();
        for _ in 0..u64::from_ne_bytes(forks) {
            // SAFETY: the child calls nothing but `_exit`.
            match unsafe { libc::fork() } {
                // SAFETY: always allowed.
                0 => unsafe { libc::_exit(0) },
                child => {
                    let mut status = 0;
                    // SAFETY: a valid place for the status.
                    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                    assert_eq!(status, 0);
                }
            }
        }
        let elapsed = started.elapsed().as_nanos() as u64;
        std::io::stdout().write_all(&elapsed.to_ne_bytes()).expect("the pipe is open");
        std::io::stdout().flush().expect("the pipe is open");
    }
}

/// From nothing to the first answer of each of 8 workers that are started together; and what an idle one of them takes of memory, its proportional share.
fn several(criterion: &mut Criterion) {
    const WORKERS: usize = 8;
    let mut group = criterion.benchmark_group("start/workers-8");
    for (name, method) in METHODS {
        // The routine is entered for each sample.
        let mut told = false;
        group.bench_function(BenchmarkId::new(name, WORKERS), |bencher| {
            let start = || {
                let workers =
                    Workers::builder().count(WORKERS).start_method(method).start().expect("workers");
                (0..WORKERS).for_each(|rank| assert_eq!(workers.call(rank, next, 1), Ok(2)));
                workers
            };
            let share = |pid: &u32| {
                let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("it lives");
                let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a share");
                line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number")
            };
            if !told {
                told = true;
                let mean = start().pids().iter().map(share).sum::<f64>() / WORKERS as f64;
                support::extra("start/workers-8", name, WORKERS as u32, "pss", "KiB", "lower", mean);
            }
            bencher.iter_custom(|rounds| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..rounds {
                    let started = Instant::now();
                    let workers = start();
                    elapsed += started.elapsed();
                    drop(workers);
                }
                elapsed
            });
        });
    }
}

criterion_group!(benches, worker, process, several);
criterion_main!(benches);
