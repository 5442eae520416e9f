//! A pool of worker processes, after Python's `multiprocessing.Pool` and `concurrent.futures`.
//!
//! [`Pool`] runs plain functions of this program, which need not be registered, on any data that serde can send. A worker that dies
//! costs the task that it was at, and no other; one is started in its place.
//!
//! ```
//! use heddle_ipc::pool::{Pool, TaskError};
//!
//! fn risky(x: u64) -> u64 {
//!     if x == 3 { std::process::abort() }
//!     10 * x
//! }
//!
//! let pool = Pool::new(2)?;
//! assert_eq!(pool.map(risky, [1, 2, 4])?, [10, 20, 40]);
//! let error = pool.map_chunked(risky, 0..100, 5).unwrap_err();
//! assert!(matches!(error, TaskError::Died { index: Some(3), .. }), "{error}");
//! assert_eq!(pool.apply(risky, 7)?, 70);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What happens when something goes wrong
//!
//! | what | what follows |
//! |---|---|
//! | a worker dies at a task | the task is [`TaskError::Died`] with function, element and signal; or runs again in another worker if it was declared [idempotent](Pool::idempotent), up to ten times |
//! | tasks that it had been given, but not begun | go to other workers |
//! | tasks that it had answered | are answered |
//! | a task panics | [`TaskError::Panicked`] with the message; the worker goes on |
//! | a task never ends | waits with a limit end in [`TaskError::TimedOut`]; the worker goes on with it, or is killed: [`Pool::kill_on_timeout`] |
//! | the initializer panics, or workers die before they are ready, six times in a row | [`StartError::Initializer`], or later [`TaskError::Broken`] for all tasks: not tried again for ever |
//! | the parent dies | the workers end, and with them those of their own pools |
//!
//! A chunk of `map` is one task: with it die the results of its other elements. In `map`, the first failure cancels what has not begun.
//!
//! # What it costs
//!
//! Nothing runs between a caller and the workers: whoever waits for an answer looks for it by itself, and hands tasks on. A thread of the
//! pool does when nobody waits. Arguments and results of up to 256 bytes travel in memory that is set up once; larger ones in segments, which are used again
//! up to 1 MiB. Idle workers, and callers, spin for a moment and then sleep: see [`Builder::spin`].

mod base;
mod bell;
mod builder;
mod core;
mod desk;
mod error;
mod executor;
mod handler;
mod job;
mod map;
mod memory;
mod outcome;
mod result;
mod serve;
mod state;
mod station;
mod tasks;

use ::core::any::type_name;
use std::sync::Arc;

use heddle_primitives::Mutex;
use heddle_primitives::sync::thread;

pub use builder::Builder;
pub use error::{JoinError, StartError, SubmitError, TaskError};
pub use executor::{AsCompleted, Executor, ReturnWhen, as_completed, wait};
pub use job::{Sendable, Star};
pub use map::Imap;
pub use result::AsyncResult;

use self::core::{Core, order};
use builder::RERUNS;
use job::{Function, One};
use result::Part;
use state::Phase;
use tasks::Order;

/// Processes that run plain functions of this program on any data that serde can send.
///
/// Methods may be called by any number of threads. Tasks begin in the order in which they were submitted, one at a time in each process, but
/// for those that are given to another process because theirs was busy or died.
///
/// A clone is another handle of the same pool. The last one that is dropped [terminates](Pool::terminate) it.
#[derive(Clone, Debug)]
pub struct Pool {
    owner: Arc<Owner>,
    options: Options,
}

/// How a handle makes its calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How often a task may be run again.
    reruns: u32,
    /// Whether a time-out kills.
    kill: bool,
}

/// Ends the pool with its last handle.
#[derive(Debug)]
struct Owner {
    core: Arc<Core>,
    handler: Mutex<Option<thread::JoinHandle<()>>>,
    processes: usize,
}

impl Pool {
    /// Starts a pool of so many processes.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn new(processes: usize) -> Result<Pool, StartError> {
        Pool::builder().processes(processes).start()
    }

    /// Sets out to start a pool otherwise than by default.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The same pool for tasks that may be run again: one whose process dies is given to another, up to ten times, instead of ending in
    /// [`TaskError::Died`].
    pub fn idempotent(&self) -> Pool {
        Pool { owner: Arc::clone(&self.owner), options: Options { reruns: RERUNS, ..self.options } }
    }

    /// The same pool for tasks that must not outlive a time-out: when [`AsyncResult::get_timeout`] gives up on one, it is cancelled, and if
    /// it has begun, its process is killed and replaced.
    pub fn kill_on_timeout(&self) -> Pool {
        Pool { owner: Arc::clone(&self.owner), options: Options { kill: true, ..self.options } }
    }

    /// The number of processes.
    pub fn processes(&self) -> usize {
        self.owner.processes
    }

    /// The ids of the processes; of one that is being replaced the last.
    pub fn pids(&self) -> Vec<u32> {
        self.core().state.lock().desks.iter().map(|desk| desk.link.pid).collect()
    }

    /// How many processes were replaced so far.
    pub fn replaced(&self) -> u64 {
        self.core().state.lock().replaced
    }

    /// Runs `f(argument)` in one of the processes and waits for the result.
    ///
    /// `f` is a function, a closure that captures nothing, or a function pointer.
    ///
    /// ```
    /// use heddle_ipc::pool::Pool;
    ///
    /// let pool = Pool::new(1)?;
    /// assert_eq!(pool.apply(|text: String| text.to_uppercase(), "heddle".to_owned())?, "HEDDLE");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`TaskError`].
    #[inline]
    pub fn apply<F, A, R>(&self, f: F, argument: A) -> Result<R, TaskError>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Sendable,
        R: Sendable,
    {
        let order = self.order::<One<F>, F, A>(One(f))?;
        let key = self.core().submit(order, |sink| sink.put(&argument))?;
        let outcome = self.core().wait_for(key, None).expect("without a deadline");
        outcome::read_one(order.label, outcome)
    }

    /// Has one of the processes run `f(argument)` and returns at once with the claim to the result.
    ///
    /// # Errors
    ///
    /// See [`SubmitError`].
    pub fn apply_async<F, A, R>(&self, f: F, argument: A) -> Result<AsyncResult<R>, SubmitError>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Sendable,
        R: Sendable,
    {
        let order = self.order::<One<F>, F, A>(One(f))?;
        let key = self.core().submit(order, |sink| sink.put(&argument))?;
        self.core().leave_to_handler();
        let part = Part { key, label: order.label, count: 1 };
        let read = |parts: &[Part], outcomes: Vec<_>| {
            let outcome = outcomes.into_iter().next().expect("one part");
            outcome::read_one(parts[0].label, outcome)
        };
        Ok(AsyncResult::new(Arc::clone(self.core()), order.label, vec![part], read, self.options.kill))
    }

    /// Takes no more tasks. Those that were taken are done; then the processes end by themselves.
    pub fn close(&self) {
        let mut state = self.core().state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closed;
            state.call_handler = true;
        }
        self.core().release(state);
    }

    /// Ends the pool now: tasks that are not done end in [`TaskError::Terminated`], processes are killed and reaped.
    pub fn terminate(&self) {
        self.owner.terminate();
    }

    /// Waits until a pool that was closed or terminated has done its tasks and its processes have ended.
    ///
    /// # Errors
    ///
    /// [`JoinError::Open`] if it was neither.
    pub fn join(&self) -> Result<(), JoinError> {
        if self.core().state.lock().phase == Phase::Open {
            return Err(JoinError::Open);
        }
        self.owner.join();
        Ok(())
    }

    fn core(&self) -> &Arc<Core> {
        &self.owner.core
    }

    fn order<G, F, A>(&self, f: G) -> Result<Order, SubmitError>
    where
        G: Function<A>,
        A: Sendable,
        G::Output: Sendable,
    {
        let name = type_name::<F>();
        let call = job::call::<G, A>(f).ok_or(SubmitError::NotPlain { function: name })?;
        Ok(order(call, name, None, self.options.reruns))
    }
}

impl Owner {
    fn terminate(&self) {
        self.core.terminate();
        self.join();
    }

    fn join(&self) {
        // A broken pool has nothing left to wait for.
        if matches!(self.core.state.lock().phase, Phase::Broken(_)) {
            self.core.terminate();
        }
        let mut handler = self.handler.lock();
        if let Some(handler) = handler.take() {
            // It does not panic; were it to, there would be nothing to do about it here.
            let _ = handler.join();
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.terminate();
    }
}
