//! What it costs to have a pool of processes do something: a trivial task one at a time, many of them by `map`, and tasks of several
//! lengths, one by one. The peer is procspawn's pool.
//!
//! The caller and a single worker are pinned to one CPU each, where there are two.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use heddle_ipc::pool::Pool;
use rustix::thread::{CpuSet, sched_setaffinity};

#[path = "../../primitives/benches/support/mod.rs"]
mod support;

/// How many tasks a `map` has.
const MANY: u64 = 100_000;

fn next(x: u64) -> u64 {
    x + 1
}

/// A task of so many nanoseconds.
fn busy(ns: u64) -> u64 {
    let until = Instant::now() + Duration::from_nanos(ns);
    while Instant::now() < until {}
    ns
}

fn pin_to(cpu: u64) -> u64 {
    let mut set = CpuSet::new();
    set.set(cpu as usize);
    sched_setaffinity(None, &set).expect("a process may pin itself");
    cpu
}

fn unpin() {
    let mut set = CpuSet::new();
    support::allowed().iter().for_each(|&cpu| set.set(cpu));
    sched_setaffinity(None, &set).expect("a process may have its CPUs back");
}

/// The CPU for a worker: the second that this program may use.
fn worker_cpu() -> u64 {
    let cpus = support::allowed();
    cpus[1 % cpus.len()] as u64
}

/// A pool of one worker on the second CPU; the caller on the first.
fn pinned(spin: Duration) -> Pool {
    // Started before the caller is pinned: a process inherits the CPUs that it may use, and does not spin if it is one.
    unpin();
    let pool = Pool::builder().processes(1).spin(spin).start().expect("a pool");
    assert_eq!(pool.apply(pin_to, worker_cpu()), Ok(worker_cpu()));
    support::pin(0);
    pool
}

fn round_trip(criterion: &mut Criterion) {
    for (name, spin) in [("pool/round-trip", Duration::from_millis(5)), ("pool/asleep", Duration::ZERO)] {
        let mut group = criterion.benchmark_group(name);
        let pool = pinned(spin);
        group.bench_function(BenchmarkId::new("heddle", 1), |bencher| {
            let mut x = 0;
            bencher.iter(|| {
                x += 1;
                assert_eq!(pool.apply(next, black_box(x)), Ok(x + 1));
            });
        });
        drop(pool);
        // It knows no spinning: the same row stands in both groups.
        let peer = peer();
        group.bench_function(BenchmarkId::new("procspawn", 1), |bencher| {
            let mut x = 0;
            bencher.iter(|| {
                x += 1;
                assert_eq!(
                    procspawn::spawn!(in peer, (black_box(x) => x) || next(x)).join().expect("it"),
                    x + 1
                );
            });
        });
        peer.shutdown();
    }
}

/// procspawn's pool of one process, on the second CPU.
fn peer() -> procspawn::Pool {
    unpin();
    let peer = procspawn::Pool::new(1).expect("a pool");
    let pinned = procspawn::spawn!(in peer, (worker_cpu() => cpu) || pin_to(cpu)).join();
    assert_eq!(pinned.expect("a result"), worker_cpu());
    support::pin(0);
    peer
}

fn map(criterion: &mut Criterion) {
    let expected: Vec<u64> = (1..=MANY).collect();
    for (name, chunk) in [("pool/map", None), ("pool/map-one-by-one", Some(1)), ("pool/map-by-16", Some(16))]
    {
        let pool = pinned(Duration::from_millis(5));
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(MANY));
        group.bench_function(BenchmarkId::new("heddle", 1), |bencher| {
            bencher.iter(|| {
                let results = match chunk {
                    None => pool.map(next, black_box(0..MANY)),
                    Some(chunk) => pool.map_chunked(next, black_box(0..MANY), chunk),
                };
                assert_eq!(results.expect("results"), expected);
            });
        });
    }
    let peer = peer();
    let mut group = criterion.benchmark_group("pool/spawn-64");
    group.throughput(Throughput::Elements(64));
    let pool = pinned(Duration::from_millis(5));
    group.bench_function(BenchmarkId::new("heddle", 1), |bencher| {
        bencher.iter(|| {
            let claims: Vec<_> = (0..64).map(|x| pool.apply_async(next, x).expect("a claim")).collect();
            let sum: u64 = claims.into_iter().map(|claim| claim.get().expect("a result")).sum();
            assert_eq!(sum, 64 * 65 / 2);
        });
    });
    drop(pool);
    group.bench_function(BenchmarkId::new("procspawn", 1), |bencher| {
        bencher.iter(|| {
            let claims: Vec<_> = (0..64).map(|x| procspawn::spawn!(in peer, (x => x) || next(x))).collect();
            let sum: u64 = claims.into_iter().map(|claim| claim.join().expect("a result")).sum();
            assert_eq!(sum, 64 * 65 / 2);
        });
    });
    peer.shutdown();
}

fn lengths(criterion: &mut Criterion) {
    const TASKS: u64 = 64;
    for (name, ns) in [("pool/task-1us", 1_000), ("pool/task-10us", 10_000), ("pool/task-100us", 100_000)] {
        unpin();
        let pool = Pool::new(2).expect("a pool");
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(TASKS));
        group.bench_function(BenchmarkId::new("heddle", 2), |bencher| {
            bencher.iter(|| {
                let results = pool.map_chunked(busy, (0..TASKS).map(|_| ns), 1).expect("results");
                assert_eq!(results.len() as u64, TASKS);
            });
        });
    }
}

criterion_group!(benches, round_trip, map, lengths);

fn main() {
    // procspawn's processes start here too, and must go no further.
    procspawn::init();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
