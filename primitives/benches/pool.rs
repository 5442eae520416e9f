//! A pool of threads beside rayon and chili: what a join, a task, a call from outside and a loop cost.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use heddle_primitives::pool;
    use heddle_primitives::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::hint::black_box;
    use std::num::NonZero;
    use std::time::{Duration, Instant};

    const WORKERS: usize = 2;
    /// Tasks of a loop or a scope.
    const TASKS: u64 = 10_000;

    /// The operations that are compared. A thread of the pool runs `inside`, and gets what it needs to join.
    trait Pool: Sync + Sized {
        const VARIANT: &str;
        /// With so many threads, pinned to CPUs from the first on.
        fn new(workers: usize) -> Self;
        fn inside<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R;
        /// The time of `n` joins of nothing.
        fn joins(&self, n: u64) -> Duration;
        fn fib(&self, n: u64) -> u64;
    }

    /// What chili does not have.
    trait Loops: Pool {
        fn each(&self, items: &[u64], f: impl Fn(&u64) + Sync);
        fn spawn_each(&self, items: &[u64], f: impl Fn(&u64) + Sync);
        fn sum(&self, items: &[u64]) -> u64;
    }

    /// `n` joins of nothing; each changes what it is given, so that none can be left out.
    macro_rules! joins {
        ($n:ident, $a:ident, $b:ident, $join:expr) => {{
            let (mut left, mut right) = (0_u64, 0_u64);
            let start = Instant::now();
            for _ in 0..$n {
                let ($a, $b) = (black_box(&mut left), black_box(&mut right));
                $join;
            }
            let time = start.elapsed();
            assert_eq!((left, right), ($n, $n));
            time
        }};
    }

    struct Ours(pool::ThreadPool);

    impl Pool for Ours {
        const VARIANT: &str = "heddle";

        fn new(workers: usize) -> Self {
            let builder = pool::ThreadPoolBuilder::new().num_threads(workers);
            Self(builder.start_handler(support::pin).build().unwrap())
        }

        fn inside<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
            self.0.install(f)
        }

        fn joins(&self, n: u64) -> Duration {
            self.inside(|| joins!(n, a, b, pool::join(|| *a += 1, || *b += 1)))
        }

        fn fib(&self, n: u64) -> u64 {
            fn fib(n: u64) -> u64 {
                if n < 2 {
                    return n;
                }
                let (a, b) = pool::join(|| fib(n - 1), || fib(n - 2));
                a + b
            }
            self.inside(|| fib(n))
        }
    }

    impl Loops for Ours {
        fn each(&self, items: &[u64], f: impl Fn(&u64) + Sync) {
            self.0.for_each_chunk(items, 1, |_, items| items.iter().for_each(&f));
        }

        fn spawn_each(&self, items: &[u64], f: impl Fn(&u64) + Sync) {
            let f = &f;
            self.0.scope(|s| items.iter().for_each(|item| s.spawn(move |_| f(item))));
        }

        fn sum(&self, items: &[u64]) -> u64 {
            self.0.map_reduce(items, || 0, |n| *n, |a, b| a + b)
        }
    }

    struct Rayon(rayon::ThreadPool);

    impl Pool for Rayon {
        const VARIANT: &str = "rayon";

        fn new(workers: usize) -> Self {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(workers);
            Self(builder.start_handler(support::pin).build().unwrap())
        }

        fn inside<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
            self.0.install(f)
        }

        fn joins(&self, n: u64) -> Duration {
            self.inside(|| joins!(n, a, b, rayon::join(|| *a += 1, || *b += 1)))
        }

        fn fib(&self, n: u64) -> u64 {
            fn fib(n: u64) -> u64 {
                if n < 2 {
                    return n;
                }
                let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
                a + b
            }
            self.inside(|| fib(n))
        }
    }

    impl Loops for Rayon {
        fn each(&self, items: &[u64], f: impl Fn(&u64) + Sync) {
            use rayon::prelude::*;
            self.inside(|| items.par_iter().with_max_len(1).for_each(&f));
        }

        fn spawn_each(&self, items: &[u64], f: impl Fn(&u64) + Sync) {
            let f = &f;
            self.0.scope(|s| items.iter().for_each(|item| s.spawn(move |_| f(item))));
        }

        fn sum(&self, items: &[u64]) -> u64 {
            use rayon::prelude::*;
            self.inside(|| items.par_iter().sum())
        }
    }

    /// chili's threads cannot be pinned; the caller takes part, pinned as the others' first worker is.
    struct Chili(chili::ThreadPool);

    impl Pool for Chili {
        const VARIANT: &str = "chili";

        fn new(workers: usize) -> Self {
            let config = chili::Config { thread_count: NonZero::new(workers - 1), ..Default::default() };
            Self(chili::ThreadPool::with_config(config))
        }

        fn inside<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
            f()
        }

        fn joins(&self, n: u64) -> Duration {
            let mut scope = self.0.scope();
            joins!(n, a, b, scope.join(|_| *a += 1, |_| *b += 1))
        }

        fn fib(&self, n: u64) -> u64 {
            fn fib(n: u64, scope: &mut chili::Scope<'_>) -> u64 {
                if n < 2 {
                    return n;
                }
                let (a, b) = scope.join(|s| fib(n - 1, s), |s| fib(n - 2, s));
                a + b
            }
            fib(n, &mut self.0.scope())
        }
    }

    /// Calls something for each item.
    type Each<'a> = &'a dyn Fn(&[u64], &(dyn Fn(&u64) + Sync));

    fn bench(c: &mut Criterion, group: &str, variant: &str, time: impl FnMut(u64) -> Duration) {
        bench_with(c, group, variant, WORKERS, time);
    }

    fn bench_with(
        c: &mut Criterion,
        group: &str,
        variant: &str,
        workers: usize,
        mut time: impl FnMut(u64) -> Duration,
    ) {
        c.benchmark_group(group)
            .bench_function(BenchmarkId::new(variant, workers), |b| b.iter_custom(&mut time));
    }

    fn timed(iterations: u64, mut f: impl FnMut()) -> Duration {
        let start = Instant::now();
        (0..iterations).for_each(|_| f());
        start.elapsed()
    }

    fn joins<P: Pool>(c: &mut Criterion) {
        let pool = P::new(WORKERS);
        bench(c, "pool/join-empty", P::VARIANT, |n| pool.joins(n));
        bench(c, "pool/fib-30", P::VARIANT, |n| timed(n, || assert_eq!(pool.fib(black_box(30)), 832_040)));
    }

    /// Calls from outside: the caller shares a CPU with one of two workers, and has one to itself beside one.
    fn enter<P: Loops>(c: &mut Criterion) {
        for workers in [1, WORKERS] {
            let pool = P::new(workers);
            bench_with(c, "pool/enter", P::VARIANT, workers, |n| {
                let calls = AtomicUsize::new(0);
                let time = timed(n, || pool.inside(|| _ = calls.fetch_add(1, Ordering::Relaxed)));
                assert_eq!(calls.into_inner() as u64, n);
                time
            });
        }
    }

    fn loops<P: Loops>(c: &mut Criterion) {
        let pool = P::new(WORKERS);
        let items: Vec<u64> = (0..TASKS).collect();
        let total = TASKS * (TASKS - 1) / 2;
        // A task in two adds one to a counter of its own: they share no line, and each is seen to have run.
        let check = |each: Each<'_>| {
            let sums: [heddle_primitives::CachePadded<AtomicU64>; 64] =
                std::array::from_fn(|_| AtomicU64::new(0).into());
            each(&items, &|n| _ = sums[(*n % 64) as usize].fetch_add(*n, Ordering::Relaxed));
            assert_eq!(sums.iter().map(|sum| sum.load(Ordering::Relaxed)).sum::<u64>(), total);
        };
        // The time of one task: of a loop over many, divided.
        let per_task = |n: u64, each: Each<'_>| {
            check(each);
            let loops = n.div_ceil(TASKS);
            let time = timed(loops, || each(&items, &|n| _ = black_box(n)));
            time.mul_f64(n as f64 / (loops * TASKS) as f64)
        };
        bench(c, "pool/dispatch", P::VARIANT, |n| per_task(n, &|items, f| pool.each(items, f)));
        bench(c, "pool/scope-spawn", P::VARIANT, |n| per_task(n, &|items, f| pool.spawn_each(items, f)));
        let numbers: Vec<u64> = (0..1_000_000).collect();
        bench(c, "pool/sum-1m", P::VARIANT, |n| {
            timed(n, || assert_eq!(pool.sum(black_box(&numbers)), 499_999_500_000))
        });
    }

    fn sequential(c: &mut Criterion) {
        let numbers: Vec<u64> = (0..1_000_000).collect();
        c.benchmark_group("pool/sum-1m").bench_function(BenchmarkId::new("sequential", 1), |b| {
            b.iter(|| assert_eq!(black_box(&numbers).iter().sum::<u64>(), 499_999_500_000));
        });
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        joins::<Ours>(&mut c);
        joins::<Rayon>(&mut c);
        joins::<Chili>(&mut c);
        enter::<Ours>(&mut c);
        enter::<Rayon>(&mut c);
        loops::<Ours>(&mut c);
        loops::<Rayon>(&mut c);
        sequential(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
