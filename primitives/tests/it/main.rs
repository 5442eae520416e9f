//! Every primitive with real threads, a file each: what it does, what it refuses, sequences of operations against an obviously
//! right version, stress with more threads than CPUs. Tests named `rNN_` are bugs that others have had.
#![cfg(not(any(heddle_loom, heddle_shuttle, miri)))]

mod support;

mod array_queue;
mod barrier;
mod channel;
mod channel_clock;
mod condvar;
mod deque;
mod event;
mod futex;
mod latch;
mod linearizability;
mod memory;
mod mutex;
mod once;
mod oneshot;
mod parker;
mod pool;
mod queue;
mod raw;
mod reentrant;
mod regressions;
mod rwlock;
mod semaphore;
mod seqlock;
mod spsc;
mod spsc_chunks;
mod threading;
