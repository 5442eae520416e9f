//! Time of one run of each kernel under each model, and under the programs one would write by hand or with rayon.
//!
//! Identifiers are `<kernel>/<size>/<variant>/<workers>`. Every answer is compared with the first one of its cell, the
//! data is verified at the end. Members have a CPU each as long as there are enough. Up to medium size the answer must equal that of the sequential model bit by bit.

mod peers;
#[path = "../../primitives/benches/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode};
use heddle_kernels::kernel::{Kernel, Size};
use heddle_kernels::{Job, Model};
use peers::{Peer, Peers};
use regex::Regex;
use zerocopy::IntoBytes;

/// One cell: what runs, and with how many workers.
#[derive(Clone, Copy)]
struct Cell {
    size: Size,
    workers: usize,
    variant: Variant,
}

#[derive(Clone, Copy)]
enum Variant {
    Model(Model),
    Peer(Peer),
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Variant::Model(model) => model.name(),
            Variant::Peer(peer) => peer.name(),
        }
    }
}

/// Workers of a parallel cell: the cores for what computes, many for what waits.
fn workers<K: Kernel>(size: Size, cores: usize) -> usize {
    match (K::NAME, size) {
        ("echo", Size::Small) => 16,
        ("echo", _) => 100,
        _ => cores,
    }
}

/// The cells of a kernel.
fn cells<K: Peers>(cores: usize) -> Vec<Cell> {
    let mut cells = Vec::new();
    for size in [Size::Small, Size::Medium, Size::Large] {
        let mut push = |variant, workers| cells.push(Cell { size, workers, variant });
        let most = workers::<K>(size, cores);
        for model in Model::ALL {
            let counts: &[usize] = match model {
                Model::Sequential => &[1],
                Model::ThreadPool | Model::ProcessPool if size == Size::Medium && most == cores => {
                    &[1, cores, 2 * cores]
                }
                Model::Hybrid if most == cores && cores.is_multiple_of(2) => &[cores, 2 * cores],
                Model::Hybrid if most == cores => &[2 * cores],
                _ => &[most],
            };
            let mut counts = counts.to_vec();
            counts.dedup();
            counts.into_iter().for_each(|count| push(Variant::Model(model), count));
        }
        K::PEERS.iter().for_each(|peer| push(Variant::Peer(*peer), most));
    }
    cells
}

/// A cell made ready: data filled, pools waiting.
enum Ready<K: Peers> {
    Model(Job<K>),
    /// The job lends its memory, so that the peer works on the same kind of pages.
    Peer(Job<K>, peers::Prepared, u64),
}

impl<K: Peers> Ready<K> {
    fn new(cell: Cell) -> Ready<K> {
        let job = |model, workers| {
            let job = Job::<K>::new(model, K::params(cell.size), workers);
            let mut job = job.unwrap_or_else(|error| panic!("{error}"));
            job.pin();
            job
        };
        match cell.variant {
            Variant::Model(model) => Ready::Model(job(model, cell.workers)),
            Variant::Peer(peer) => Ready::Peer(job(Model::Sequential, 1), peer.prepare(cell.workers), 0),
        }
    }

    fn run(&mut self) -> K::Output {
        match self {
            Ready::Model(job) => job.run().unwrap_or_else(|error| panic!("{error}")),
            Ready::Peer(job, prepared, runs) => {
                *runs += 1;
                let params = *job.params();
                K::run_peer(prepared, &params, &mut job.data())
            }
        }
    }

    fn verify(&mut self, output: &K::Output) {
        let result = match self {
            Ready::Model(job) => job.verify(output),
            Ready::Peer(job, _, runs) => {
                let params = *job.params();
                K::verify(&params, &mut job.data(), output, *runs)
            }
        };
        result.unwrap_or_else(|mismatch| panic!("wrong answer: {mismatch}"));
    }
}

/// Refuses a model's answer that differs from the sequential one in any bit.
fn check_against_sequential<K: Peers>(cell: Cell, output: &K::Output) {
    if cell.size > Size::Medium || K::NAME == "echo" || !matches!(cell.variant, Variant::Model(_)) {
        return;
    }
    let mut job = Job::<K>::new(Model::Sequential, K::params(cell.size), 1).expect("one worker");
    let expected = job.run().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(expected.as_bytes(), output.as_bytes(), "the answer differs from the sequential one");
}

/// Criterion's way: many runs, each answer compared with the first.
fn with_criterion<K: Peers>(criterion: &mut Criterion, cell: Cell) {
    let mut group = criterion.benchmark_group(format!("{}/{}", K::NAME, cell.size.name()));
    // Linear sampling would call a cell of 100 ms 55 times for 10 samples.
    group.sampling_mode(SamplingMode::Flat);
    let mut ready: Option<(Ready<K>, K::Output)> = None;
    group.bench_function(BenchmarkId::new(cell.variant.name(), cell.workers), |bencher| {
        let (ready, first) = ready.get_or_insert_with(|| {
            let mut ready = Ready::<K>::new(cell);
            let first = ready.run();
            (ready, first)
        });
        bencher.iter(|| {
            let output = ready.run();
            assert!(output.as_bytes() == first.as_bytes(), "two runs gave different answers");
            output
        });
    });
    group.finish();
    if let Some((mut ready, first)) = ready {
        ready.verify(&first);
        check_against_sequential::<K>(cell, &first);
    }
}

/// One timed run, after one to warm up unless that took over a second already.
fn once<K: Peers>(cell: Cell) {
    let mut ready = Ready::<K>::new(cell);
    let mut timed = || {
        let start = Instant::now();
        let output = ready.run();
        (start.elapsed(), output)
    };
    let (mut elapsed, output) = timed();
    if elapsed < Duration::from_secs(1) {
        let (again, second) = timed();
        assert!(output.as_bytes() == second.as_bytes(), "two runs gave different answers");
        elapsed = again;
    }
    ready.verify(&output);
    check_against_sequential::<K>(cell, &output);
    let group = format!("{}/{}", K::NAME, cell.size.name());
    let workers = u32::try_from(cell.workers).expect("few workers");
    support::extra(&group, cell.variant.name(), workers, "time", "ns", "lower", elapsed.as_nanos() as f64);
}

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // Before anything is pinned.
    support::allowed();
    let mut criterion = Criterion::default().configure_from_args();
    let filter = support::once().then(|| {
        let pattern = std::env::args().skip(1).rfind(|arg| !arg.starts_with('-')).unwrap_or_default();
        Regex::new(&pattern).unwrap_or_else(|error| panic!("the filter: {error}"))
    });
    macro_rules! visit {
        ($kernel:ty) => {
            for cell in cells::<$kernel>(cores) {
                support::unpin();
                let id = format!(
                    "{}/{}/{}/{}",
                    <$kernel>::NAME,
                    cell.size.name(),
                    cell.variant.name(),
                    cell.workers
                );
                match &filter {
                    Some(filter) if filter.is_match(&id) => once::<$kernel>(cell),
                    Some(_) => {}
                    None => with_criterion::<$kernel>(&mut criterion, cell),
                }
            }
        };
    }
    heddle_kernels::for_each_kernel!(visit);
    if filter.is_none() {
        criterion.final_summary();
    }
}
