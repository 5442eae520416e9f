//! Every primitive that may live in shared memory, between two processes: they map the same words at different addresses, sleep
//! on them, wake each other, and then work on them as fast as they can. What must be conserved is counted.
//!
//! A test starts its own program twice more, as the sides; see [`pair`].
#![cfg(not(any(heddle_loom, heddle_shuttle, miri)))]

mod locks;
mod pair;
mod queues;
mod signals;
