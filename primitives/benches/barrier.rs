//! A phase of a barrier between two running threads, beside std's and hurdles'.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

    const MEMBERS: usize = 2;

    /// `wait` waits at the barrier as member n and says whether that member leads.
    fn phase<B>(c: &mut Criterion, variant: &str, new: fn() -> Vec<B>, wait: impl Fn(&B) -> bool + Sync)
    where
        B: Send + Sync,
    {
        c.benchmark_group("barrier/phase").bench_function(BenchmarkId::new(variant, MEMBERS), |b| {
            b.iter_custom(|iterations| {
                let (handles, leaders) = (new(), AtomicU64::new(0));
                let (time, _) = support::team(MEMBERS, |n| {
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

        fn shared<B>(barrier: B) -> Vec<Arc<B>> {
            let barrier = Arc::new(barrier);
            vec![barrier.clone(), barrier]
        }

        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        let ours = || shared(heddle_primitives::Barrier::new(MEMBERS as u32));
        phase(&mut c, "heddle", ours, |barrier| barrier.wait().is_leader());
        let std = || shared(std::sync::Barrier::new(MEMBERS));
        phase(&mut c, "std", std, |barrier| barrier.wait().is_leader());
        let hurdles = || {
            let barrier = hurdles::Barrier::new(MEMBERS);
            vec![Handle(barrier.clone().into()), Handle(barrier.into())]
        };
        phase(&mut c, "hurdles", hurdles, |handle| handle.with(|barrier| barrier.wait().is_leader()));
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
