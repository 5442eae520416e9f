//! What the checkers run: small programs on the public API, whose assertions hold in every execution.
//!
//! The main thread takes part, so a scenario of two threads spawns one. Deadlines are never looked at: under a checker a
//! timed wait may time out whenever it would sleep.
#![allow(dead_code, reason = "loom and shuttle each run a part")]

mod array_queue;
mod barrier;
mod channel;
mod channel_answers;
mod channel_waiters;
mod condvar;
mod deque;
mod event;
mod futex;
mod latch;
mod mutex;
mod once;
mod oneshot;
mod parker;
mod pool;
mod queue;
mod reentrant;
mod rwlock;
mod semaphore;
mod seqlock;
mod sharded_rwlock;
mod spsc;

pub use array_queue::*;
pub use barrier::*;
pub use channel::*;
pub use channel_answers::*;
pub use channel_waiters::*;
pub use condvar::*;
pub use deque::*;
pub use event::*;
pub use futex::*;
pub use latch::*;
pub use mutex::*;
pub use once::*;
pub use oneshot::*;
pub use parker::*;
pub use pool::*;
pub use queue::*;
pub use reentrant::*;
pub use rwlock::*;
pub use semaphore::*;
pub use seqlock::*;
pub use sharded_rwlock::*;
pub use spsc::*;

use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::{Arc, thread};

/// A plain value whose accesses the checker watches; a race is the checker's to report.
pub struct Plain(UnsafeCell<u32>);

// SAFETY: whether accesses are ordered is what the checker decides, before the value is used.
unsafe impl Sync for Plain {}
// SAFETY: a plain number.
unsafe impl Send for Plain {}

impl Plain {
    pub fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    #[track_caller]
    pub fn get(&self) -> u32 {
        let pointer = self.0.get();
        // SAFETY: the cell outlives the pointer, and the checker has excluded a writer.
        unsafe { *pointer.deref() }
    }

    #[track_caller]
    pub fn set(&self, value: u32) {
        let pointer = self.0.get_mut();
        // SAFETY: the cell outlives the pointer, and the checker has excluded everybody else.
        unsafe { *pointer.deref() = value }
    }
}

/// Runs `work` in `threads` threads, the main one included, with a number from 0, and joins them.
pub fn team<T: Send + Sync + 'static>(
    threads: u32,
    shared: &Arc<T>,
    work: impl Fn(&T, u32) + Clone + Send + 'static,
) {
    let others: Vec<_> = (1..threads)
        .map(|n| {
            let (shared, work) = (shared.clone(), work.clone());
            thread::spawn(move || work(&shared, n))
        })
        .collect();
    work(shared, 0);
    for other in others {
        other.join().unwrap();
    }
}
