//! Readers-writer locks alone, with two readers, and with a write in twenty operations, beside std's, parking_lot's and
//! crossbeam's; one loop body for all.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "no peers under a checker"))]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use heddle_primitives::CachePadded;
    use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
    use std::cell::Cell;

    trait Lock: Sync + Default {
        const VARIANT: &str;
        fn read<R>(&self, f: impl FnOnce(&u64) -> R) -> R;
        fn write<R>(&self, f: impl FnOnce(&mut u64) -> R) -> R;
    }

    macro_rules! lock {
        ($lock:ty, $variant:literal $(, $unwrap:ident)?) => {
            impl Lock for $lock {
                const VARIANT: &str = $variant;

                #[inline(always)]
                fn read<R>(&self, f: impl FnOnce(&u64) -> R) -> R {
                    f(&<$lock>::read(self)$(.$unwrap())?)
                }

                #[inline(always)]
                fn write<R>(&self, f: impl FnOnce(&mut u64) -> R) -> R {
                    f(&mut <$lock>::write(self)$(.$unwrap())?)
                }
            }
        };
    }

    lock!(heddle_primitives::RwLock<u64>, "heddle");
    lock!(heddle_primitives::ShardedRwLock<u64>, "heddle-sharded");
    lock!(std::sync::RwLock<u64>, "std", unwrap);
    lock!(parking_lot::RwLock<u64>, "parking_lot");
    lock!(crossbeam_utils::sync::ShardedLock<u64>, "crossbeam-utils", unwrap);

    /// One thread that reads or writes and finds the lock free.
    fn uncontended<L: Lock>(c: &mut Criterion) {
        support::pin(0);
        c.benchmark_group("rwlock/read").bench_function(BenchmarkId::new(L::VARIANT, 1), |b| {
            let lock = L::default();
            lock.write(|value| *value = 1);
            // A sharded lock takes its time to let readers enter themselves again.
            (0..10_000).for_each(|_| lock.read(|_| ()));
            b.iter_custom(|iterations| {
                let mut sum = 0;
                let start = std::time::Instant::now();
                for _ in 0..iterations {
                    sum += std::hint::black_box(&lock).read(|value| *value);
                }
                let time = start.elapsed();
                assert_eq!(sum, iterations);
                time
            });
        });
        c.benchmark_group("rwlock/write").bench_function(BenchmarkId::new(L::VARIANT, 1), |b| {
            let lock = L::default();
            let calls = Cell::new(0);
            b.iter_custom(|iterations| {
                calls.set(calls.get() + iterations);
                let start = std::time::Instant::now();
                for _ in 0..iterations {
                    std::hint::black_box(&lock).write(|value| *value += 1);
                }
                start.elapsed()
            });
            assert_eq!(lock.read(|value| *value), calls.get());
        });
    }

    /// The time in which each of two readers reads once and works `inside` ns.
    fn readers<L: Lock>(c: &mut Criterion, inside: u64) {
        const READERS: usize = 2;
        let group = format!("rwlock/readers-{inside}");
        let steps = support::steps(inside);
        c.benchmark_group(&group).bench_function(BenchmarkId::new(L::VARIANT, READERS), |b| {
            let lock = L::default();
            lock.write(|value| *value = 1);
            (0..10_000).for_each(|_| lock.read(|_| ()));
            b.iter_custom(|iterations| {
                let (time, turns) = support::team(READERS, |_| {
                    let mut sum = 0;
                    for _ in 0..iterations {
                        sum += lock.read(|value| {
                            support::work(steps);
                            *value
                        });
                    }
                    sum
                });
                assert!(turns.iter().all(|turn| turn.done == iterations));
                time
            });
        });
    }

    /// The time of an operation of the team, of which one in twenty writes.
    fn mixed<L: Lock>(c: &mut Criterion, members: usize) {
        const GROUP: &str = "rwlock/mixed-5";
        let steps = support::steps(50);
        let worst = Cell::new((0.0, 0_u32));
        c.benchmark_group(GROUP).bench_function(BenchmarkId::new(L::VARIANT, members), |b| {
            b.iter_custom(|iterations| {
                let lock = L::default();
                let written = CachePadded::new(AtomicU64::new(0));
                let (time, turns) = support::team(members, |member| {
                    let mut writes = 0;
                    let mut last = 0;
                    let share = iterations / members as u64;
                    let began = std::time::Instant::now();
                    for n in 0..share {
                        if (n + member as u64 * 7).is_multiple_of(20) {
                            lock.write(|value| {
                                *value += 1;
                                support::work(steps);
                            });
                            writes += 1;
                        } else {
                            let value = lock.read(|value| {
                                support::work(steps);
                                *value
                            });
                            assert!(value >= last, "the value went back");
                            last = value;
                        }
                        support::work(steps);
                    }
                    written.fetch_add(writes, Ordering::Relaxed);
                    began.elapsed().as_nanos() as u64
                });
                assert_eq!(lock.read(|value| *value), written.load(Ordering::Relaxed));
                if iterations >= 10_000 {
                    let first = turns.iter().map(|turn| turn.done as f64).fold(f64::MAX, f64::min);
                    let last = turns.iter().map(|turn| turn.done as f64).fold(0.0, f64::max);
                    worst.set((worst.get().0 + first / last, worst.get().1 + 1));
                }
                time
            });
        });
        let (share, samples) = worst.get();
        if samples > 0 {
            let share = share / f64::from(samples);
            support::extra(GROUP, L::VARIANT, members as u32, "share", "min/max", "higher", share);
        }
    }

    fn all<L: Lock>(c: &mut Criterion) {
        uncontended::<L>(c);
        for ns in [0, 50] {
            readers::<L>(c, ns);
        }
        for members in [2, 4] {
            mixed::<L>(c, members);
        }
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<heddle_primitives::RwLock<u64>>(&mut c);
        all::<heddle_primitives::ShardedRwLock<u64>>(&mut c);
        all::<std::sync::RwLock<u64>>(&mut c);
        all::<parking_lot::RwLock<u64>>(&mut c);
        all::<crossbeam_utils::sync::ShardedLock<u64>>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
