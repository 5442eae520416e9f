//! What one would write without this workspace: scoped threads by hand, and rayon.
//!
//! Peers use the same leaf functions and the same memory as the models, so that what differs is how the work is dealt out
//! and brought together.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "peers are written with the standard library, as their users would"
)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use heddle_kernels::Kernel;
use heddle_kernels::isa::Isa;
use heddle_kernels::kernel::{echo, histogram, mandelbrot, sum, triad};
use heddle_kernels::region::Regions;
use rayon::prelude::*;

use crate::support;

/// A peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// `std::thread::scope`, one thread a worker, spawned for each run.
    Scoped,
    /// rayon's parallel iterators on a pool of its own.
    Rayon,
}

/// A peer made ready.
pub enum Prepared {
    Scoped(usize),
    Rayon(rayon::ThreadPool),
}

impl Peer {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Scoped => "scoped",
            Peer::Rayon => "rayon",
        }
    }

    /// Starts what the peer keeps between runs.
    pub fn prepare(self, workers: usize) -> Prepared {
        match self {
            Peer::Scoped => Prepared::Scoped(workers),
            Peer::Rayon => {
                let mut pool = rayon::ThreadPoolBuilder::new().num_threads(workers);
                if workers <= support::allowed().len() {
                    pool = pool.start_handler(support::pin);
                }
                let pool = pool.build();
                Prepared::Rayon(pool.unwrap_or_else(|error| panic!("rayon's pool: {error}")))
            }
        }
    }
}

const BOTH: &[Peer] = &[Peer::Rayon, Peer::Scoped];

/// A kernel as peers write it.
pub trait Peers: Kernel {
    /// Those that have a version of it.
    const PEERS: &'static [Peer];

    /// One run by a peer.
    fn run_peer(prepared: &Prepared, params: &Self::Params, data: &mut Regions<'_>) -> Self::Output;
}

/// Keeps the calling thread on a CPU of its own, as the models' members are, if there are enough.
fn pin(worker: usize, workers: usize) {
    if workers <= support::allowed().len() {
        support::pin(worker);
    }
}

/// Runs `work` on `workers` threads spawned for the occasion.
fn scoped<T: Send>(workers: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let work = |worker| {
        pin(worker, workers);
        work(worker)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a worker that does not panic")).collect()
    })
}

/// The contiguous part of `values`, in whole leaves, that is one worker's.
fn part<T>(values: &[T], leaf: usize, worker: usize, workers: usize) -> &[T] {
    let leaves = values.len().div_ceil(leaf);
    let start = leaves * worker / workers * leaf;
    &values[start.min(values.len())..(leaves * (worker + 1) / workers * leaf).min(values.len())]
}

impl Peers for sum::Sum {
    const PEERS: &'static [Peer] = BOTH;

    fn run_peer(prepared: &Prepared, params: &sum::Params, data: &mut Regions<'_>) -> f64 {
        let isa = Isa::best();
        let leaf = params.leaf();
        let values: &[f64] = data.slice(0);
        match prepared {
            Prepared::Rayon(pool) => {
                // Ordered, so that two runs agree: collecting the leaves' sums costs rayon next to nothing.
                let sums: Vec<f64> =
                    pool.install(|| values.par_chunks(leaf).map(|leaf| sum::leaf_sum(isa, leaf)).collect());
                sums.iter().sum()
            }
            Prepared::Scoped(workers) => scoped(*workers, |worker| {
                let part = part(values, leaf, worker, *workers);
                part.chunks(leaf).map(|leaf| sum::leaf_sum(isa, leaf)).sum::<f64>()
            })
            .iter()
            .sum(),
        }
    }
}

impl Peers for triad::Triad {
    const PEERS: &'static [Peer] = BOTH;

    fn run_peer(prepared: &Prepared, params: &triad::Params, data: &mut Regions<'_>) -> u64 {
        let isa = Isa::best();
        let leaf = params.leaf();
        let [a, b, c] = data.slices::<f64, 3>([0, 1, 2]);
        match prepared {
            Prepared::Rayon(pool) => pool.install(|| {
                a.par_chunks_mut(leaf)
                    .zip(b.par_chunks(leaf))
                    .zip(c.par_chunks(leaf))
                    .for_each(|((a, b), c)| triad::leaf_triad(isa, a, b, c));
            }),
            Prepared::Scoped(workers) => std::thread::scope(|scope| {
                let block = a.len().div_ceil(*workers);
                let parts = a.chunks_mut(block).zip(b.chunks(block)).zip(c.chunks(block));
                for (worker, ((a, b), c)) in parts.enumerate() {
                    scope.spawn(move || {
                        pin(worker, *workers);
                        triad::leaf_triad(isa, a, b, c);
                    });
                }
            }),
        }
        params.len() as u64
    }
}

impl Peers for mandelbrot::Mandelbrot {
    const PEERS: &'static [Peer] = BOTH;

    fn run_peer(prepared: &Prepared, params: &mandelbrot::Params, data: &mut Regions<'_>) -> u64 {
        let isa = Isa::best();
        let side = params.side() as usize;
        let image: &mut [u16] = data.slice(0);
        match prepared {
            Prepared::Rayon(pool) => pool.install(|| {
                let rows = image.par_chunks_mut(side).enumerate();
                rows.map(|(i, counts)| mandelbrot::row(isa, *params, i as u32, counts)).sum()
            }),
            Prepared::Scoped(workers) => {
                let rows: Mutex<_> = Mutex::new(image.chunks_mut(side).enumerate());
                let totals = scoped(*workers, |_| {
                    let mut total = 0;
                    loop {
                        let next = rows.lock().expect("no row panics").next();
                        let Some((i, counts)) = next else { return total };
                        total += mandelbrot::row(isa, *params, i as u32, counts);
                    }
                });
                totals.into_iter().sum()
            }
        }
    }
}

/// Calls `count` with each worker's share of the keys.
fn deal(prepared: &Prepared, leaf: usize, keys: &[u8], count: impl Fn(&[u8]) + Sync) {
    match prepared {
        Prepared::Rayon(pool) => pool.install(|| keys.par_chunks(leaf).for_each(&count)),
        Prepared::Scoped(workers) => {
            scoped(*workers, |worker| part(keys, leaf, worker, *workers).chunks(leaf).for_each(&count));
        }
    }
}

fn finish(params: &histogram::Params, data: &mut Regions<'_>, table: impl Iterator<Item = u64>) -> u64 {
    let counts: &mut [u64] = data.slice(1);
    counts.iter_mut().zip(table).for_each(|(slot, count)| *slot = count);
    debug_assert_eq!(counts.iter().sum::<u64>(), params.len() as u64);
    counts.iter().sum()
}

impl Peers for histogram::Shared {
    const PEERS: &'static [Peer] = BOTH;

    fn run_peer(prepared: &Prepared, params: &histogram::Params, data: &mut Regions<'_>) -> u64 {
        let table = Mutex::new([0u64; histogram::BINS]);
        deal(prepared, params.leaf(), data.slice::<u8>(0), |keys| {
            for batch in keys.chunks(histogram::BATCH) {
                let mut table = table.lock().expect("counting does not panic");
                batch.iter().for_each(|key| table[usize::from(*key)] += 1);
            }
        });
        let table = table.into_inner().expect("counting does not panic");
        finish(params, data, table.into_iter())
    }
}

impl Peers for histogram::Atomic {
    const PEERS: &'static [Peer] = BOTH;

    fn run_peer(prepared: &Prepared, params: &histogram::Params, data: &mut Regions<'_>) -> u64 {
        let table = [const { AtomicU64::new(0) }; histogram::BINS];
        deal(prepared, params.leaf(), data.slice::<u8>(0), |keys| {
            for key in keys {
                table[usize::from(*key)].fetch_add(1, Ordering::Relaxed);
            }
        });
        finish(params, data, table.into_iter().map(AtomicU64::into_inner))
    }
}

impl Peers for histogram::Private {
    const PEERS: &'static [Peer] = BOTH;

    fn run_peer(prepared: &Prepared, params: &histogram::Params, data: &mut Regions<'_>) -> u64 {
        let leaf = params.leaf();
        let keys: &[u8] = data.slice(0);
        let zero = || [0u64; histogram::BINS];
        let add = |mut a: [u64; histogram::BINS], b: [u64; histogram::BINS]| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        let count = |mut table: [u64; histogram::BINS], keys: &[u8]| {
            histogram::count_leaf(keys, &mut table);
            table
        };
        let table = match prepared {
            Prepared::Rayon(pool) => {
                pool.install(|| keys.par_chunks(leaf).fold(zero, count).reduce(zero, add))
            }
            Prepared::Scoped(workers) => {
                scoped(*workers, |worker| part(keys, leaf, worker, *workers).chunks(leaf).fold(zero(), count))
                    .into_iter()
                    .fold(zero(), add)
            }
        };
        finish(params, data, table.into_iter())
    }
}

impl Peers for echo::Echo {
    const PEERS: &'static [Peer] = &[Peer::Scoped];

    fn run_peer(prepared: &Prepared, params: &echo::Params, data: &mut Regions<'_>) -> u64 {
        use std::io::{Read, Write};
        let Prepared::Scoped(workers) = prepared else { unreachable!("rayon has no echo") };
        let replies: Vec<AtomicU64> = (0..params.requests()).map(|_| AtomicU64::new(0)).collect();
        let next = AtomicUsize::new(0);
        let client = || -> std::io::Result<()> {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", params.port()))?;
            stream.set_nodelay(true)?;
            let mut reply = [0; echo::MESSAGE];
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(slot) = replies.get(i) else { return Ok(()) };
                stream.write_all(&echo::request(i))?;
                stream.read_exact(&mut reply)?;
                slot.store(echo::digest(&reply), Ordering::Relaxed);
            }
        };
        for result in scoped(*workers, |_| client()) {
            result.unwrap_or_else(|error| panic!("an echo client: {error}"));
        }
        let slots: &mut [u64] = data.slice(0);
        slots.iter_mut().zip(replies).for_each(|(slot, reply)| *slot = reply.into_inner());
        slots.iter().fold(0, |total: u64, reply| total.wrapping_add(*reply))
    }
}
