//! A reentrant mutex alone, nested and under contention, beside parking_lot's; one loop body for both.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "no peers under a checker"))]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use std::cell::Cell;
    use std::time::Instant;

    trait Lock: Sync + Default {
        const VARIANT: &str;
        fn with<R>(&self, f: impl FnOnce(&Cell<u64>) -> R) -> R;
    }

    impl Lock for heddle_primitives::ReentrantMutex<Cell<u64>> {
        const VARIANT: &str = "heddle";

        #[inline(always)]
        fn with<R>(&self, f: impl FnOnce(&Cell<u64>) -> R) -> R {
            f(&self.lock())
        }
    }

    impl Lock for parking_lot::ReentrantMutex<Cell<u64>> {
        const VARIANT: &str = "parking_lot";

        #[inline(always)]
        fn with<R>(&self, f: impl FnOnce(&Cell<u64>) -> R) -> R {
            f(&self.lock())
        }
    }

    /// The time of a lock and unlock; `nested` inside another lock of the same thread.
    fn alone<L: Lock>(c: &mut Criterion, group: &str, nested: bool) {
        support::pin(0);
        c.benchmark_group(group).bench_function(BenchmarkId::new(L::VARIANT, 1), |b| {
            let lock = L::default();
            let calls = Cell::new(0);
            let rounds = |iterations| {
                let start = Instant::now();
                for _ in 0..iterations {
                    std::hint::black_box(&lock).with(|count| count.set(count.get() + 1));
                }
                start.elapsed()
            };
            b.iter_custom(|iterations| {
                calls.set(calls.get() + iterations);
                if nested { lock.with(|_| rounds(iterations)) } else { rounds(iterations) }
            });
            assert_eq!(lock.with(Cell::get), calls.get());
        });
        support::unpin();
    }

    /// The time of a round in which one of the members gets the lock, works inside and then outside of it, each 50 ns.
    fn contended<L: Lock>(c: &mut Criterion, members: usize) {
        const GROUP: &str = "reentrant/contended-50-50";
        let steps = support::steps(50);
        let shares = Cell::new((0.0, 0_u32));
        c.benchmark_group(GROUP).bench_function(BenchmarkId::new(L::VARIANT, members), |b| {
            b.iter_custom(|iterations| {
                let lock = L::default();
                let (time, turns) = support::team(members, |_| {
                    let mut done = 0;
                    while lock.with(|count| {
                        let go_on = count.get() < iterations;
                        lock.with(|count| count.set(count.get() + u64::from(go_on)));
                        support::work(steps);
                        go_on
                    }) {
                        done += 1;
                        support::work(steps);
                    }
                    done
                });
                assert_eq!(lock.with(Cell::get), iterations);
                assert_eq!(turns.iter().map(|turn| turn.done).sum::<u64>(), iterations);
                if iterations >= 10_000 {
                    let done = || turns.iter().map(|turn| turn.done as f64);
                    let share = done().fold(f64::MAX, f64::min) / done().fold(0.0, f64::max);
                    shares.set((shares.get().0 + share, shares.get().1 + 1));
                }
                time
            });
        });
        let (share, samples) = shares.get();
        if samples > 0 {
            let share = share / f64::from(samples);
            support::extra(GROUP, L::VARIANT, members as u32, "share", "min/max", "higher", share);
        }
    }

    fn all<L: Lock>(c: &mut Criterion) {
        alone::<L>(c, "reentrant/uncontended", false);
        alone::<L>(c, "reentrant/nested", true);
        contended::<L>(c, 2);
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<heddle_primitives::ReentrantMutex<Cell<u64>>>(&mut c);
        all::<parking_lot::ReentrantMutex<Cell<u64>>>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
