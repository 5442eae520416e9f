//! Every primitive with real threads, a file each: what it does, what it refuses, sequences of operations against an obviously
//! right version, stress with more threads than CPUs. Tests named `rNN_` are bugs that others have had.
#![cfg(not(any(heddle_loom, heddle_shuttle, miri)))]

mod support;

mod barrier;
mod deque;
mod event;
mod futex;
mod memory;
mod mutex;
mod pool;
mod spsc;
mod threading;
