//! Synchronization primitives on one futex word, for threads and for processes, checked by loom and shuttle.
//!
//! Every primitive is a few `#[repr(C)]`, pointer-free words that are initialised in place, so the same code serves
//! threads of one process (scope [`Private`]) and threads of several processes that map the same memory and trust each
//! other to live (scope [`Shared`]). Names follow parking_lot, std and rtrb.
//!
//! | primitive | words | Python | Rust |
//! |---|---|---|---|
//! | [`Mutex`] | 1 | `threading.Lock` | `parking_lot::Mutex` |
//! | [`Condvar`] | 4 | `threading.Condition` | `parking_lot::Condvar` |
//! | [`Event`] | 1 | `threading.Event` | - |
//! | [`Barrier`] | 4 | `threading.Barrier` | `std::sync::Barrier` |
//! | [`Semaphore`], [`BoundedSemaphore`] | 1, 2 | `threading.Semaphore`, `BoundedSemaphore` | `tokio::sync::Semaphore` |
//! | [`Once`], [`OnceLock`], [`LazyLock`] | 1, and the value | - | `std::sync` |
//! | [`Latch`], [`WaitGroup`] | 1 | - | - , `crossbeam_utils::sync::WaitGroup` |
//! | [`Parker`], [`Unparker`] | 1 | - | `crossbeam_utils::sync::Parker` |
//! | [`spsc`] | 2 cache lines and the slots | - | `rtrb` |
//! | [`Futex`] | 1 | - | `atomic-wait` |
//!
//! # What it costs, and what it does not do
//!
//! - No poisoning: a panic while a guard is held releases the lock.
//! - Not fair: a running thread may overtake one that sleeps. Waiters spin about 1.5 us before they sleep (longer just after
//!   a sleep, see [`spin`]), because waking
//!   a thread on another core costs about 20 us; on a single CPU nobody spins.
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
pub mod condvar;
pub mod event;
pub mod latch;
pub mod lazy_lock;
pub mod mutex;
pub mod once;
pub mod once_lock;
pub mod parker;
pub mod semaphore;
pub mod spin;
pub mod spsc;
pub mod sync;
pub mod wait_group;

mod cache_padded;
mod scope;

pub use barrier::{Barrier, BarrierWaitResult, BrokenBarrier};
pub use cache_padded::CachePadded;
pub use condvar::{Condvar, WaitTimeoutResult};
pub use event::Event;
pub use latch::Latch;
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
pub use once::Once;
pub use once_lock::OnceLock;
pub use parker::{Parker, Unparker};
pub use scope::{Private, Scope, Shared};
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub use semaphore::OwnedSemaphorePermit;
pub use semaphore::{BoundedSemaphore, OverReleased, Semaphore, SemaphorePermit};
pub use sync::futex::{Futex, WaitOutcome};
pub use wait_group::WaitGroup;
