//! How a pool is made.

use super::ThreadPool;
use super::worker::{IndexHandler, PanicHandler, Registry, WorkerThread};
use crate::sync::thread;
use std::any::Any;
use std::{fmt, io};

/// The most threads that a pool can have.
const MOST_THREADS: usize = 0xFFFF;

/// Settings of a [`ThreadPool`] to be; rayon's names.
///
/// ```
/// use heddle_primitives::pool::ThreadPoolBuilder;
/// let pool = ThreadPoolBuilder::new().num_threads(2).thread_name(|n| format!("weaver-{n}")).build().unwrap();
/// assert_eq!(pool.install(|| std::thread::current().name().map(str::len)), Some(8));
/// ```
#[must_use = "settings are nothing until `build`"]
#[derive(Default)]
pub struct ThreadPoolBuilder {
    num_threads: usize,
    stack_size: Option<usize>,
    thread_name: Option<Box<dyn FnMut(usize) -> String>>,
    start_handler: Option<IndexHandler>,
    exit_handler: Option<IndexHandler>,
    panic_handler: Option<PanicHandler>,
}

impl ThreadPoolBuilder {
    /// As many threads as the process may use CPUs, with std's stacks and no names.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().build().unwrap();
    /// assert!(pool.current_num_threads() >= 1);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// How many threads; 0 is as many as CPUs that the process may use, 65,535 the most.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    /// assert_eq!(pool.current_num_threads(), 3);
    /// ```
    pub fn num_threads(mut self, n: usize) -> Self {
        self.num_threads = n;
        self
    }

    /// The name of each thread by its number.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(1).thread_name(|n| format!("worker {n}")).build().unwrap();
    /// let name = pool.install(|| std::thread::current().name().map(str::to_owned));
    /// assert_eq!(name.as_deref(), Some("worker 0"));
    /// ```
    pub fn thread_name(mut self, name: impl FnMut(usize) -> String + 'static) -> Self {
        self.thread_name = Some(Box::new(name));
        self
    }

    /// Bytes of stack for each thread.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(1).stack_size(16 << 20).build().unwrap();
    /// let deep = pool.install(|| std::hint::black_box([1_u8; 3 << 20]).iter().filter(|n| **n == 1).count());
    /// assert_eq!(deep, 3 << 20);
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Called by each thread, with its number, before it works; a panic is treated as one of a spawned task.
    ///
    /// ```
    /// use heddle_primitives::{Latch, pool::ThreadPoolBuilder};
    /// use std::sync::Arc;
    /// let started = Arc::new(Latch::new(2));
    /// let count = started.clone();
    /// let pool = ThreadPoolBuilder::new().num_threads(2).start_handler(move |_| _ = count.count_down()).build().unwrap();
    /// started.wait();
    /// drop(pool);
    /// ```
    pub fn start_handler(mut self, handler: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.start_handler = Some(Box::new(handler));
        self
    }

    /// Called by each thread, with its number, after its work; a panic is treated as one of a spawned task.
    ///
    /// ```
    /// use heddle_primitives::{Latch, pool::ThreadPoolBuilder};
    /// use std::sync::Arc;
    /// let running = Arc::new(Latch::new(2));
    /// let count = running.clone();
    /// let pool = ThreadPoolBuilder::new().num_threads(2).exit_handler(move |_| _ = count.count_down()).build().unwrap();
    /// assert_eq!(running.count(), 2);
    /// drop(pool);
    /// assert!(running.is_open());
    /// ```
    pub fn exit_handler(mut self, handler: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.exit_handler = Some(Box::new(handler));
        self
    }

    /// Called with what a spawned task panicked with. Without a handler, or if it panics itself, the process ends, as with
    /// rayon: nobody else would ever learn of it.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, pool::ThreadPoolBuilder};
    /// use std::sync::Arc;
    /// let caught = Arc::new(Mutex::new(None));
    /// let slot = caught.clone();
    /// let builder = ThreadPoolBuilder::new().num_threads(1);
    /// let pool = builder.panic_handler(move |payload| *slot.lock() = Some(payload)).build().unwrap();
    /// pool.spawn(|| std::panic::resume_unwind(Box::new("no")));
    /// drop(pool);
    /// assert_eq!(caught.lock().take().unwrap().downcast_ref(), Some(&"no"));
    /// ```
    pub fn panic_handler(mut self, handler: impl Fn(Box<dyn Any + Send>) + Send + Sync + 'static) -> Self {
        self.panic_handler = Some(Box::new(handler));
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// If there are to be more threads than 65,535, or the operating system refuses one; those that were started end.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// assert_eq!(pool.join(|| 1, || 2), (1, 2));
    /// ```
    pub fn build(mut self) -> io::Result<ThreadPool> {
        let threads = if self.num_threads == 0 { cpus() } else { self.num_threads };
        if threads > MOST_THREADS {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a pool has 65,535 threads at most"));
        }
        let handlers = (self.panic_handler.take(), self.start_handler.take(), self.exit_handler.take());
        let (registry, deques) = Registry::new(threads, handlers.0, handlers.1, handlers.2);
        // Dropped on an error, it ends and joins what was started.
        let mut pool = ThreadPool { registry, threads: Vec::with_capacity(threads) };
        for (n, deque) in deques.into_iter().enumerate() {
            let registry = pool.registry.clone();
            let name = self.thread_name.as_mut().map(|name| name(n));
            let main = move || WorkerThread::main(registry, n, deque);
            pool.threads.push(start(name, self.stack_size, main)?);
        }
        Ok(pool)
    }
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn start(
    name: Option<String>,
    stack_size: Option<usize>,
    main: impl FnOnce() + Send + 'static,
) -> io::Result<thread::JoinHandle<()>> {
    let mut builder = thread::Builder::new();
    if let Some(name) = name {
        builder = builder.name(name);
    }
    if let Some(bytes) = stack_size {
        builder = builder.stack_size(bytes);
    }
    builder.spawn(main)
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn start(
    _: Option<String>,
    _: Option<usize>,
    main: impl FnOnce() + Send + 'static,
) -> io::Result<thread::JoinHandle<()>> {
    Ok(thread::spawn(main))
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn cpus() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn cpus() -> usize {
    2
}

impl fmt::Debug for ThreadPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPoolBuilder")
            .field("num_threads", &self.num_threads)
            .field("stack_size", &self.stack_size)
            .finish_non_exhaustive()
    }
}
