//! The result of a task, for later.

use super::task::{Task, Work};
use super::worker::{Payload, Registry, current};
use crate::Mutex;
use crate::sync::Arc;
use crate::sync::cell::UnsafeCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The result of a task that was given to [`ThreadPool::submit`](super::ThreadPool::submit).
///
/// Dropping the handle lets the task run and drops its result. If that panics in a thread of the pool, or a waker does,
/// it goes where a panic of a spawned task goes. A handle is also a [`Future`] with the same output.
///
/// ```
/// use heddle_primitives::pool::ThreadPoolBuilder;
/// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
/// let square = pool.submit(|| 6 * 7);
/// let failed = pool.submit(|| -> u32 { std::panic::resume_unwind(Box::new("no")) });
/// assert_eq!(square.join().unwrap(), 42);
/// assert_eq!(*failed.join().unwrap_err().downcast::<&str>().unwrap(), "no");
/// ```
///
/// The result comes from another thread:
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// fn handle<R>() -> heddle_primitives::pool::JoinHandle<R> { unreachable!() }
/// send(handle::<std::rc::Rc<u32>>());
/// ```
#[must_use = "the result is dropped with the handle; `spawn` needs none"]
pub struct JoinHandle<R> {
    task: Task,
    registry: Arc<Registry>,
    /// Whether the result has gone to a poll.
    taken: bool,
    result: PhantomData<R>,
}

// SAFETY: the result is taken by whoever has the handle.
unsafe impl<R: Send> Send for JoinHandle<R> {}
// SAFETY: a shared handle tells only whether the task is done.
unsafe impl<R: Send> Sync for JoinHandle<R> {}

impl<R> Unpin for JoinHandle<R> {}

type Function<R> = Box<dyn FnOnce() -> R + Send>;

struct Submitted<R> {
    function: UnsafeCell<Option<Function<R>>>,
    result: UnsafeCell<Option<Result<R, Payload>>>,
    waker: Mutex<Option<Waker>>,
}

impl<R> Work for Submitted<R> {
    fn run(&self) {
        let function = {
            let pointer = self.function.get_mut();
            // SAFETY: the task runs once, in the thread that has claimed it.
            unsafe { pointer.deref() }.take().expect("a task runs once")
        };
        let outcome = catch_unwind(AssertUnwindSafe(function));
        let pointer = self.result.get_mut();
        // SAFETY: the handle looks at the result once the task is done.
        *unsafe { pointer.deref() } = Some(outcome);
    }

    fn ended(&self) {
        let waker = self.waker.lock().take();
        if let (Some(waker), Some(worker)) = (waker, current()) {
            worker.registry().run_detached(|| waker.wake());
        }
    }
}

impl<R: Send + 'static> JoinHandle<R> {
    pub(super) fn new(registry: &Arc<Registry>, f: impl FnOnce() -> R + Send + 'static) -> Self {
        let work = Submitted {
            function: UnsafeCell::new(Some(Box::new(f) as Function<R>)),
            result: UnsafeCell::new(None),
            waker: Mutex::new(None),
        };
        // SAFETY: the closure and its result are `Send` and borrow nothing.
        let task = unsafe { Task::new(work, None, None) };
        registry.spawn(task.clone());
        Self { task, registry: registry.clone(), taken: false, result: PhantomData }
    }

    /// Waits for the task and returns its result.
    ///
    /// In a thread of the same pool a task that nobody has begun is run here and now; one that runs elsewhere is waited for, as
    /// [`join`](super::join()) waits. A task that waits for itself never returns.
    ///
    /// # Errors
    /// What the task panicked with.
    ///
    /// # Panics
    /// If a poll of this handle has returned the result before.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let words = pool.submit(|| "a b c".split(' ').count());
    /// assert_eq!(words.join().unwrap(), 3);
    /// ```
    pub fn join(mut self) -> std::thread::Result<R> {
        match current() {
            Some(worker) => {
                // Who waits for the caller waits for this task too from now on, and may run it and what is below it.
                self.task.put_below(worker.root());
                if worker.is_of(&self.registry) && self.task.claim() {
                    worker.execute(&self.task);
                } else {
                    self.registry.post(self.task.clone());
                    worker.wait(&self.task, false, || self.task.is_done());
                }
            }
            None => _ = self.task.wait_outside(None),
        }
        self.take()
    }

    /// Waits for the task no longer than `timeout`, and runs nothing meanwhile; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// The handle, if the task was not done in time.
    ///
    /// # Panics
    /// If a poll of this handle has returned the result before.
    ///
    /// ```
    /// use heddle_primitives::{Event, pool::ThreadPoolBuilder};
    /// use std::time::Duration;
    /// static GO: Event = Event::new();
    /// let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    /// let task = pool.submit(|| GO.wait());
    /// let task = task.join_timeout(Duration::from_millis(1)).unwrap_err();
    /// GO.set();
    /// assert!(task.join_timeout(Duration::from_secs(10)).unwrap().is_ok());
    /// ```
    pub fn join_timeout(mut self, timeout: Duration) -> Result<std::thread::Result<R>, Self> {
        if self.task.wait_outside(Instant::now().checked_add(timeout)) { Ok(self.take()) } else { Err(self) }
    }

    /// Whether the task is done, so that `join` will not wait.
    ///
    /// ```
    /// use heddle_primitives::{Event, pool::ThreadPoolBuilder};
    /// static GO: Event = Event::new();
    /// let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    /// let task = pool.submit(|| GO.wait());
    /// assert!(!task.is_finished());
    /// GO.set();
    /// task.join().unwrap();
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.is_done()
    }

    fn take(&mut self) -> std::thread::Result<R> {
        assert!(!self.taken, "the result of a task was taken before");
        self.taken = true;
        // SAFETY: made with this work in `new`.
        let submitted = unsafe { self.task.work::<Submitted<R>>() };
        let pointer = submitted.result.get_mut();
        // SAFETY: the task is done, so nobody else looks at the result.
        unsafe { pointer.deref() }.take().expect("a task that is done has a result")
    }
}

impl<R: Send + 'static> Future for JoinHandle<R> {
    type Output = std::thread::Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.task.is_done() {
            // SAFETY: made with this work in `new`.
            let submitted = unsafe { self.task.work::<Submitted<R>>() };
            let previous = submitted.waker.lock().replace(context.waker().clone());
            drop(previous);
            // Who ends the task takes the waker after its end: it finds this one, or the end is seen here.
            if !self.task.is_done() {
                return Poll::Pending;
            }
        }
        Poll::Ready(self.take())
    }
}

impl<R> fmt::Debug for JoinHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.task.is_done()).finish()
    }
}
