//! Synchronization between processes that survives the death of any of them.
//!
//! What is here has the names of `multiprocessing` and of std, and one thing more: whoever waits learns of a death instead of waiting for
//! ever. Each is created in a segment, alone or beside others, and other processes attach by its [`Address`].
//!
//! - `raw_mutex`: the lock that knows its owner;
//! - `nap`: how a wait passes the time;
//! - `place`: where the words lie.

mod error;
mod mutex;
mod nap;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod place;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
#[path = "../model/place.rs"]
mod place;
mod raw_mutex;

pub use error::{LockError, TryLockError};
pub use mutex::{Mutex, MutexGuard};
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use place::{Address, AttachError, CreateError};
