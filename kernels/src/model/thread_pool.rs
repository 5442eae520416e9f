//! Threads that wait for the next thing to do together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use heddle_primitives::Barrier;
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::thread::{self, JoinHandle};

/// How long an idle member looks out for work before it sleeps: back-to-back runs are served without a wake.
const SPIN: Duration = Duration::from_micros(50);

/// A fixed set of threads, of which the caller of [`ThreadPool::run`] is the first.
///
/// All of them meet at one barrier before a run and at another after it; in between the job belongs to the run.
#[derive(Debug)]
pub struct ThreadPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

type Body = dyn Fn(usize) + Sync;

#[derive(Debug)]
struct Shared {
    start: Barrier,
    end: Barrier,
    /// The body of the run; `None` tells the threads to end. Written by the caller of `run` before `start`, read by the
    /// threads between `start` and `end`.
    job: UnsafeCell<Option<*const Body>>,
}

// SAFETY: `job` is handed over by the barriers, see its doc; what it points to is Sync.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl ThreadPool {
    /// A pool of `size` members: the caller and `size - 1` threads.
    ///
    /// # Errors
    /// If a thread cannot be spawned; those that were are ended.
    ///
    /// # Panics
    /// If `size` is 0.
    pub fn new(size: usize) -> std::io::Result<ThreadPool> {
        assert!(size > 0, "a pool has at least one member");
        let members = u32::try_from(size).map_err(std::io::Error::other)?;
        // Spinning gains nothing where the others cannot run meanwhile.
        let spin = if size <= cpus() { SPIN } else { Duration::ZERO };
        let shared = Arc::new(Shared {
            start: Barrier::new(members).with_spin(spin),
            end: Barrier::new(members).with_spin(spin),
            job: UnsafeCell::new(None),
        });
        let mut pool = ThreadPool { shared, threads: Vec::with_capacity(size - 1) };
        for rank in 1..size {
            let shared = Arc::clone(&pool.shared);
            let thread =
                thread::Builder::new().name(format!("heddle-{rank}")).spawn(move || member(&shared, rank))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Members, the caller included.
    pub fn size(&self) -> usize {
        self.threads.len() + 1
    }

    /// Calls `body` once for each rank below [`size`](ThreadPool::size), each on a thread of its own, rank 0 on the
    /// caller's, and returns when all are done.
    ///
    /// # Panics
    /// If `body` panics on the caller's thread; a panic on another one aborts the process, since the others may wait
    /// for that member for ever.
    pub fn run(&mut self, body: &(dyn Fn(usize) + Sync)) {
        let erased: *const (dyn Fn(usize) + Sync + '_) = body;
        // SAFETY: only the lifetime changes; the threads use the pointer before `end`, which is awaited below.
        let erased: *const Body = unsafe { std::mem::transmute(erased) };
        // SAFETY: the threads wait at `start`; nobody reads the job.
        unsafe { *self.shared.job.get_mut().deref() = Some(erased) };
        self.shared.start.wait();
        let result = catch_unwind(AssertUnwindSafe(|| body(0)));
        self.shared.end.wait();
        if let Err(payload) = result {
            std::panic::resume_unwind(payload);
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        if self.threads.len() + 1 < self.shared.start.parties() as usize {
            // Not all threads could be spawned: those that were wait for a party that will not come.
            self.shared.start.abort();
        } else {
            // SAFETY: as in `run`.
            unsafe { *self.shared.job.get_mut().deref() = None };
            self.shared.start.wait();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn member(shared: &Shared, rank: usize) {
    while shared.start.checked_wait().is_ok() {
        // SAFETY: the caller of `run` wrote the job before `start` and leaves it alone until `end`.
        let job = unsafe { *shared.job.get().deref() };
        let Some(body) = job else { return };
        // SAFETY: `run` keeps the body alive until `end`.
        let body = unsafe { &*body };
        if catch_unwind(AssertUnwindSafe(|| body(rank))).is_err() {
            std::process::abort();
        }
        shared.end.wait();
    }
}

/// CPUs that this process may use.
pub(crate) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;
    use heddle_primitives::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_rank_runs_once_a_run() {
        for size in [1, 2, 5] {
            let mut pool = ThreadPool::new(size).unwrap();
            let counts: Vec<AtomicUsize> = (0..size).map(|_| AtomicUsize::new(0)).collect();
            for run in 1..=50 {
                pool.run(&|rank| {
                    counts[rank].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == run));
            }
        }
    }

    #[test]
    fn a_panic_on_the_callers_thread_passes_through_and_the_pool_goes_on() {
        let mut pool = ThreadPool::new(3).unwrap();
        let caught = catch_unwind(AssertUnwindSafe(|| pool.run(&|rank| assert_ne!(rank, 0, "planted"))));
        assert!(caught.is_err());
        let done = AtomicUsize::new(0);
        pool.run(&|_| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.load(Ordering::Relaxed), 3);
    }
}
