//! A work-stealing deque beside crossbeam-deque's: what the owner pays, and what a steal costs.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
#[allow(clippy::disallowed_types, reason = "std's mutex hands two ends out, outside of what is timed")]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use heddle_primitives::deque;
    use heddle_primitives::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::hint::black_box;
    use std::sync::Mutex;
    use std::time::Instant;

    trait Deque: Send {
        const VARIANT: &str;
        type Stealer: Send;
        fn new() -> Self;
        fn push(&self, value: u64);
        fn pop(&self) -> Option<u64>;
        fn stealer(&self) -> Self::Stealer;
        fn steal(stealer: &Self::Stealer) -> Option<u64>;
    }

    impl Deque for deque::Worker<u64> {
        const VARIANT: &str = "heddle";
        type Stealer = deque::Stealer<u64>;

        fn new() -> Self {
            Self::new_lifo()
        }

        #[inline(always)]
        fn push(&self, value: u64) {
            self.push(value);
        }

        #[inline(always)]
        fn pop(&self) -> Option<u64> {
            self.pop()
        }

        fn stealer(&self) -> Self::Stealer {
            self.stealer()
        }

        #[inline(always)]
        fn steal(stealer: &Self::Stealer) -> Option<u64> {
            stealer.steal().success()
        }
    }

    impl Deque for crossbeam_deque::Worker<u64> {
        const VARIANT: &str = "crossbeam-deque";
        type Stealer = crossbeam_deque::Stealer<u64>;

        fn new() -> Self {
            Self::new_lifo()
        }

        #[inline(always)]
        fn push(&self, value: u64) {
            self.push(value);
        }

        #[inline(always)]
        fn pop(&self) -> Option<u64> {
            self.pop()
        }

        fn stealer(&self) -> Self::Stealer {
            self.stealer()
        }

        #[inline(always)]
        fn steal(stealer: &Self::Stealer) -> Option<u64> {
            stealer.steal().success()
        }
    }

    fn alone<D: Deque>(c: &mut Criterion) {
        support::pin(0);
        c.benchmark_group("deque/push-pop").bench_function(BenchmarkId::new(D::VARIANT, 1), |b| {
            let deque = D::new();
            b.iter_custom(|iterations| {
                let mut sum = 0_u64;
                let start = Instant::now();
                for n in 0..iterations {
                    black_box(&deque).push(n);
                    sum = sum.wrapping_add(black_box(&deque).pop().expect("it was just pushed"));
                }
                let time = start.elapsed();
                assert_eq!(sum, iterations.wrapping_mul(iterations.wrapping_sub(1)) / 2);
                time
            });
        });
        c.benchmark_group("deque/steal").bench_function(BenchmarkId::new(D::VARIANT, 1), |b| {
            b.iter_custom(|iterations| {
                let deque = D::new();
                let stealer = deque.stealer();
                (0..iterations).for_each(|n| deque.push(n));
                let mut sum = 0_u64;
                let start = Instant::now();
                for _ in 0..iterations {
                    sum = sum.wrapping_add(D::steal(black_box(&stealer)).expect("nobody else takes any"));
                }
                let time = start.elapsed();
                assert_eq!(sum, iterations.wrapping_mul(iterations.wrapping_sub(1)) / 2);
                time
            });
        });
        support::unpin();
    }

    /// The owner pushes three and pops two a turn, while a thief takes the rest.
    fn contended<D: Deque>(c: &mut Criterion) {
        c.benchmark_group("deque/owner-and-thief").bench_function(BenchmarkId::new(D::VARIANT, 2), |b| {
            b.iter_custom(|iterations| {
                let deque = D::new();
                let stealer = Mutex::new(Some(deque.stealer()));
                let deque = Mutex::new(Some(deque));
                let (done, sum) = (AtomicBool::new(false), AtomicU64::new(0));
                let pushes = iterations * 3;
                let (time, turns) = support::team(2, |n| {
                    let (mut own, mut taken) = (0_u64, 0);
                    let mut note = |value: u64| {
                        own = own.wrapping_add(value);
                        taken += 1;
                    };
                    if n == 0 {
                        let deque = deque.lock().unwrap().take().expect("there is one owner");
                        for n in 0..iterations {
                            (0..3).for_each(|m| deque.push(n * 3 + m));
                            (0..2).for_each(|_| _ = deque.pop().map(&mut note));
                        }
                        while let Some(value) = deque.pop() {
                            note(value);
                        }
                        done.store(true, Ordering::Release);
                    } else {
                        let stealer = stealer.lock().unwrap().take().expect("there is one thief");
                        while !done.load(Ordering::Acquire) {
                            _ = D::steal(&stealer).map(&mut note);
                        }
                    }
                    sum.fetch_add(own, Ordering::Relaxed);
                    taken
                });
                assert_eq!(turns.iter().map(|turn| turn.done).sum::<u64>(), pushes);
                assert_eq!(sum.into_inner(), (0..pushes).sum::<u64>());
                time
            });
        });
    }

    fn all<D: Deque>(c: &mut Criterion) {
        alone::<D>(c);
        contended::<D>(c);
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<deque::Worker<u64>>(&mut c);
        all::<crossbeam_deque::Worker<u64>>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
