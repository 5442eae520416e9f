//! Finds threads that wait for each other in a circle; with the feature `deadlock_detection` only.
//!
//! Every lock tells who holds it, and every wait without a limit what it waits for. A thread that is about to wait looks whether
//! it closes a circle; the last one always does, because what it holds and what the others wait for is known by then. A
//! circle is never reported in error: each of its threads holds a lock, and waits, at the same instant, until another's is
//! free. Waits with a limit end, so they count as none; and a guard that another thread may drop is nobody's.
//!
//! Known are [`Mutex`](crate::Mutex) and [`ReentrantMutex`](crate::ReentrantMutex), between the threads of one process. All of them go through one table, so this is for
//! finding errors, not for production.
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

use crate::raw::RawMutex;
use crate::sync::{Arc, thread};
use std::collections::BTreeMap;
use std::fmt;

/// Threads that wait for each other in a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cycle {
    /// Each thread waits for a lock that the next one holds, the last for one that the first holds.
    pub waits: Vec<Wait>,
}

/// One thread of a [`Cycle`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Wait {
    /// The thread's number, as [`thread::serial`] has it.
    pub thread: u64,
    /// The thread's name, if it has one.
    pub name: Option<String>,
    /// The address of the lock that it waits for.
    pub address: usize,
    /// The type of that lock.
    pub kind: &'static str,
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
            write!(f, "{wait}, held by ")?;
        }
        let first = &self.waits[0];
        write!(f, "thread {} '{}'", first.thread, first.name.as_deref().unwrap_or("<unnamed>"))
    }
}

/// All circles that threads wait in now, each from the thread with the lowest number on.
pub fn check() -> Vec<Cycle> {
    let graph = GRAPH.lock();
    let mut cycles: Vec<Cycle> = Vec::new();
    for &thread in graph.waits.keys() {
        let Some(mut cycle) = graph.cycle_of(thread) else { continue };
        let lowest = (0..cycle.waits.len()).min_by_key(|&n| cycle.waits[n].thread).unwrap_or(0);
        cycle.waits.rotate_left(lowest);
        if !cycles.contains(&cycle) {
            cycles.push(cycle);
        }
    }
    cycles
}

/// What to do about a circle, from now on, in the thread that is about to close it. If `handler` returns, the thread goes on
/// to wait. By default the thread panics with the circle as the message, and so lets go of what it holds as it unwinds;
/// where it cannot, locking again at the end of [`MutexGuard::unlocked`](crate::MutexGuard::unlocked), the process aborts.
pub fn on_deadlock(handler: impl Fn(&Cycle) + Send + Sync + 'static) {
    *HANDLER.lock() = Some(Arc::new(handler));
}

type Handler = Arc<dyn Fn(&Cycle) + Send + Sync>;

// Raw locks, which are not told of here.
static HANDLER: lock_api::Mutex<RawMutex, Option<Handler>> = lock_api::Mutex::new(None);
static GRAPH: lock_api::Mutex<RawMutex, Graph> =
    lock_api::Mutex::new(Graph { holders: BTreeMap::new(), waits: BTreeMap::new() });

struct Graph {
    /// Who holds the lock at an address.
    holders: BTreeMap<usize, Vec<u64>>,
    /// What a thread waits for without limit.
    waits: BTreeMap<u64, Wait>,
}

impl Graph {
    /// The circle that `first` waits in.
    fn cycle_of(&self, first: u64) -> Option<Cycle> {
        let mut path = Vec::new();
        let mut seen = Vec::new();
        if self.search(first, first, &mut path, &mut seen) { Some(Cycle { waits: path }) } else { None }
    }

    /// Whether `thread` waits, over however many others, for `first`; the way is added to `path`.
    fn search(&self, first: u64, thread: u64, path: &mut Vec<Wait>, seen: &mut Vec<u64>) -> bool {
        let Some(wait) = self.waits.get(&thread) else { return false };
        if seen.contains(&thread) {
            return false;
        }
        seen.push(thread);
        path.push(wait.clone());
        let holders = self.holders.get(&wait.address).map_or(&[][..], Vec::as_slice);
        if holders.iter().any(|&holder| holder == first || self.search(first, holder, path, seen)) {
            return true;
        }
        path.pop();
        false
    }
}

/// What the locks tell.
pub(crate) mod hooks {
    use super::{GRAPH, HANDLER, Wait, thread};

    /// The calling thread alone holds the lock.
    pub(crate) fn acquired(address: usize, _kind: &'static str) {
        GRAPH.lock().holders.insert(address, vec![thread::serial()]);
    }

    /// The calling thread holds the lock, as others may.
    #[allow(dead_code, reason = "for locks that several threads may hold")]
    pub(crate) fn acquired_shared(address: usize, _kind: &'static str) {
        GRAPH.lock().holders.entry(address).or_default().push(thread::serial());
    }

    /// The calling thread is about to let go of the lock, or is no longer the only one that may.
    pub(crate) fn released(address: usize) {
        let mut graph = GRAPH.lock();
        let me = thread::serial();
        if let Some(holders) = graph.holders.get_mut(&address) {
            if let Some(place) = holders.iter().position(|&holder| holder == me) {
                holders.swap_remove(place);
            }
            if holders.is_empty() {
                graph.holders.remove(&address);
            }
        }
    }

    /// Nobody holds the lock any more, whoever did.
    pub(crate) fn forgotten(address: usize) {
        GRAPH.lock().holders.remove(&address);
    }

    /// Lasts as long as a wait without limit.
    pub(crate) struct Waiting {
        thread: u64,
    }

    impl Waiting {
        /// The calling thread is about to wait without limit.
        ///
        /// # Panics
        /// If it would close a circle, and no handler is set or the handler does.
        pub(crate) fn begin(address: usize, kind: &'static str) -> Self {
            let thread = thread::serial();
            let name = thread::current().name().map(str::to_owned);
            // Dropped, and so taken out, also when the handler panics.
            let waiting = Self { thread };
            let cycle = {
                let mut graph = GRAPH.lock();
                graph.waits.insert(thread, Wait { thread, name, address, kind });
                graph.cycle_of(thread)
            };
            if let Some(cycle) = cycle {
                let handler = HANDLER.lock().clone();
                match handler {
                    Some(handler) => handler(&cycle),
                    None => panic!("{cycle}"),
                }
            }
            waiting
        }
    }

    impl Drop for Waiting {
        fn drop(&mut self) {
            GRAPH.lock().waits.remove(&self.thread);
        }
    }
}
