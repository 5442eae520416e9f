//! What can be wrong with a lock whose owner died.

use core::fmt;

use thiserror::Error;

/// A lock was not got as usual, because an owner of it died.
#[derive(Error)]
pub enum LockError<G> {
    /// The owner died while it held the lock. The caller holds it now, and the data are as the dead owner left them: repair them,
    /// and call the guard's `mark_consistent`. A guard that is dropped without makes the lock [`Unrecoverable`](Self::Unrecoverable).
    #[error("the lock's owner died while it held it")]
    OwnerDied(G),
    /// An owner died, and the next one did not repair the data. It will not get better.
    #[error("the lock's owner died, and nobody repaired what it guards")]
    Unrecoverable,
}

/// A lock was not got at once, or not in time.
#[derive(Error)]
pub enum TryLockError<G> {
    /// Another process, or another thread, holds it.
    #[error("the lock is held")]
    Busy,
    /// As [`LockError::OwnerDied`].
    #[error("the lock's owner died while it held it")]
    OwnerDied(G),
    /// As [`LockError::Unrecoverable`].
    #[error("the lock's owner died, and nobody repaired what it guards")]
    Unrecoverable,
}

impl<G> LockError<G> {
    /// The guard, if the lock was got.
    pub fn into_guard(self) -> Option<G> {
        match self {
            LockError::OwnerDied(guard) => Some(guard),
            LockError::Unrecoverable => None,
        }
    }
}

impl<G> From<LockError<G>> for TryLockError<G> {
    fn from(error: LockError<G>) -> Self {
        match error {
            LockError::OwnerDied(guard) => TryLockError::OwnerDied(guard),
            LockError::Unrecoverable => TryLockError::Unrecoverable,
        }
    }
}

// Not derived: guards need not be `Debug`.
impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockError::OwnerDied(_) => "OwnerDied(..)",
            LockError::Unrecoverable => "Unrecoverable",
        })
    }
}

impl<G> fmt::Debug for TryLockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryLockError::Busy => "Busy",
            TryLockError::OwnerDied(_) => "OwnerDied(..)",
            TryLockError::Unrecoverable => "Unrecoverable",
        })
    }
}
