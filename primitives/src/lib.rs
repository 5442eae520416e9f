//! Synchronization primitives on one futex word, for threads and for processes, checked by loom and shuttle.
//!
//! Every primitive is a few `#[repr(C)]`, pointer-free words that are initialised in place, so the same code serves
//! threads of one process (scope [`Private`]) and threads of several processes that map the same memory and trust each
//! other to live (scope [`Shared`]). Names follow parking_lot, std and rtrb.
//!
//! | primitive | words | Python | Rust |
//! |---|---|---|---|
//! | [`Mutex`] | 1 | `threading.Lock` | `parking_lot::Mutex` |
//! | [`FairMutex`] | 1 | - | `parking_lot::FairMutex` |
//! | [`ReentrantMutex`] | 4 | `threading.RLock` | `parking_lot::ReentrantMutex` |
//! | [`RawMutex`] | 1 | - | `lock_api::RawMutex` |
//! | [`Event`] | 1 | `threading.Event` | - |
//! | [`Barrier`] | 4 | `threading.Barrier` | `std::sync::Barrier` |
//! | [`spsc`] | 2 cache lines and the slots | - | `rtrb` |
//! | [`Futex`] | 1 | - | `atomic-wait` |
//!
//! # What it costs, and what it does not do
//!
//! - No poisoning: a panic while a guard is held releases the lock.
//! - Not fair: a running thread may overtake one that sleeps. Waiters spin about 1.5 us before they sleep (longer just after
//!   a sleep, see [`spin`]), because waking
//!   a thread on another core costs about 20 us; on a single CPU nobody spins.
//!   A [`FairMutex`] hands the lock over instead, and so does any [`MutexGuard::unlock_fair`].
//! - Debug builds refuse to lock a mutex twice in one thread. With the feature `deadlock_detection` threads that would wait for
//!   each other in a circle are reported; without it nothing of that is built.
//! - A primitive in scope `Shared` does not survive a holder that dies; every sleep there re-checks at least every 50 ms,
//!   so a wake lost with a dead waker delays and does not hang.
//!
//! # Checking
//!
//! Whatever synchronizes goes through [`sync`], the facade, which is the standard library in a normal build and loom or
//! shuttle under `--cfg heddle_loom` or `--cfg heddle_shuttle`.

#[macro_use]
mod macros;

pub mod barrier;
#[cfg(all(feature = "deadlock_detection", not(any(heddle_loom, heddle_shuttle))))]
pub mod deadlock;
pub mod event;
pub mod mutex;
pub mod raw;
pub mod reentrant;
pub mod spin;
pub mod spsc;
pub mod sync;

mod cache_padded;
mod held;
mod scope;

pub use barrier::{Barrier, BarrierWaitResult, BrokenBarrier};
pub use cache_padded::CachePadded;
pub use event::Event;
pub use mutex::{FairMutex, MappedMutexGuard, Mutex, MutexGuard};
pub use raw::RawMutex;
pub use reentrant::{ReentrantMutex, ReentrantMutexGuard};
pub use scope::{Private, Scope, Shared};
pub use sync::futex::{Futex, WaitOutcome};
