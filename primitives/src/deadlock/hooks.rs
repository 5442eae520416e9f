//! What the locks tell.

use super::{Cycle, GRAPH, HANDLER, Wait};
use crate::held::{Hold, Want};
use crate::sync::thread;
use std::time::Duration;

/// The time between two looks at a lock.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// The calling thread alone holds the lock.
pub(crate) fn acquired(address: usize, _kind: &'static str) {
    acquired_as(address, Hold::Exclusive);
}

/// The calling thread holds the lock.
pub(crate) fn acquired_as(address: usize, hold: Hold) {
    GRAPH.lock().acquired(address, thread::serial(), hold);
}

/// The calling thread is about to let go of the lock, which it holds alone, or is no longer the only one that may.
pub(crate) fn released(address: usize) {
    released_as(address, Hold::Exclusive);
}

/// The calling thread is about to let go of the lock, or is no longer the only one that may.
pub(crate) fn released_as(address: usize, hold: Hold) {
    GRAPH.lock().released(address, thread::serial(), hold);
}

/// Nobody holds the lock any more, whoever did.
pub(crate) fn forgotten(address: usize) {
    GRAPH.lock().forgotten(address);
}

/// Lasts as long as a wait.
pub(crate) struct Waiting {
    thread: u64,
}

impl Waiting {
    /// The calling thread is about to wait without limit for the lock alone.
    ///
    /// # Panics
    /// If it would close a circle, and no handler is set or the handler does.
    pub(crate) fn begin(address: usize, kind: &'static str) -> Self {
        Self::begin_as(address, kind, Want::Exclusive)
    }

    /// The calling thread is about to wait without limit.
    ///
    /// # Panics
    /// As [`begin`](Self::begin).
    pub(crate) fn begin_as(address: usize, kind: &'static str, want: Want) -> Self {
        let (waiting, cycle) = Self::enter(address, kind, want, false);
        report(cycle);
        waiting
    }

    /// The calling thread is about to wait with a limit.
    pub(crate) fn begin_limited(address: usize, kind: &'static str, want: Want) -> Self {
        Self::enter(address, kind, want, true).0
    }

    /// Enters the wait, and says whether it closes a circle: the two at once, so that one of several threads does.
    fn enter(address: usize, kind: &'static str, want: Want, limited: bool) -> (Self, Option<Cycle>) {
        let thread = thread::serial();
        let name = thread::current().name().map(str::to_owned);
        let mut graph = GRAPH.lock();
        graph.waits(Wait { thread, name, address, kind, behind: false }, want, limited);
        // Dropped, and so struck out, also when the handler panics.
        (Self { thread }, graph.unreported(thread))
    }

    /// Tries for the lock by `take`, and unless that succeeds notes whether, according to `queued`, others keep the thread out that
    /// have queued, and sleeps for a moment. Until it looks again, or stirs, the thread must not try otherwise.
    ///
    /// # Panics
    /// As [`begin`](Self::begin).
    pub(crate) fn look(&mut self, take: impl FnOnce() -> bool, queued: impl FnOnce() -> bool) -> bool {
        let mut graph = GRAPH.lock();
        if take() {
            graph.stopped(self.thread);
            return true;
        }
        graph.looked(self.thread, queued());
        let cycle = graph.unreported(self.thread);
        drop(graph);
        report(cycle);
        thread::sleep(BETWEEN_LOOKS);
        false
    }

    /// The thread is about to wait for the lock in the usual way again.
    pub(crate) fn stir(&mut self) {
        GRAPH.lock().looked(self.thread, false);
    }
}

fn report(cycle: Option<Cycle>) {
    let Some(cycle) = cycle else { return };
    let handler = HANDLER.lock().clone();
    match handler {
        Some(handler) => handler(&cycle),
        None => panic!("{cycle}"),
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        GRAPH.lock().stopped(self.thread);
    }
}
