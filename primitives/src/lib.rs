//! Synchronization primitives on one futex word, for threads and for processes, checked by loom and shuttle.
//!
//! Every primitive is a few `#[repr(C)]`, pointer-free words that are initialised in place, so the same code serves
//! threads of one process (scope [`Private`]) and threads of several processes that map the same memory and trust each
//! other to live (scope [`Shared`]). Names and signatures are those of the crate that people know, so that a change of the `use` line
//! does for the common cases.
//!
//! Words are of 32 bits; "S" marks what can live in memory that processes share.
//!
//! | primitive | words | S | guarantees | Python | Rust |
//! |---|---|---|---|---|---|
//! | [`Mutex`] | 1 | S | exclusion; may be overtaken, hand-over on request | `threading.Lock` | `parking_lot::Mutex` |
//! | [`FairMutex`] | 1 | S | exclusion; every unlock hands over | - | `parking_lot::FairMutex` |
//! | [`ReentrantMutex`] | 4 | S | exclusion of other threads; its owner may lock again | `threading.RLock` | `parking_lot::ReentrantMutex` |
//! | [`RwLock`] | 1 | S | readers together or a writer alone; upgradable; neither side starves | - | `parking_lot::RwLock` |
//! | [`ShardedRwLock`] | 32 cache lines and 32 | | the same; readers do not slow each other down, writers pay | - | `crossbeam_utils::sync::ShardedLock` |
//! | [`SeqLock`] | 2, 64 bits, the value | S | readers never write and never see half a value; plain data only | - | `seqlock` |
//! | [`RawMutex`], [`RawRwLock`] | 1 | S | what the locks are made of, for `lock_api`'s types | - | `lock_api` |
//! | [`Once`], [`OnceLock`] | 1, and the value | S | one initialiser at a time, one value for ever | - | `std::sync` |
//! | [`LazyLock`] | 1, the value or its maker | | the same, made when first looked at | - | `std::sync::LazyLock` |
//! | [`Condvar`] | 4 | S | first come, first notified; no notification is lost or swallowed | `threading.Condition` | `parking_lot::Condvar` |
//! | [`Event`] | 1 | S | a set releases all who wait, even if cleared at once | `threading.Event` | - |
//! | [`Barrier`] | 4 | S | all or nobody pass; abort, reset, one leader | `threading.Barrier` | `std::sync::Barrier` |
//! | [`Semaphore`] | 2 | S | never more permits out than there are | `threading.Semaphore` | `tokio::sync::Semaphore` |
//! | [`BoundedSemaphore`] | 3 | S | the same; a release too many is an error | `threading.BoundedSemaphore` | - |
//! | [`Latch`] | 1 | S | opens once for all | - | `std::sync::Barrier` used once |
//! | [`WaitGroup`] | 1, on the heap | | waits until all clones are gone | - | `crossbeam_utils::sync::WaitGroup` |
//! | [`Parker`], [`Unparker`] | 1, on the heap | | one token, never lost | - | `crossbeam_utils::sync::Parker` |
//! | [`oneshot`] | 1 and the value | S | one value, or the news that there will be none | - | `oneshot` |
//! | [`spsc`] | 2 cache line pairs and the slots | S | in order, wait-free; one at a time or in chunks | - | `rtrb` |
//! | [`ArrayQueue`] | 2 cache line pairs and the slots | | linearizable, but for `force_push` in two steps; of many to many, bounded | - | `crossbeam_queue::ArrayQueue` |
//! | [`channel`] | 5 cache line pairs and the slots, on the heap | | in order of each sender; nothing lost by time-outs; selection | - | `crossbeam_channel` |
//! | [`Queue`] | 8 and a collection | | counts unfinished tasks; shuts down | `queue.Queue`, `LifoQueue`, `PriorityQueue` | - |
//! | [`deque`] | 2 cache line pairs and the slots, on the heap | | each value to one side only | - | `crossbeam_deque` |
//! | [`ThreadPool`] | threads | | a wait runs nothing but what it waits for; panics go on where results would | `concurrent.futures.ThreadPoolExecutor` | `rayon`, `chili` |
//! | `threading::{Thread, Timer, Local}` | a thread; one; an entry for each thread | | joins with time-outs; values dropped with their thread or object | `threading.Thread`, `Timer`, `local` | `std::thread`, `thread_local` |
//! | [`Futex`] | 1 | S | a change followed by a wake is never missed | - | `atomic-wait` |
//!
//! # What it costs, and what it does not do
//!
//! - No poisoning: a panic while a guard is held releases the lock.
//! - Not fair unless it says so: a running thread may overtake one that sleeps. Waiters spin before they sleep, about 1.5 us at a lock
//!   and 15 us where one thread hands over to another (see [`spin`]), because waking a thread on another core costs about 20 us; on
//!   a single CPU nobody spins.
//! - A primitive in scope `Shared` does not survive a holder that dies; every sleep there re-checks at least every 50 ms,
//!   so a wake lost with a dead waker delays and does not hang.
//! - Whoever unlocks, sets, posts or notifies touches nothing but the address after the step that lets another thread go on, so that
//!   one may free the primitive at once. The late wake may hit whatever lives there by then; everything here tolerates that.
//! - Locking a [`Mutex`] again in its own thread is a panic in debug builds, and a deadlock in others. The feature `deadlock_detection`
//!   finds cycles among threads that wait for locks, and reports them.
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
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub mod threading;
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
    RwLockUpgradableReadGuard, RwLockWriteGuard, SendRwLockReadGuard, SendRwLockUpgradableReadGuard,
    SendRwLockWriteGuard,
};
pub use scope::{Private, Scope, Shared};
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub use semaphore::OwnedSemaphorePermit;
pub use semaphore::{BoundedSemaphore, OverReleased, Semaphore, SemaphorePermit};
pub use seqlock::SeqLock;
pub use sharded_rwlock::{ShardedRwLock, ShardedRwLockReadGuard, ShardedRwLockWriteGuard};
pub use sync::futex::{Futex, FutexAddress, WaitOutcome};
pub use sync::verify;
pub use wait_group::WaitGroup;
