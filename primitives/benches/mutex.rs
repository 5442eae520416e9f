//! A mutex and a fair one alone and under contention, beside std's and parking_lot's; one loop body for all.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "no peers under a checker"))]
#![allow(clippy::disallowed_types, reason = "std's mutex is a peer")]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use hdrhistogram::Histogram;
    use std::cell::Cell;
    use std::time::{Duration, Instant};

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

    impl Lock for heddle_primitives::FairMutex<u64> {
        const VARIANT: &str = "heddle-fair";

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

    impl Lock for parking_lot::FairMutex<u64> {
        const VARIANT: &str = "parking_lot-fair";

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
                let start = Instant::now();
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
            let (p999, longest) = patience::<L>(members, inside, outside);
            support::extra(&group, L::VARIANT, workers, "acquire-p99.9", "ns", "lower", p999);
            support::extra(&group, L::VARIANT, workers, "longest-run", "acquisitions", "lower", longest);
        }
    }

    /// How long an acquisition takes at worst but one in a thousand, and how often one member at most gets the lock while
    /// the others wait: a pass of its own, whose clock would disturb the other.
    fn patience<L: Lock>(members: usize, inside: u64, outside: u64) -> (f64, f64) {
        const PASS: Duration = Duration::from_millis(300);
        const RUN: u64 = (1 << 56) - 1;
        let all = std::sync::Mutex::new((Histogram::<u64>::new(2).expect("two digits are allowed"), 0));
        let lock = L::default();
        support::team(members, |n| {
            // The owner of the last acquisition, from 1, above the number of its acquisitions in a row.
            let me = (n as u64 + 1) << 56;
            let (mut own, mut longest, mut done) = (Histogram::<u64>::new(2).expect("as above"), 0, 0);
            let began = Instant::now();
            loop {
                let before = Instant::now();
                let (after, run) = lock.with(|last| {
                    let after = Instant::now();
                    *last = if *last & !RUN == me { *last + 1 } else { me | 1 };
                    support::work(inside);
                    (after, *last & RUN)
                });
                if after - began > PASS {
                    break;
                }
                own.record((after - before).as_nanos() as u64).expect("grows as it must");
                longest = longest.max(run);
                done += 1;
                support::work(outside);
            }
            let mut all = all.lock().unwrap();
            all.0.add(own).expect("of one kind");
            all.1 = all.1.max(longest);
            done
        });
        let (times, longest) = all.into_inner().unwrap();
        assert!(!times.is_empty() && longest > 0);
        (times.value_at_quantile(0.999) as f64, longest as f64)
    }

    fn all<L: Lock>(c: &mut Criterion) {
        uncontended::<L>(c);
        for members in [2, 4] {
            for (inside, outside) in [(0, 0), (50, 50), (50, 500), (500, 500)] {
                contended::<L>(c, members, inside, outside);
            }
        }
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<heddle_primitives::Mutex<u64>>(&mut c);
        all::<heddle_primitives::FairMutex<u64>>(&mut c);
        all::<std::sync::Mutex<u64>>(&mut c);
        all::<parking_lot::Mutex<u64>>(&mut c);
        all::<parking_lot::FairMutex<u64>>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
