//! Every primitive with real threads, a file each: what it does, what it refuses, sequences of operations against an obviously
//! right version, stress with more threads than CPUs. Tests named `rNN_` are bugs that others have had.
#![cfg(not(any(heddle_loom, heddle_shuttle, miri)))]

mod support;

mod array_queue;
mod barrier;
mod condvar;
mod deque;
#[cfg(feature = "deadlock_detection")]
mod deadlock;
mod channel;
mod event;
mod futex;
mod latch;
mod memory;
mod mutex;
mod oneshot;
mod raw;
mod pool;
mod reentrant;
mod rwlock;
mod seqlock;
mod once;
mod parker;
mod semaphore;
mod queue;
mod spsc;
mod spsc_chunks;
