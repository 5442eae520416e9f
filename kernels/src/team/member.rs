//! A member of a team whose members share memory: threads, processes over a segment, or both.

use std::cell::Cell;
use std::panic;

use heddle_primitives::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use heddle_primitives::{Barrier, CachePadded, Mutex, Scope, Shared};

use super::Team;
use crate::region::Guarded;

/// The words that the members of one team share. Lies in the job's segment, whoever the members are.
///
/// Loops alternate between two claim counters. The member that the barrier elects at the end of a loop resets that
/// loop's counter: nobody claims from it until the loop after next, which nobody reaches before the elected member
/// has passed the barrier that ends the next loop.
#[repr(C)]
#[derive(Debug)]
pub struct TeamState<S: Scope> {
    barrier: Barrier<S>,
    critical: CachePadded<Mutex<(), S>>,
    claims: [CachePadded<AtomicUsize>; 2],
}

// SAFETY: repr(C), and made of primitives in shared scope and atomics only.
unsafe impl heddle_ipc::Shareable for TeamState<Shared> {}

impl<S: Scope> TeamState<S> {
    /// The state of a team of `size` members before its first loop.
    pub fn new(size: usize) -> TeamState<S> {
        let size = u32::try_from(size).expect("a team has fewer than 2^32 members");
        TeamState {
            barrier: Barrier::new_in(size),
            critical: CachePadded::new(Mutex::new_in(())),
            claims: [const { CachePadded::new(AtomicUsize::new(0)) }; 2],
        }
    }

    /// Releases every member from its barrier by unwinding, now and for ever.
    pub fn abort(&self) {
        self.barrier.abort();
    }
}

/// The payload with which a member unwinds when another one failed.
#[derive(Debug)]
pub(crate) struct Aborted;

/// A member of a team that shares memory.
#[derive(Debug)]
pub struct Member<'t, S: Scope> {
    state: &'t TeamState<S>,
    rank: usize,
    size: usize,
    partials: *mut u8,
    partial_bytes: usize,
    loops: Cell<usize>,
    inside: Cell<bool>,
}

impl<'t, S: Scope> Member<'t, S> {
    /// The member `rank` of `size`, with the team's room for partial results.
    ///
    /// # Safety
    /// Each rank below `size` is one thread for one run of the kernel; `state` was made for `size` members and this run.
    /// The room is the same memory for every member, valid for reads and writes during the run, aligned to
    /// [`REGION_ALIGN`](crate::region::REGION_ALIGN), and used by nobody else.
    pub(crate) unsafe fn new(
        state: &'t TeamState<S>,
        rank: usize,
        size: usize,
        partials: *mut u8,
        partial_bytes: usize,
    ) -> Member<'t, S> {
        Member { state, rank, size, partials, partial_bytes, loops: Cell::new(0), inside: Cell::new(false) }
    }

    fn arrive(&self) -> bool {
        match self.state.barrier.checked_wait() {
            Ok(result) => result.is_leader(),
            // No message: the member that failed has printed its own.
            Err(_) => panic::resume_unwind(Box::new(Aborted)),
        }
    }
}

// SAFETY: `claim` is an atomic increment from a counter that `finish` resets as the type's doc argues; blocks are
// disjoint by arithmetic; the barrier orders what came before against what follows; the mutex keeps members out.
unsafe impl<S: Scope> Team for Member<'_, S> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn barrier(&self) {
        self.arrive();
    }

    fn begin(&self) -> usize {
        self.loops.replace(self.loops.get() + 1) % 2
    }

    fn claim(&self, token: usize) -> usize {
        // ORDERING: only the number matters; the leaves' data is ordered by the barriers around the loop.
        self.state.claims[token].fetch_add(1, Ordering::Relaxed)
    }

    fn finish(&self, token: usize) {
        if self.arrive() {
            // ORDERING: ordered before the next use, two loops on, by the barrier that ends the loop between.
            self.state.claims[token].store(0, Ordering::Relaxed);
        }
    }

    fn partials(&self) -> (*mut u8, usize) {
        (self.partials, self.partial_bytes)
    }

    #[inline(always)]
    fn add(&self, counter: &AtomicU64, n: u64) {
        // ORDERING: the sum is read after a barrier, which orders it.
        counter.fetch_add(n, Ordering::Relaxed);
    }

    #[inline(always)]
    fn critical<T, R>(&self, region: &Guarded<'_, T>, body: impl FnOnce(&mut [T]) -> R) -> R {
        assert!(!self.inside.replace(true), "a critical section cannot be entered from within one");
        let guard = self.state.critical.lock();
        // SAFETY: the team's lock is held until the body is done.
        let result = body(unsafe { region.enter() });
        drop(guard);
        self.inside.set(false);
        result
    }
}
