//! Finds threads that wait for each other in a circle; with the feature `deadlock_detection` only.
//!
//! Every lock tells who holds it, and every wait without a limit what it waits for. A thread that is about to wait looks whether
//! it closes a circle; the last one always does, because what it holds and what the others wait for is known by then. A
//! circle is never reported in error: each of its threads holds a lock, and waits, at the same instant, until another's is
//! free. Waits with a limit end, so they count as none; and a guard that another thread may drop is nobody's.
//!
//! Known are [`Mutex`](crate::Mutex), [`FairMutex`](crate::FairMutex), [`ReentrantMutex`](crate::ReentrantMutex) and
//! [`RwLock`](crate::RwLock), between the threads of one process. Who waits on a [`Condvar`](crate::Condvar) does not hold the
//! mutex meanwhile, and waits for it as others do once it is notified; that nobody notifies is no circle. Guards of `Arc`s and
//! those made by `into_send` are nobody's, but the waits for them count. All locks go through one table, so this is for finding
//! errors, not for production.
//!
//! Locks are known by address. A forgotten read guard whose lock is dropped stays in the table, until a lock that comes to lie at the
//! same address is taken for writing; only such a hold can be mistaken for another.
//!
//! # What counts at an `RwLock`
//!
//! | who waits | waits for |
//! |---|---|
//! | writer | all who hold the lock, each of them |
//! | upgrade | all plain readers |
//! | upgradable reader | the writer, the upgradable reader |
//! | reader | the writer |
//!
//! A reader, plain or upgradable, also waits behind writers that have queued, and a plain one behind an upgrade. Only the
//! lock's word tells whether it does, and it may change by the time that somebody looks. So a reader that has waited for 2 ms
//! tries every now and then under the table's lock for a while, instead of sleeping; it counts as waiting behind others as long as it
//! does nothing else and nobody who keeps it out has a limit. Such a circle is therefore found some milliseconds after it has
//! closed, and in scope [`Shared`](crate::Shared), where readers pass queued writers after 50 ms, not at all.
//!
//! ```
//! use heddle_primitives::{Mutex, deadlock};
//!
//! deadlock::on_deadlock(|cycle| panic!("found in this thread: {cycle}"));
//! let (a, b) = (Mutex::new(1), Mutex::new(2));
//! let sum = *a.lock() + *b.lock();
//! assert!(deadlock::check().is_empty());
//! # assert_eq!(sum, 3);
//! ```

mod graph;
pub(crate) mod hooks;

use crate::raw::RawMutex;
use crate::sync::Arc;
use graph::Graph;
use std::fmt;

/// Threads that wait for each other in a circle.
///
/// ```
/// use heddle_primitives::Mutex;
///
/// let mutex = Mutex::new(1);
/// let guard = mutex.lock();
/// let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(mutex.lock())));
/// let message = again.unwrap_err().downcast::<String>().unwrap();
/// assert!(message.starts_with("deadlock: thread "));
/// drop(guard);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cycle {
    /// Each thread waits for a lock that the next one holds, the last for one that the first holds. Behind a reader that waits behind
    /// a writer or an upgrade stands that one.
    pub waits: Vec<Wait>,
}

/// One thread of a [`Cycle`].
///
/// ```
/// use heddle_primitives::{Mutex, deadlock};
///
/// deadlock::on_deadlock(|cycle| {
///     let kinds: Vec<_> = cycle.waits.iter().map(|wait| wait.kind).collect();
///     panic!("{kinds:?}");
/// });
/// let mutex = Mutex::new(1);
/// let guard = mutex.lock();
/// let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(mutex.lock())));
/// let message = again.unwrap_err().downcast::<String>().unwrap();
/// assert!(message.contains("Mutex<i32>"));
/// drop(guard);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Wait {
    /// The thread's number, as [`thread::serial`](crate::sync::thread::serial) has it.
    pub thread: u64,
    /// The thread's name, if it has one.
    pub name: Option<String>,
    /// The address of the lock that it waits for.
    pub address: usize,
    /// The type of that lock.
    pub kind: &'static str,
    /// The next thread does not hold the lock: it waits for it too, to write or to upgrade, and goes first.
    pub behind: bool,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("<unnamed>");
        write!(f, "thread {} '{name}' waits for the {} at {:#x}", self.thread, self.kind, self.address)
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deadlock: ")?;
        for wait in &self.waits {
            write!(f, "{wait}, {} ", if wait.behind { "behind" } else { "held by" })?;
        }
        let first = &self.waits[0];
        write!(f, "thread {} '{}'", first.thread, first.name.as_deref().unwrap_or("<unnamed>"))
    }
}

/// All circles that threads wait in now, each from the thread with the lowest number on.
///
/// ```
/// use heddle_primitives::{Mutex, deadlock};
///
/// let (a, b) = (Mutex::new(1), Mutex::new(2));
/// let _both = (a.lock(), b.lock());
/// assert!(deadlock::check().is_empty());
/// ```
pub fn check() -> Vec<Cycle> {
    GRAPH.lock().cycles()
}

/// What to do about a circle, from now on, in the thread that is about to close it, once. If `handler` returns, the thread goes on
/// to wait. By default the thread panics with the circle as the message, and so lets go of what it holds as it unwinds;
/// where it cannot, locking again at the end of [`MutexGuard::unlocked`](crate::MutexGuard::unlocked), the process aborts.
///
/// ```
/// use heddle_primitives::{Mutex, deadlock};
///
/// deadlock::on_deadlock(|cycle| panic!("refused: {cycle}"));
/// let mutex = Mutex::new(1);
/// let guard = mutex.lock();
/// let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(mutex.lock())));
/// assert!(again.unwrap_err().downcast::<String>().unwrap().starts_with("refused: "));
/// drop(guard);
/// ```
pub fn on_deadlock(handler: impl Fn(&Cycle) + Send + Sync + 'static) {
    *HANDLER.lock() = Some(Arc::new(handler));
}

type Handler = Arc<dyn Fn(&Cycle) + Send + Sync>;

// Raw locks, which are not told of here.
static HANDLER: lock_api::Mutex<RawMutex, Option<Handler>> = lock_api::Mutex::new(None);
static GRAPH: lock_api::Mutex<RawMutex, Graph> = lock_api::Mutex::new(Graph::new());
