//! A pool of threads, after rayon: fork and join, scopes, loops over slices, tasks with results.
//!
//! - [`join()`]: two closures, perhaps at the same time; a few nanoseconds where they are not.
//! - [`scope()`]: any number of tasks that may borrow.
//! - [`ThreadPool::for_each`], [`map`](ThreadPool::map), [`map_reduce`](ThreadPool::map_reduce): loops over slices.
//! - [`ThreadPool::submit`]: a task whose result comes later, by a [`JoinHandle`]; [`spawn`]: one without.
//! - [`ThreadPool::install`], [`ThreadPool::broadcast`]: what runs where.
//!
//! ```
//! use heddle_primitives::pool::{ThreadPoolBuilder, join};
//!
//! fn sum(numbers: &[u64]) -> u64 {
//!     if let [number] = numbers {
//!         return *number;
//!     }
//!     let (left, right) = numbers.split_at(numbers.len() / 2);
//!     let (left, right) = join(|| sum(left), || sum(right));
//!     left + right
//! }
//!
//! let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
//! let numbers: Vec<u64> = (1..=1000).collect();
//! assert_eq!(pool.install(|| sum(&numbers)), 500_500);
//! ```
//!
//! # How work is shared
//!
//! The second closure of a `join` goes onto a list that only its worker touches, without an atomic operation, and is taken back
//! when the first has ended. A worker without work asks the others by a flag; at its next `join` the asked one gives away its *oldest*
//! job, the largest as a rule. So a join costs the same whether it holds work or not, and only what somebody asked for is paid for.
//! This is heartbeat scheduling (Rainey et al., "Task parallel assembly language for uncompromising parallelism", PLDI 2021; the
//! crates spice and chili), with the beat given by those who are idle. The price: a worker that calls no `join` for a long time gives
//! nothing away meanwhile, and a job that it put onto its list while nobody asked waits with it.
//!
//! Tasks that nobody waits for lie in deques of their workers, the oldest first, and are stolen from there.
//!
//! # What a wait may run
//!
//! A worker that waits runs nothing but what it waits for: in `join` the other closure and what is below it, in `scope` the
//! scope's tasks and what is below them, in `JoinHandle::join` that task. Below is what was put up by `join`, `scope`, `install` and
//! `broadcast` in the course of it, in whatever pool. Never a task of somebody else. So a worker that waits under a lock does not come
//! across a task that needs the lock (rayon #592, #1251), unless it is one that it waits for, which would wait for ever
//! in any order. And nested calls do not run out of threads: whatever a wait depends on and nobody has begun, the waiting worker
//! may run itself. The one exception: in `broadcast` a worker also runs its own part of other broadcasts.
//!
//! # Panics
//!
//! `join`, `scope`, `install`, `broadcast` and the loops go on with a panic of what they run, once everything has ended that they
//! have begun. `submit` keeps it for the handle. `spawn` gives it to the pool's panic handler, or ends the process.

mod body;
mod builder;
mod errand;
mod handle;
mod join;
mod scope;
mod sleep;
mod slice;
mod task;
mod worker;

pub use builder::ThreadPoolBuilder;
pub use handle::JoinHandle;
pub use scope::Scope;

use crate::sync::cell::UnsafeCell;
use crate::sync::{Arc, thread};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use task::{Task, Work};
use worker::{Payload, Registry, current};

#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
#[doc(hidden)]
pub mod checked {
    //! What the checkers look at by itself.
    pub use super::sleep::Sleep;
    pub use super::task::{Board, Task, Work};
}

/// A pool of threads; the [module](self) says how they share work.
///
/// Dropping the pool waits until everything that was given to it has run, and ends its threads. Dropped by one of its own
/// threads (in a task that owns the last `Arc` of the pool, say) it does not wait: that thread, and the others, end by themselves
/// once they find nothing more.
///
/// A pool whose threads have nothing to do uses no CPU time: a thread looks for some 50 us after its last
/// work and then sleeps.
///
/// Memory: the threads' stacks, about a kilobyte for each, and what is queued.
///
/// ```
/// use heddle_primitives::pool::ThreadPoolBuilder;
/// let mut squares = [1, 2, 3, 4];
/// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
/// pool.for_each_mut(&mut squares, |n| *n *= *n);
/// assert_eq!(squares, [1, 4, 9, 16]);
/// ```
pub struct ThreadPool {
    registry: Arc<Registry>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl ThreadPool {
    /// Runs `f` in a thread of the pool and returns its result; [`join()`], [`scope()`] and [`spawn`] in it use this pool. In a
    /// thread of the pool, `f` is simply called.
    ///
    /// # Panics
    /// As `f` does.
    ///
    /// ```
    /// use heddle_primitives::pool::{ThreadPoolBuilder, current_thread_index, join};
    /// let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    /// assert_eq!(pool.install(|| join(current_thread_index, || 2)), (Some(0), 2));
    /// ```
    #[inline]
    pub fn install<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        match current() {
            Some(worker) if worker.is_of(&self.registry) => f(),
            _ => join::run_in(&self.registry, f),
        }
    }

    /// [`join()`] in this pool.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let text = String::from("left right");
    /// let (left, right) = pool.join(|| text.find("left"), || text.find("right"));
    /// assert_eq!((left, right), (Some(0), Some(5)));
    /// ```
    #[inline]
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        self.install(|| join(a, b))
    }

    /// [`scope()`] in this pool.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let mut parts = [0; 4];
    /// pool.scope(|s| parts.iter_mut().enumerate().for_each(|(n, part)| s.spawn(move |_| *part = n * n)));
    /// assert_eq!(parts, [0, 1, 4, 9]);
    /// ```
    pub fn scope<'scope, R: Send>(&self, f: impl FnOnce(&Scope<'scope>) -> R + Send) -> R {
        self.install(|| scope(f))
    }

    /// Runs `f` some time, in some thread of the pool. Tasks that one thread has spawned begin in that order.
    ///
    /// A panic in it goes to the pool's panic handler; without one the process ends.
    ///
    /// ```
    /// use heddle_primitives::{Latch, pool::ThreadPoolBuilder};
    /// static DONE: Latch = Latch::new(3);
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// (0..3).for_each(|_| pool.spawn(|| _ = DONE.count_down()));
    /// DONE.wait();
    /// ```
    pub fn spawn(&self, f: impl FnOnce() + Send + 'static) {
        spawn_in(&self.registry, f);
    }

    /// Runs `f` some time, in some thread of the pool, and keeps its result for the handle.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let answers: Vec<_> = (1..4).map(|n| pool.submit(move || n * 10)).collect();
    /// let answers: Vec<_> = answers.into_iter().map(|answer| answer.join().unwrap()).collect();
    /// assert_eq!(answers, [10, 20, 30]);
    /// ```
    pub fn submit<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
        JoinHandle::new(&self.registry, f)
    }

    /// Runs `f` once in each thread of the pool, with the thread's number, and returns the results in that order. A thread
    /// that is busy runs it when it has nothing else to do, or waits for the caller of the broadcast.
    ///
    /// # Panics
    /// As one of the calls does, after all have ended.
    ///
    /// ```
    /// let pool = heddle_primitives::pool::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    /// assert_eq!(pool.broadcast(|n| n * n), [0, 1, 4]);
    /// ```
    pub fn broadcast<R: Send>(&self, f: impl Fn(usize) -> R + Sync) -> Vec<R> {
        let worker = current();
        let slots: Vec<_> = (0..self.current_num_threads()).map(|_| UnsafeCell::new(None)).collect();
        let part = |(index, slot)| {
            let work = Part { f: &f, index, slot };
            // SAFETY: what the task borrows lives until all tasks are done, and is `Sync` or used by one task alone.
            unsafe { Task::new(work, worker.and_then(worker::WorkerThread::root), Some(index)) }
        };
        let tasks: Vec<_> = slots.iter().enumerate().map(part).collect();
        self.registry.post_to_all(&tasks);
        match worker {
            Some(worker) => {
                if worker.is_of(&self.registry) && tasks[worker.index()].claim() {
                    worker.execute(&tasks[worker.index()]);
                }
                tasks.iter().for_each(|task| worker.wait(task, true, || task.is_done()));
            }
            None => tasks.iter().for_each(|task| _ = task.wait_outside(None)),
        }
        drop(tasks);
        let results = slots.into_iter().map(|slot| slot.into_inner().expect("the task is done"));
        // All of them before the first panic goes on.
        let results: Vec<Result<R, Payload>> = results.collect();
        results.into_iter().map(|result| result.unwrap_or_else(|payload| resume_unwind(payload))).collect()
    }

    /// How many threads the pool has.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    /// assert_eq!(pool.broadcast(|_| ()).len(), pool.current_num_threads());
    /// ```
    pub fn current_num_threads(&self) -> usize {
        self.registry.num_threads()
    }

    /// The number of the calling thread in this pool, from 0, if it is one of the pool's.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    /// assert_eq!(pool.current_thread_index(), None);
    /// assert_eq!(pool.install(|| pool.current_thread_index()), Some(0));
    /// ```
    pub fn current_thread_index(&self) -> Option<usize> {
        current().filter(|worker| worker.is_of(&self.registry)).map(|worker| worker.index())
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.registry.end();
        if current().is_some_and(|worker| worker.is_of(&self.registry)) {
            return;
        }
        for thread in self.threads.drain(..) {
            // A worker catches what it runs; if it has died nevertheless it has been reported, and there is nothing to wait for.
            let _ = thread.join();
        }
    }
}

/// What one thread does in a broadcast.
struct Part<'a, F, R> {
    f: &'a F,
    index: usize,
    slot: &'a UnsafeCell<Option<Result<R, Payload>>>,
}

impl<F: Fn(usize) -> R, R> Work for Part<'_, F, R> {
    fn run(&self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.f)(self.index)));
        let pointer = self.slot.get_mut();
        // SAFETY: each slot is written by one task, and read when that is done.
        *unsafe { pointer.deref() } = Some(outcome);
    }
}

/// What [`spawn`] was given.
struct Spawned<F>(UnsafeCell<Option<F>>);

impl<F: FnOnce()> Work for Spawned<F> {
    fn run(&self) {
        let f = {
            let pointer = self.0.get_mut();
            // SAFETY: the task runs once, in the thread that has claimed it.
            unsafe { pointer.deref() }.take().expect("a task runs once")
        };
        current().expect("spawned tasks run in threads of a pool").registry().run_detached(f);
    }
}

fn spawn_in(registry: &Registry, f: impl FnOnce() + Send + 'static) {
    // SAFETY: the closure is `Send` and borrows nothing.
    registry.spawn(unsafe { Task::new(Spawned(UnsafeCell::new(Some(f))), None, None) });
}

/// Runs both closures, perhaps at the same time, and returns both results; in a thread of a pool there, elsewhere in the
/// [global pool](global).
///
/// `a` runs here. `b` runs here after it, or in another thread of the pool if one has nothing to do. Where nobody does, the call
/// costs a few nanoseconds, so there is no need to stop dividing early.
///
/// # Panics
/// As one of the closures does, after the other one has ended; as `a` does if both panic. If `a` panics, `b` may not have been
/// run.
///
/// ```
/// use heddle_primitives::pool::join;
/// let mut numbers = [4, 3, 2, 1];
/// let (low, high) = numbers.split_at_mut(2);
/// join(|| low.sort(), || high.sort());
/// assert_eq!(numbers, [3, 4, 1, 2]);
/// ```
#[inline]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    match current() {
        Some(worker) => worker.join(a, b),
        None => global().install(|| join(a, b)),
    }
}

/// Calls `f` with a [`Scope`] in which it may spawn tasks that borrow what outlives the call, and returns when all of them have ended;
/// in a thread of a pool there, elsewhere in the [global pool](global).
///
/// # Panics
/// As `f` does or else as one of the tasks, after all have ended.
///
/// ```
/// use heddle_primitives::pool::scope;
/// let mut halves = [0; 2];
/// let [first, second] = &mut halves;
/// scope(|s| {
///     s.spawn(|_| *first = 1);
///     s.spawn(|s| s.spawn(|_| *second = 2));
/// });
/// assert_eq!(halves, [1, 2]);
/// ```
pub fn scope<'scope, R: Send>(f: impl FnOnce(&Scope<'scope>) -> R + Send) -> R {
    match current() {
        Some(worker) => worker.scope(f),
        None => global().install(|| scope(f)),
    }
}

/// Runs `f` some time; in a thread of a pool there, elsewhere in the [global pool](global). See [`ThreadPool::spawn`].
///
/// ```
/// use heddle_primitives::{Event, pool};
/// static DONE: Event = Event::new();
/// pool::spawn(|| DONE.set());
/// DONE.wait();
/// ```
pub fn spawn(f: impl FnOnce() + Send + 'static) {
    match current() {
        Some(worker) => spawn_in(worker.registry(), f),
        None => global().spawn(f),
    }
}

/// The number of the calling thread in its pool, from 0, if it is a thread of a pool.
///
/// ```
/// use heddle_primitives::pool::{current_thread_index, global};
/// assert_eq!(current_thread_index(), None);
/// assert!(global().install(current_thread_index).is_some());
/// ```
pub fn current_thread_index() -> Option<usize> {
    current().map(|worker| worker.index())
}

/// The pool that is used outside of all others: made when it is first needed, with as many threads as the process may use CPUs.
///
/// # Panics
/// If its threads cannot be started.
///
/// ```
/// use heddle_primitives::pool::global;
/// assert_eq!(global().map(&[1, 2, 3], |n| n * 2), [2, 4, 6]);
/// ```
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub fn global() -> &'static ThreadPool {
    static GLOBAL: std::sync::LazyLock<ThreadPool> = std::sync::LazyLock::new(|| {
        let builder = ThreadPoolBuilder::new().thread_name(|n| format!("global pool {n}"));
        builder.build().expect("the threads of the global pool can be started")
    });
    &GLOBAL
}

/// The checkers start afresh each time, so there is no global pool.
///
/// # Panics
/// Always.
#[cfg(any(heddle_loom, heddle_shuttle))]
pub fn global() -> &'static ThreadPool {
    panic!("no global pool under a checker")
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool").field("threads", &self.current_num_threads()).finish_non_exhaustive()
    }
}
