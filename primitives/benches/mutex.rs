//! A mutex alone and under contention, beside std's and parking_lot's; one loop body for all.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "no peers under a checker"))]
#![allow(clippy::disallowed_types, reason = "std's mutex is a peer")]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use std::cell::Cell;
    use std::time::Duration;

    trait Lock: Sync + Default {
        const VARIANT: &str;
        fn with<R>(&self, f: impl FnOnce(&mut u64) -> R) -> R;
    }

    impl Lock for heddle_primitives::Mutex<u64> {
        const VARIANT: &str = "heddle";

        #[inline(always)]
        fn with<R>(&self, f: impl FnOnce(&mut u64) -> R) -> R {
            f(&mut self.lock())
        }
    }

    impl Lock for std::sync::Mutex<u64> {
        const VARIANT: &str = "std";

        #[inline(always)]
        fn with<R>(&self, f: impl FnOnce(&mut u64) -> R) -> R {
            f(&mut self.lock().unwrap())
        }
    }

    impl Lock for parking_lot::Mutex<u64> {
        const VARIANT: &str = "parking_lot";

        #[inline(always)]
        fn with<R>(&self, f: impl FnOnce(&mut u64) -> R) -> R {
            f(&mut self.lock())
        }
    }

    fn uncontended<L: Lock>(c: &mut Criterion) {
        support::pin(0);
        c.benchmark_group("mutex/uncontended").bench_function(BenchmarkId::new(L::VARIANT, 1), |b| {
            let lock = L::default();
            let calls = Cell::new(0);
            b.iter_custom(|iterations| {
                calls.set(calls.get() + iterations);
                let start = std::time::Instant::now();
                for _ in 0..iterations {
                    std::hint::black_box(&lock).with(|count| *count += 1);
                }
                start.elapsed()
            });
            assert_eq!(lock.with(|count| *count), calls.get());
        });
    }

    /// The time of a round in which one of the `members` gets the lock, works `inside` and then `outside` of it, each in ns.
    fn contended<L: Lock>(c: &mut Criterion, members: usize, inside: u64, outside: u64) {
        let group = format!("mutex/contended-{inside}-{outside}");
        let (inside, outside) = (support::steps(inside), support::steps(outside));
        let shares = Cell::new((0.0, 0_u32));
        let cpu = Cell::new((Duration::ZERO, 0_u64));
        c.benchmark_group(&group).bench_function(BenchmarkId::new(L::VARIANT, members), |b| {
            b.iter_custom(|iterations| {
                let lock = L::default();
                let (time, turns) = support::team(members, |_| {
                    let mut done = 0;
                    while lock.with(|count| {
                        let go_on = *count < iterations;
                        *count += u64::from(go_on);
                        support::work(inside);
                        go_on
                    }) {
                        done += 1;
                        support::work(outside);
                    }
                    done
                });
                assert_eq!(lock.with(|count| *count), iterations);
                assert_eq!(turns.iter().map(|turn| turn.done).sum::<u64>(), iterations);
                if iterations >= 10_000 {
                    let done = || turns.iter().map(|turn| turn.done as f64);
                    let share = done().fold(f64::MAX, f64::min) / done().fold(0.0, f64::max);
                    shares.set((shares.get().0 + share, shares.get().1 + 1));
                    let used: Duration = turns.iter().map(|turn| turn.cpu).sum();
                    cpu.set((cpu.get().0 + used, cpu.get().1 + iterations));
                }
                time
            });
        });
        let workers = members as u32;
        let ((share, samples), (used, rounds)) = (shares.get(), cpu.get());
        if samples > 0 {
            support::extra(
                &group,
                L::VARIANT,
                workers,
                "share",
                "min/max",
                "higher",
                share / f64::from(samples),
            );
            let ns = used.as_nanos() as f64 / rounds as f64;
            support::extra(&group, L::VARIANT, workers, "cpu-time", "ns", "lower", ns);
        }
    }

    fn all<L: Lock>(c: &mut Criterion) {
        uncontended::<L>(c);
        for ns in [0, 50, 500] {
            contended::<L>(c, 2, ns, ns);
        }
        contended::<L>(c, 4, 50, 50);
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<heddle_primitives::Mutex<u64>>(&mut c);
        all::<std::sync::Mutex<u64>>(&mut c);
        all::<parking_lot::Mutex<u64>>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
