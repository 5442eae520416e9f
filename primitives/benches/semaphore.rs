//! A semaphore alone, under contention and as a signal, beside POSIX's.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "no peers under a checker"))]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use std::cell::Cell;
    use std::mem::MaybeUninit;
    use std::time::Duration;

    trait Permits: Sync {
        const VARIANT: &str;
        fn new(permits: u32) -> Self;
        fn acquire(&self);
        fn release(&self);
        fn available(&self) -> u32;
    }

    impl Permits for heddle_primitives::Semaphore {
        const VARIANT: &str = "heddle";

        fn new(permits: u32) -> Self {
            heddle_primitives::Semaphore::new(permits)
        }

        #[inline(always)]
        fn acquire(&self) {
            self.acquire().forget();
        }

        #[inline(always)]
        fn release(&self) {
            self.release(1);
        }

        fn available(&self) -> u32 {
            self.available_permits()
        }
    }

    /// glibc's, for the threads of this process; on the heap, since it must not move.
    struct Posix(*mut libc::sem_t);

    // SAFETY: what `sem_t` is for.
    unsafe impl Sync for Posix {}

    impl Drop for Posix {
        fn drop(&mut self) {
            // SAFETY: initialised in `new`, and nobody uses it any more.
            unsafe { libc::sem_destroy(self.0) };
            // SAFETY: from a box in `new`, of a type with the same layout.
            drop(unsafe { Box::<MaybeUninit<libc::sem_t>>::from_raw(self.0.cast()) });
        }
    }

    impl Permits for Posix {
        const VARIANT: &str = "sem_t";

        fn new(permits: u32) -> Self {
            let semaphore = Self(Box::into_raw(Box::new(MaybeUninit::<libc::sem_t>::uninit())).cast());
            // SAFETY: room for a semaphore, which does not move.
            let result = unsafe { libc::sem_init(semaphore.0, 0, permits) };
            assert_eq!(result, 0);
            semaphore
        }

        #[inline(always)]
        fn acquire(&self) {
            // SAFETY: initialised in `new`.
            while unsafe { libc::sem_wait(self.0) } != 0 {}
        }

        #[inline(always)]
        fn release(&self) {
            // SAFETY: as above.
            let result = unsafe { libc::sem_post(self.0) };
            debug_assert_eq!(result, 0);
        }

        fn available(&self) -> u32 {
            let mut value = 0;
            // SAFETY: as above, and a place for the value.
            unsafe { libc::sem_getvalue(self.0, &raw mut value) };
            value as u32
        }
    }

    fn uncontended<P: Permits>(c: &mut Criterion) {
        support::pin(0);
        c.benchmark_group("semaphore/uncontended").bench_function(BenchmarkId::new(P::VARIANT, 1), |b| {
            let semaphore = P::new(3);
            b.iter(|| {
                let semaphore = std::hint::black_box(&semaphore);
                semaphore.acquire();
                semaphore.release();
            });
            assert_eq!(semaphore.available(), 3);
        });
        support::unpin();
    }

    /// A lock of one permit: the time of a round in which one of the `members` gets it, works `ns` inside and as long outside.
    fn contended<P: Permits>(c: &mut Criterion, members: usize, ns: u64) {
        let group = format!("semaphore/contended-{ns}-{ns}");
        let steps = support::steps(ns);
        c.benchmark_group(&group).bench_function(BenchmarkId::new(P::VARIANT, members), |b| {
            b.iter_custom(|iterations| {
                let semaphore = P::new(1);
                let each = iterations.div_ceil(members as u64);
                let (time, turns) = support::team(members, |_| {
                    for _ in 0..each {
                        semaphore.acquire();
                        support::work(steps);
                        semaphore.release();
                        support::work(steps);
                    }
                    each
                });
                assert_eq!(semaphore.available(), 1);
                assert_eq!(turns.iter().map(|turn| turn.done).sum::<u64>(), each * members as u64);
                time
            });
        });
    }

    /// To and fro with two semaphores: the time of a round trip.
    fn ping_pong<P: Permits>(c: &mut Criterion) {
        const GROUP: &str = "semaphore/ping-pong";
        let used = Cell::new((Duration::ZERO, 0_u64));
        c.benchmark_group(GROUP).bench_function(BenchmarkId::new(P::VARIANT, 2), |b| {
            b.iter_custom(|iterations| {
                let semaphores = [P::new(1), P::new(0)];
                let (time, turns) = support::team(2, |n| {
                    for _ in 0..iterations {
                        semaphores[n].acquire();
                        semaphores[1 - n].release();
                    }
                    iterations
                });
                assert_eq!((semaphores[0].available(), semaphores[1].available()), (1, 0));
                let cpu: Duration = turns.iter().map(|turn| turn.cpu).sum();
                used.set((used.get().0 + cpu, used.get().1 + iterations));
                time
            });
        });
        let (cpu, rounds) = used.get();
        if rounds > 0 {
            let ns = cpu.as_nanos() as f64 / rounds as f64;
            support::extra(GROUP, P::VARIANT, 2, "cpu-time", "ns", "lower", ns);
        }
    }

    fn all<P: Permits>(c: &mut Criterion) {
        uncontended::<P>(c);
        contended::<P>(c, 2, 50);
        contended::<P>(c, 4, 50);
        ping_pong::<P>(c);
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<heddle_primitives::Semaphore>(&mut c);
        all::<Posix>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
