//! What Python's `threading` has beside locks and std has not: waiting for a thread with a limit, a list of those that run, timers,
//! values for each thread of each object. Normal builds only: everything here is std's threads around primitives that are
//! checked by themselves.

mod local;
mod timer;

pub use local::Local;
pub use timer::Timer;

use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::thread;
use crate::{Event, Mutex};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

std::thread_local! {
    /// Who the thread is, if it was started here.
    static CURRENT: RefCell<Option<ThreadInfo>> = const { RefCell::new(None) };
}

/// The last number given, and the threads that were started here and run.
static RUNNING: Mutex<(u64, BTreeMap<u64, ThreadInfo>)> = Mutex::new((0, BTreeMap::new()));

/// A thread whose result can be waited for with a limit; Python's `threading.Thread`, started at once.
///
/// A dropped handle lets the thread run. Like every thread of a Rust program it ends with the process at the latest, as Python's
/// daemons do; who wants a thread to be waited for joins it.
///
/// Memory: std's thread, and about 300 bytes.
///
/// ```
/// use heddle_primitives::threading::Thread;
/// use std::time::Duration;
///
/// let thread = Thread::builder().name("adder").start(|| 1 + 2).unwrap();
/// assert_eq!(thread.info().name(), Some("adder"));
/// assert_eq!(thread.join_timeout(Duration::from_secs(10)).unwrap().unwrap(), 3);
/// ```
///
/// The result goes from thread to thread:
///
/// ```compile_fail,E0277
/// heddle_primitives::threading::Thread::start(|| std::rc::Rc::new(1));
/// ```
#[must_use = "a dropped handle cannot be joined; the thread runs on"]
pub struct Thread<R> {
    info: ThreadInfo,
    result: Arc<Mutex<Option<std::thread::Result<R>>>>,
    std: thread::JoinHandle<()>,
}

/// Who a thread is; the same as long as the process lives.
///
/// ```
/// use heddle_primitives::threading::{Thread, current};
/// let thread = Thread::builder().name("asks").start(current).unwrap();
/// let ident = thread.info().ident();
/// let info = thread.join().unwrap().unwrap();
/// assert_eq!((info.name(), info.ident(), info.is_alive()), (Some("asks"), ident, false));
/// ```
#[derive(Clone)]
pub struct ThreadInfo(Arc<Info>);

struct Info {
    name: Option<String>,
    ident: u64,
    /// The kernel's number, 0 until the thread runs.
    native_id: AtomicU32,
    ended: Event,
}

/// Settings of a [`Thread`] to be.
///
/// ```
/// use heddle_primitives::threading::Thread;
/// let settings = Thread::builder().stack_size(1 << 20);
/// let threads: Vec<_> =
///     ["a", "b"].map(|name| settings.clone().name(name).start(move || name.len()).unwrap()).into();
/// assert_eq!(threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>(), 2);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "settings are nothing until `start`"]
pub struct ThreadBuilder {
    name: Option<String>,
    stack_size: Option<usize>,
}

/// The thread has not ended in time; its handle comes back.
///
/// ```
/// use heddle_primitives::threading::NotEnded;
/// use std::time::Duration;
/// use heddle_primitives::{Event, threading::Thread};
/// static GO: Event = Event::new();
/// let thread = Thread::start(|| GO.wait());
/// let Err(NotEnded(thread)) = thread.join_timeout(Duration::from_millis(1)) else { panic!("nobody has set it") };
/// GO.set();
/// thread.join().unwrap();
/// ```
pub struct NotEnded<R>(pub Thread<R>);

impl ThreadBuilder {
    /// The thread's name, which must not contain zero bytes.
    ///
    /// ```
    /// use heddle_primitives::threading::Thread;
    /// let name = || std::thread::current().name().map(str::to_owned);
    /// let thread = Thread::builder().name("reader").start(name).unwrap();
    /// assert_eq!(thread.join().unwrap().as_deref(), Some("reader"));
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Bytes of its stack.
    ///
    /// ```
    /// use heddle_primitives::threading::Thread;
    /// let large = || std::hint::black_box([1_u8; 3 << 20]).iter().map(|n| u32::from(*n)).sum::<u32>();
    /// let thread = Thread::builder().stack_size(16 << 20).start(large).unwrap();
    /// assert_eq!(thread.join().unwrap(), 3 << 20);
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// If the name contains zero bytes, or the operating system refuses.
    ///
    /// ```
    /// use heddle_primitives::threading::Thread;
    /// assert!(Thread::builder().name("zero \0 byte").start(|| ()).is_err());
    /// assert_eq!(Thread::builder().start(|| 1 + 1).unwrap().join().unwrap(), 2);
    /// ```
    pub fn start<R: Send + 'static>(self, f: impl FnOnce() -> R + Send + 'static) -> io::Result<Thread<R>> {
        let mut builder = thread::Builder::new();
        if let Some(name) = &self.name {
            if name.contains('\0') {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "a thread's name has no zero bytes"));
            }
            builder = builder.name(name.clone());
        }
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let info = {
            let mut running = RUNNING.lock();
            running.0 += 1;
            let info =
                Info { name: self.name, ident: running.0, native_id: AtomicU32::new(0), ended: Event::new() };
            let info = ThreadInfo(Arc::new(info));
            running.1.insert(info.ident(), info.clone());
            info
        };
        // Takes it off the list when the thread ends, or if it never begins.
        let ending = Ending(info.clone());
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        let std = builder.spawn(move || {
            let ending = ending;
            // ORDERING: the number is all that is published.
            ending
                .0
                .0
                .native_id
                .store(rustix::thread::gettid().as_raw_nonzero().get() as u32, Ordering::Relaxed);
            CURRENT.with(|current| *current.borrow_mut() = Some(ending.0.clone()));
            let outcome = catch_unwind(AssertUnwindSafe(f));
            *slot.lock() = Some(outcome);
        })?;
        Ok(Thread { info, result, std })
    }
}

struct Ending(ThreadInfo);

impl Drop for Ending {
    fn drop(&mut self) {
        RUNNING.lock().1.remove(&self.0.ident());
        self.0.0.ended.set();
    }
}

impl Thread<()> {
    /// Settings of a thread to be.
    ///
    /// ```
    /// use heddle_primitives::threading::Thread;
    /// let thread = Thread::builder().name("adder").start(|| 1 + 2).unwrap();
    /// assert_eq!(thread.join().unwrap(), 3);
    /// ```
    pub fn builder() -> ThreadBuilder {
        ThreadBuilder::default()
    }
}

impl<R: Send + 'static> Thread<R> {
    /// Starts a thread without a name.
    ///
    /// # Panics
    /// If the operating system refuses.
    ///
    /// ```
    /// use heddle_primitives::threading::Thread;
    /// let threads: Vec<_> = (0..3).map(|n| Thread::start(move || n * n)).collect();
    /// assert_eq!(threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>(), 5);
    /// ```
    pub fn start(f: impl FnOnce() -> R + Send + 'static) -> Self {
        ThreadBuilder::default().start(f).expect("the operating system starts threads")
    }

    /// Waits until the thread has ended, and returns its result.
    ///
    /// # Errors
    /// What the thread panicked with.
    ///
    /// # Panics
    /// If the thread joins itself, which would never end.
    ///
    /// ```
    /// use heddle_primitives::threading::Thread;
    /// assert_eq!(Thread::start(|| "done").join().unwrap(), "done");
    /// let failed = Thread::start(|| -> u32 { std::panic::resume_unwind(Box::new("no")) });
    /// assert_eq!(failed.join().unwrap_err().downcast_ref(), Some(&"no"));
    /// ```
    pub fn join(self) -> std::thread::Result<R> {
        assert!(current().is_none_or(|me| me.ident() != self.info.ident()), "a thread cannot join itself");
        // It catches what it runs, so there is nothing to be told.
        let _ = self.std.join();
        self.result.lock().take().expect("a thread that has ended has a result")
    }

    /// Waits no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// The handle, if the thread has not ended in time. Within: what the thread panicked with.
    ///
    /// ```
    /// use std::time::Duration;
    /// use heddle_primitives::{Event, threading::Thread};
    /// static GO: Event = Event::new();
    /// let thread = Thread::start(|| GO.wait());
    /// let thread = thread.join_timeout(Duration::from_millis(1)).unwrap_err().0;
    /// GO.set();
    /// assert!(thread.join_timeout(Duration::from_secs(10)).unwrap().is_ok());
    /// ```
    pub fn join_timeout(self, timeout: Duration) -> Result<std::thread::Result<R>, NotEnded<R>> {
        if self.info.0.ended.wait_for(timeout) { Ok(self.join()) } else { Err(NotEnded(self)) }
    }

    /// Whether the thread has not ended.
    ///
    /// ```
    /// use heddle_primitives::{Event, threading::Thread};
    /// static GO: Event = Event::new();
    /// let thread = Thread::start(|| GO.wait());
    /// assert!(thread.is_alive());
    /// GO.set();
    /// thread.join().unwrap();
    /// ```
    pub fn is_alive(&self) -> bool {
        self.info.is_alive()
    }

    /// Who it is.
    ///
    /// ```
    /// use heddle_primitives::threading::Thread;
    /// let thread = Thread::builder().name("worker").start(|| ()).unwrap();
    /// let info = thread.info().clone();
    /// thread.join().unwrap();
    /// assert_eq!((info.name(), info.is_alive()), (Some("worker"), false));
    /// ```
    pub fn info(&self) -> &ThreadInfo {
        &self.info
    }
}

impl ThreadInfo {
    /// The name that it was started with.
    ///
    /// ```
    /// use heddle_primitives::threading::Thread;
    /// let thread = Thread::start(|| ());
    /// assert_eq!(thread.info().name(), None);
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Its number among those that were started here, from 1, never used again.
    ///
    /// ```
    /// use heddle_primitives::threading::Thread;
    /// let (first, second) = (Thread::start(|| ()), Thread::start(|| ()));
    /// assert!(first.info().ident() < second.info().ident());
    /// ```
    pub fn ident(&self) -> u64 {
        self.0.ident
    }

    /// The kernel's number of it, once it runs; the kernel uses it again when it has ended.
    ///
    /// ```
    /// use heddle_primitives::threading::{Thread, current};
    /// let thread = Thread::start(|| current().unwrap().native_id());
    /// assert!(thread.join().unwrap().is_some());
    /// ```
    pub fn native_id(&self) -> Option<u32> {
        // ORDERING: the number is all that is read.
        Some(self.0.native_id.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    /// Whether it has not ended; what it has done is visible to who finds that it has.
    ///
    /// ```
    /// use heddle_primitives::{Event, threading::Thread};
    /// static GO: Event = Event::new();
    /// let thread = Thread::start(|| GO.wait());
    /// let info = thread.info().clone();
    /// assert!(info.is_alive());
    /// GO.set();
    /// thread.join().unwrap();
    /// assert!(!info.is_alive());
    /// ```
    pub fn is_alive(&self) -> bool {
        !self.0.ended.is_set()
    }
}

/// Who the calling thread is, if it was started here.
///
/// ```
/// use heddle_primitives::threading::{Thread, current};
/// assert!(current().is_none(), "not started here");
/// let thread = Thread::builder().name("me").start(|| current().unwrap().name().map(str::to_owned)).unwrap();
/// assert_eq!(thread.join().unwrap().as_deref(), Some("me"));
/// ```
pub fn current() -> Option<ThreadInfo> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Those that were started here and have not ended, in the order of their start; others may start and end meanwhile.
///
/// ```
/// use heddle_primitives::Event;
/// use heddle_primitives::threading::{Thread, active_count, current, enumerate};
/// static GO: Event = Event::new();
/// let thread = Thread::builder().name("waits").start(|| { GO.wait(); current() }).unwrap();
/// assert_eq!((active_count(), enumerate()[0].name()), (1, Some("waits")));
/// GO.set();
/// assert_eq!(thread.join().unwrap().unwrap().name(), Some("waits"));
/// assert_eq!(active_count(), 0);
/// ```
pub fn enumerate() -> Vec<ThreadInfo> {
    RUNNING.lock().1.values().cloned().collect()
}

/// How many were started here and have not ended.
///
/// ```
/// use heddle_primitives::{Event, threading::{Thread, active_count}};
/// static GO: Event = Event::new();
/// let threads: Vec<_> = (0..3).map(|_| Thread::start(|| GO.wait())).collect();
/// assert_eq!(active_count(), 3);
/// GO.set();
/// threads.into_iter().for_each(|thread| thread.join().unwrap());
/// ```
pub fn active_count() -> usize {
    RUNNING.lock().1.len()
}

impl<R> fmt::Debug for Thread<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Thread").field(&self.info).finish()
    }
}

impl fmt::Debug for ThreadInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut info = f.debug_struct("ThreadInfo");
        info.field("name", &self.name())
            .field("ident", &self.ident())
            .field("alive", &self.is_alive())
            .finish()
    }
}

impl<R> fmt::Debug for NotEnded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NotEnded").field(&self.0).finish()
    }
}

impl<R> fmt::Display for NotEnded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread has not ended in time")
    }
}

impl<R> Error for NotEnded<R> {}
