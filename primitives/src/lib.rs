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
//! | [`RwLock`] | 1 | - | `parking_lot::RwLock` |
//! | [`Condvar`] | 4 | `threading.Condition` | `parking_lot::Condvar` |
//! | [`ShardedRwLock`] | 32 cache lines | - | `crossbeam::sync::ShardedLock` |
//! | [`SeqLock`] | 3 | - | `seqlock` |
//! | [`Event`] | 1 | `threading.Event` | - |
//! | [`Barrier`] | 4 | `threading.Barrier` | `std::sync::Barrier` |
//! | [`oneshot`] | 1 and the value | - | `oneshot` |
//! | [`deque`] | two cache lines and the slots | - | `crossbeam-deque` |
//! | [`ArrayQueue`] | 2 cache lines and the slots | - | `crossbeam_queue::ArrayQueue` |
//! | [`pool::ThreadPool`] | threads | `concurrent.futures.ThreadPoolExecutor` | `rayon`, `chili` |
//! | [`Semaphore`], [`BoundedSemaphore`] | 1, 2 | `threading.Semaphore`, `BoundedSemaphore` | `tokio::sync::Semaphore` |
//! | [`Once`], [`OnceLock`], [`LazyLock`] | 1, and the value | - | `std::sync` |
//! | [`Latch`], [`WaitGroup`] | 1 | - | - , `crossbeam_utils::sync::WaitGroup` |
//! | [`Parker`], [`Unparker`] | 1 | - | `crossbeam_utils::sync::Parker` |
//! | [`channel`] | 5 cache line pairs and the slots, on the heap | - | `crossbeam_channel` |
//! | [`Queue`] | 8 and a collection | `queue.Queue`, `LifoQueue`, `PriorityQueue` | - |
//! | [`spsc`] | 2 cache lines and the slots | - | `rtrb` |
//! | [`Futex`] | 1 | - | `atomic-wait` |
//!
//! # What it costs, and what it does not do
//!
//! - No poisoning: a panic while a guard is held releases the lock.
//! - Not fair: a running thread may overtake one that sleeps. Waiters spin before they sleep, about 1.5 us at a lock and 15 us
//!   where one thread hands over to another (see [`spin`]), because waking a thread on another core costs about 20 us; on a
//!   single CPU nobody spins.
//! - A primitive in scope `Shared` does not survive a holder that dies; every sleep there re-checks at least every 50 ms,
//!   so a wake lost with a dead waker delays and does not hang.
//!
//! # Checking
//!
//! Whatever synchronizes goes through [`sync`], the facade, which is the standard library in a normal build and loom or
//! shuttle under `--cfg heddle_loom` or `--cfg heddle_shuttle`.

#[macro_use]
mod macros;

pub mod array_queue;
pub mod barrier;
pub mod channel;
pub mod condvar;
#[cfg(all(feature = "deadlock_detection", not(any(heddle_loom, heddle_shuttle))))]
pub mod deadlock;
pub mod deque;
pub mod event;
pub mod latch;
pub mod lazy_lock;
pub mod mutex;
pub mod once;
pub mod once_lock;
pub mod oneshot;
pub mod parker;
pub mod pool;
pub mod queue;
pub mod raw;
pub mod reentrant;
pub mod rwlock;
pub mod semaphore;
pub mod seqlock;
pub mod sharded_rwlock;
pub mod spin;
pub mod spsc;
pub mod sync;
pub mod wait_group;

mod cache_padded;
mod held;
mod scope;

pub use array_queue::ArrayQueue;
pub use barrier::{Barrier, BarrierWaitResult, BrokenBarrier};
pub use cache_padded::CachePadded;
pub use condvar::{Condvar, WaitTimeoutResult};
pub use event::Event;
pub use latch::Latch;
pub use lazy_lock::LazyLock;
pub use mutex::{FairMutex, MappedMutexGuard, Mutex, MutexGuard};
pub use once::Once;
pub use once_lock::OnceLock;
pub use parker::{Parker, Unparker};
pub use pool::{ThreadPool, ThreadPoolBuilder};
pub use queue::Queue;
pub use raw::RawMutex;
pub use reentrant::{ReentrantMutex, ReentrantMutexGuard};
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub use rwlock::{ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard, ArcRwLockWriteGuard};
pub use rwlock::{
    MappedRwLockReadGuard, MappedRwLockWriteGuard, RawRwLock, RwLock, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard,
};
pub use scope::{Private, Scope, Shared};
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub use semaphore::OwnedSemaphorePermit;
pub use semaphore::{BoundedSemaphore, OverReleased, Semaphore, SemaphorePermit};
pub use seqlock::SeqLock;
pub use sharded_rwlock::{ShardedRwLock, ShardedRwLockReadGuard, ShardedRwLockWriteGuard};
pub use sync::futex::{Futex, FutexAddress, WaitOutcome};
pub use wait_group::WaitGroup;
