//! The facade: the one door to atomics, cells, fences, spin hints, threads and futexes.
//!
//! In a normal build everything here is the standard library's, wrapped without cost. Under `--cfg heddle_loom` it is
//! loom's, under `--cfg heddle_shuttle` shuttle's, and a futex is a model whose time-outs and spurious wakes the checker
//! explores as outcomes. Code that takes its synchronization from here alone can be model-checked as it stands; clippy
//! refuses the raw types elsewhere.
//!
//! What differs between builds: constructors are `const` in normal builds only; [`thread::scope`] exists in normal builds
//! only; atomics are `repr(transparent)` and cells have the layout of their content in normal builds only.
//!
//! ```
//! use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
//! use heddle_primitives::sync::thread;
//!
//! static HITS: AtomicU32 = AtomicU32::new(0);
//! let child = thread::spawn(|| HITS.fetch_add(1, Ordering::Relaxed));
//! HITS.fetch_add(1, Ordering::Relaxed);
//! child.join().unwrap();
//! assert_eq!(HITS.load(Ordering::Relaxed), 2);
//! ```
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is the facade that the lint sends everyone to"
)]

pub mod futex;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
#[path = "native.rs"]
mod backend;

#[cfg(any(heddle_loom, heddle_shuttle))]
#[path = "checked/mod.rs"]
mod backend;

pub use backend::{Arc, atomic, cell, fence, hint, thread};

#[cfg(any(heddle_loom, heddle_shuttle))]
pub use backend::futex::explore_spurious;
