//! The bounded queue between many running threads, which never sleeps, beside its peers; one loop body for all.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use heddle_primitives::sync::hint;
    use heddle_primitives::sync::thread;

    const CAPACITY: usize = 1024;
    /// Failures in a row after which a thread yields: its partner may be waiting for the same CPU.
    const PATIENCE: u32 = 64;

    trait Queue: Sync {
        const VARIANT: &str;
        fn new(capacity: usize) -> Self;
        fn push(&self, value: u64) -> bool;
        fn pop(&self) -> Option<u64>;
    }

    impl Queue for heddle_primitives::ArrayQueue<u64> {
        const VARIANT: &str = "heddle";

        fn new(capacity: usize) -> Self {
            Self::new(capacity)
        }

        #[inline(always)]
        fn push(&self, value: u64) -> bool {
            self.push(value).is_ok()
        }

        #[inline(always)]
        fn pop(&self) -> Option<u64> {
            self.pop()
        }
    }

    impl Queue for crossbeam_queue::ArrayQueue<u64> {
        const VARIANT: &str = "crossbeam-queue";

        fn new(capacity: usize) -> Self {
            Self::new(capacity)
        }

        #[inline(always)]
        fn push(&self, value: u64) -> bool {
            self.push(value).is_ok()
        }

        #[inline(always)]
        fn pop(&self) -> Option<u64> {
            self.pop()
        }
    }

    impl Queue for concurrent_queue::ConcurrentQueue<u64> {
        const VARIANT: &str = "concurrent-queue";

        fn new(capacity: usize) -> Self {
            Self::bounded(capacity)
        }

        #[inline(always)]
        fn push(&self, value: u64) -> bool {
            self.push(value).is_ok()
        }

        #[inline(always)]
        fn pop(&self) -> Option<u64> {
            self.pop().ok()
        }
    }

    impl Queue for crossfire::flavor::Array<u64> {
        const VARIANT: &str = "crossfire";

        fn new(capacity: usize) -> Self {
            Self::new(capacity)
        }

        #[inline(always)]
        fn push(&self, value: u64) -> bool {
            crossfire::flavor::Queue::push(self, value).is_ok()
        }

        #[inline(always)]
        fn pop(&self) -> Option<u64> {
            crossfire::flavor::Queue::pop(self)
        }
    }

    #[inline(always)]
    fn until<R>(mut attempt: impl FnMut() -> Option<R>) -> R {
        let mut failures = 0;
        loop {
            if let Some(result) = attempt() {
                return result;
            }
            failures += 1;
            if failures % PATIENCE == 0 {
                thread::yield_now();
            } else {
                hint::spin_loop();
            }
        }
    }

    /// The time of a message while `pairs` producers send to as many consumers.
    fn throughput<Q: Queue>(c: &mut Criterion, pairs: usize) {
        let group = format!("array_queue/{pairs}x{pairs}");
        c.benchmark_group(group).bench_function(BenchmarkId::new(Q::VARIANT, 2 * pairs), |b| {
            support::in_bulk(b, 10_000, |messages| {
                let queue = Q::new(CAPACITY);
                // The first `messages % pairs` producers, and consumers, do one more.
                let share =
                    |n: usize| messages / pairs as u64 + u64::from((n as u64) < messages % pairs as u64);
                let (time, turns) = support::team(2 * pairs, |n| {
                    if n < pairs {
                        (0..share(n)).for_each(|i| until(|| queue.push(i).then_some(())));
                        0
                    } else {
                        (0..share(n - pairs)).fold(0, |sum, _| sum + until(|| queue.pop()))
                    }
                });
                let expected: u64 = (0..pairs).map(|n| share(n) * share(n).saturating_sub(1) / 2).sum();
                assert_eq!(turns.iter().map(|turn| turn.done).sum::<u64>(), expected);
                time
            });
        });
    }

    fn all<Q: Queue>(c: &mut Criterion) {
        throughput::<Q>(c, 1);
        throughput::<Q>(c, 2);
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<heddle_primitives::ArrayQueue<u64>>(&mut c);
        all::<crossbeam_queue::ArrayQueue<u64>>(&mut c);
        all::<concurrent_queue::ConcurrentQueue<u64>>(&mut c);
        all::<crossfire::flavor::Array<u64>>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
