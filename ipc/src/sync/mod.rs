//! Synchronization between processes that survives the death of any of them.
//!
//! What is here has the names of `multiprocessing` and of std, and one thing more: whoever waits learns of a death instead of waiting for
//! ever. Each is created in a segment, alone or beside others, and other processes attach by its [`Address`].
//!
//! - `raw_mutex`: the lock that knows its owner;
//! - `nap`: how a wait passes the time;
//! - `signal`: how one side tells the other that it is worth a look;
//! - `place`: where the words lie.

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod array;
mod barrier;
mod condvar;
mod error;
mod event;
mod mutex;
pub(crate) mod nap;
mod once;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub(crate) mod place;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
#[path = "../model/place.rs"]
pub(crate) mod place;
mod raw_mutex;
mod reentrant;
mod rwlock;
mod semaphore;
pub(crate) mod signal;
mod value;

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use array::{AccessError, Array, ArrayGuard};
pub use barrier::{Barrier, BarrierError, MAX_PARTIES};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use error::{LockError, TryLockError};
pub use event::Event;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use place::{Address, AttachError, CreateError};
pub use reentrant::{ReentrantMutex, ReentrantMutexGuard};
pub use rwlock::{ReadError, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{BoundedSemaphore, MAX_PERMITS, Permit, ReleaseError, Semaphore};
pub use value::Value;
