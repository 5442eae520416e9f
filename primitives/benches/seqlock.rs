//! A sequence lock alone and against a writer, beside the `seqlock` crate's and std's readers-writer lock.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "no peers under a checker"))]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use heddle_primitives::sync::atomic::{AtomicBool, Ordering};

    /// Four words that a writer keeps equal.
    type Value = [u64; 4];

    trait Lock: Sync {
        const VARIANT: &str;
        fn new() -> Self;
        fn get(&self) -> Value;
        fn set(&self, value: Value);
    }

    impl Lock for heddle_primitives::SeqLock<Value> {
        const VARIANT: &str = "heddle";

        fn new() -> Self {
            Self::new([0; 4])
        }

        #[inline(always)]
        fn get(&self) -> Value {
            self.read()
        }

        #[inline(always)]
        fn set(&self, value: Value) {
            self.write(value);
        }
    }

    impl Lock for seqlock::SeqLock<Value> {
        const VARIANT: &str = "seqlock";

        fn new() -> Self {
            Self::new([0; 4])
        }

        #[inline(always)]
        fn get(&self) -> Value {
            self.read()
        }

        #[inline(always)]
        fn set(&self, value: Value) {
            *self.lock_write() = value;
        }
    }

    impl Lock for std::sync::RwLock<Value> {
        const VARIANT: &str = "std";

        fn new() -> Self {
            Self::new([0; 4])
        }

        #[inline(always)]
        fn get(&self) -> Value {
            *self.read().unwrap()
        }

        #[inline(always)]
        fn set(&self, value: Value) {
            *self.write().unwrap() = value;
        }
    }

    fn read<L: Lock>(c: &mut Criterion) {
        support::pin(0);
        c.benchmark_group("seqlock/read").bench_function(BenchmarkId::new(L::VARIANT, 1), |b| {
            let lock = L::new();
            lock.set([1; 4]);
            b.iter_custom(|iterations| {
                let mut sum = 0;
                let start = std::time::Instant::now();
                for _ in 0..iterations {
                    sum += std::hint::black_box(&lock).get()[3];
                }
                let time = start.elapsed();
                assert_eq!(sum, iterations);
                time
            });
        });
    }

    /// The time of a read while another thread writes, about once in a microsecond.
    fn read_write<L: Lock>(c: &mut Criterion) {
        const MEMBERS: usize = 2;
        let pause = support::steps(1_000);
        c.benchmark_group("seqlock/read-write").bench_function(BenchmarkId::new(L::VARIANT, MEMBERS), |b| {
            b.iter_custom(|iterations| {
                let lock = L::new();
                let done = AtomicBool::new(false);
                let (_, turns) = support::team(MEMBERS, |member| {
                    if member == 0 {
                        let mut last = 0;
                        let start = std::time::Instant::now();
                        for _ in 0..iterations {
                            let value = lock.get();
                            assert!(value.iter().all(|word| *word == value[0]), "torn: {value:?}");
                            assert!(value[0] >= last, "the value went back");
                            last = value[0];
                        }
                        let time = start.elapsed();
                        done.store(true, Ordering::Relaxed);
                        return time.as_nanos() as u64;
                    }
                    let mut written = 0;
                    while !done.load(Ordering::Relaxed) {
                        written += 1;
                        lock.set([written; 4]);
                        support::work(pause);
                    }
                    assert_eq!(lock.get(), [written; 4]);
                    written
                });
                std::time::Duration::from_nanos(turns[0].done)
            });
        });
    }

    fn all<L: Lock>(c: &mut Criterion) {
        read::<L>(c);
        read_write::<L>(c);
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<heddle_primitives::SeqLock<Value>>(&mut c);
        all::<seqlock::SeqLock<Value>>(&mut c);
        all::<std::sync::RwLock<Value>>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
