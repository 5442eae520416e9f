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
                let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
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

/// Cuts `0..leaves` into one contiguous range a thread.
fn blocks(leaves: usize, workers: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..workers).map(move |w| leaves * w / workers..leaves * (w + 1) / workers)
}

/// Elements of a leaf, which the kernels keep to themselves: the same shares as theirs.
fn share(len: usize, least: usize, most: usize) -> usize {
    (len / 64).clamp(least, most)
}

impl Peers for sum::Sum {
    const PEERS: &'static [Peer] = BOTH;

    fn run_peer(prepared: &Prepared, params: &sum::Params, data: &mut Regions<'_>) -> f64 {
        let isa = Isa::best();
        let leaf = share(params.len(), 512, sum::LEAF);
        let values: &[f64] = data.slice(0);
        match prepared {
            Prepared::Rayon(pool) => {
                // Ordered, so that two runs agree: collecting the leaves' sums costs rayon next to nothing.
                let sums: Vec<f64> =
                    pool.install(|| values.par_chunks(leaf).map(|leaf| sum::leaf_sum(isa, leaf)).collect());
                sums.iter().sum()
            }
            Prepared::Scoped(workers) => std::thread::scope(|scope| {
                let threads: Vec<_> = blocks(values.len().div_ceil(leaf), *workers)
                    .map(|range| {
                        let part = &values[range.start * leaf..(range.end * leaf).min(values.len())];
                        scope.spawn(move || {
                            part.chunks(leaf).map(|leaf| sum::leaf_sum(isa, leaf)).sum::<f64>()
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().expect("a summing thread")).sum()
            }),
        }
    }
}

impl Peers for triad::Triad {
    const PEERS: &'static [Peer] = BOTH;

    fn run_peer(prepared: &Prepared, params: &triad::Params, data: &mut Regions<'_>) -> u64 {
        let isa = Isa::best();
        let leaf = share(params.len(), 128, triad::LEAF);
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
                for ((a, b), c) in a.chunks_mut(block).zip(b.chunks(block)).zip(c.chunks(block)) {
                    scope.spawn(move || triad::leaf_triad(isa, a, b, c));
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
                std::thread::scope(|scope| {
                    let work = || {
                        let mut total = 0;
                        loop {
                            let next = rows.lock().expect("no row panics").next();
                            let Some((i, counts)) = next else { return total };
                            total += mandelbrot::row(isa, *params, i as u32, counts);
                        }
                    };
                    let threads: Vec<_> = (0..*workers).map(|_| scope.spawn(work)).collect();
                    threads.into_iter().map(|thread| thread.join().expect("a row")).sum()
                })
            }
        }
    }
}

/// Calls `count` with each worker's share of the keys.
fn deal(prepared: &Prepared, leaf: usize, keys: &[u8], count: impl Fn(&[u8]) + Sync) {
    match prepared {
        Prepared::Rayon(pool) => pool.install(|| keys.par_chunks(leaf).for_each(&count)),
        Prepared::Scoped(workers) => std::thread::scope(|scope| {
            for range in blocks(keys.len().div_ceil(leaf), *workers) {
                let part = &keys[range.start * leaf..(range.end * leaf).min(keys.len())];
                let count = &count;
                scope.spawn(move || part.chunks(leaf).for_each(count));
            }
        }),
    }
}

fn histogram_leaf(params: &histogram::Params) -> usize {
    share(params.len(), 8192, histogram::LEAF)
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
        deal(prepared, histogram_leaf(params), data.slice::<u8>(0), |keys| {
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
        deal(prepared, histogram_leaf(params), data.slice::<u8>(0), |keys| {
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
        let leaf = histogram_leaf(params);
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
            Prepared::Scoped(workers) => std::thread::scope(|scope| {
                let threads: Vec<_> = blocks(keys.len().div_ceil(leaf), *workers)
                    .map(|range| {
                        let part = &keys[range.start * leaf..(range.end * leaf).min(keys.len())];
                        scope.spawn(move || part.chunks(leaf).fold(zero(), count))
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().expect("a leaf")).fold(zero(), add)
            }),
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
        std::thread::scope(|scope| {
            (0..*workers).for_each(|_| {
                scope.spawn(|| client().unwrap_or_else(|error| panic!("an echo client: {error}")));
            });
        });
        let slots: &mut [u64] = data.slice(0);
        slots.iter_mut().zip(replies).for_each(|(slot, reply)| *slot = reply.into_inner());
        slots.iter().fold(0, |total: u64, reply| total.wrapping_add(*reply))
    }
}
