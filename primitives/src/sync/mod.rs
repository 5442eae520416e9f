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

pub(crate) mod asymmetric;
pub mod futex;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
pub(crate) mod probe;
pub mod verify;
pub(crate) mod words;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
#[path = "native/mod.rs"]
mod backend;

#[cfg(any(heddle_loom, heddle_shuttle))]
#[path = "checked/mod.rs"]
mod backend;

pub use backend::{Arc, atomic, cell, fence, hint, thread};

/// A [`fence`]`(SeqCst)` for a thread that makes known what it did by a read-modify-write before the call, and looks at
/// something afterwards: that exchange and the look do not change places.
///
/// Free on x86-64, where locked instructions are full barriers by themselves (Linux calls it `smp_mb__after_atomic`); it does
/// not order plain stores there.
///
/// ```
/// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
/// use heddle_primitives::sync::{fence_after_rmw, thread};
///
/// // Each says that it is there, and then looks for the other: at least one sees the other.
/// let there = [AtomicU32::new(0), AtomicU32::new(0)];
/// let seen: u32 = thread::scope(|s| {
///     let look = |me: usize| {
///         there[me].fetch_add(1, Ordering::Relaxed);
///         fence_after_rmw();
///         there[1 - me].load(Ordering::Relaxed)
///     };
///     let other = s.spawn(move || look(1));
///     look(0) + other.join().unwrap()
/// });
/// assert!(seen >= 1);
/// ```
#[inline(always)]
#[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
pub fn fence_after_rmw() {
    #[cfg(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri))))]
    std::sync::atomic::compiler_fence(atomic::Ordering::SeqCst);
    #[cfg(not(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri)))))]
    fence(atomic::Ordering::SeqCst);
}

/// Declares one static of the crate that every thread has its own of. The initial value must be a constant.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
macro_rules! per_thread {
    ($(#[$meta:meta])* $vis:vis static $name:ident: $type:ty = $init:expr) => {
        std::thread_local! { $(#[$meta])* $vis static $name: $type = const { $init } }
    };
}

/// As above; loom and shuttle make the value anew in every execution.
#[cfg(any(heddle_loom, heddle_shuttle))]
macro_rules! per_thread {
    ($(#[$meta:meta])* $vis:vis static $name:ident: $type:ty = $init:expr) => {
        crate::sync::checker::thread_local! { $(#[$meta])* $vis static $name: $type = $init }
    };
}

#[cfg(heddle_loom)]
pub(crate) use loom as checker;

#[cfg(all(heddle_shuttle, not(heddle_loom)))]
pub(crate) use shuttle as checker;

#[allow(unused_imports, reason = "for primitives that keep something for each thread")]
pub(crate) use per_thread;

#[cfg(any(heddle_loom, heddle_shuttle))]
pub use backend::futex::explore_spurious;
