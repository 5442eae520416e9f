//! Every primitive with real threads, a file each: what it does, what it refuses, sequences of operations against an obviously
//! right version, stress with more threads than CPUs. Tests named `rNN_` are bugs that others have had.
#![cfg(not(any(heddle_loom, heddle_shuttle, miri)))]

mod support;

mod barrier;
mod condvar;
mod event;
mod futex;
mod latch;
mod memory;
mod mutex;
mod once;
mod parker;
mod semaphore;
mod spsc;
