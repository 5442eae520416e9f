//! A phase of a barrier between two running threads, beside std's and hurdles'.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

    /// `wait` waits at the barrier as member n and says whether that member leads.
    fn phase<B>(
        c: &mut Criterion,
        (group, members): (&str, usize),
        variant: &str,
        new: impl Fn(usize) -> Vec<B>,
        wait: impl Fn(&B) -> bool + Sync,
    ) where
        B: Send + Sync,
    {
        let cpu = |n| if group == "barrier/one-cpu" { 0 } else { n };
        c.benchmark_group(group).bench_function(BenchmarkId::new(variant, members), |b| {
            b.iter_custom(|iterations| {
                let (handles, leaders) = (new(members), AtomicU64::new(0));
                let (time, _) = support::team_on(cpu, members, |n| {
                    let mut led = 0;
                    for _ in 0..iterations {
                        led += u64::from(wait(&handles[n]));
                    }
                    leaders.fetch_add(led, Ordering::Relaxed);
                    iterations
                });
                assert_eq!(leaders.load(Ordering::Relaxed), iterations, "one leader a phase");
                time
            });
        });
    }

    pub fn run() {
        use std::sync::Arc;

        fn shared<B>(barrier: B, members: usize) -> Vec<Arc<B>> {
            let barrier = Arc::new(barrier);
            (0..members).map(|_| barrier.clone()).collect()
        }

        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        let ours = |n| shared(heddle_primitives::Barrier::new(n as u32), n);
        let std = |n| shared(std::sync::Barrier::new(n), n);
        let hurdles = |n| {
            let barrier = hurdles::Barrier::new(n);
            (0..n).map(|_| Handle(barrier.clone().into())).collect()
        };
        // One CPU first: a process that was seen to have several counts as one that has.
        for place in [("barrier/one-cpu", 2), ("barrier/phase", 2), ("barrier/phase", 4)] {
            phase(&mut c, place, "heddle", ours, |barrier| barrier.wait().is_leader());
            phase(&mut c, place, "std", std, |barrier| barrier.wait().is_leader());
            phase(&mut c, place, "hurdles", hurdles, |handle| {
                handle.with(|barrier| barrier.wait().is_leader())
            });
        }
        c.final_summary();
    }

    /// A handle of hurdles' barrier, which each member must have for itself.
    struct Handle(std::cell::RefCell<hurdles::Barrier>);

    // SAFETY: member n alone uses handle n.
    unsafe impl Sync for Handle {}

    impl Handle {
        fn with(&self, wait: impl FnOnce(&mut hurdles::Barrier) -> bool) -> bool {
            wait(&mut self.0.borrow_mut())
        }
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
