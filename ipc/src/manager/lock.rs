//! A shared lock.

use core::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client::Connection;
use super::error::ManagerError;
use super::protocol::{LockOp, Reply, Request};
use super::proxy::{Remote, proxy, told, truth};
use super::queue::milliseconds;

/// A lock in a [`Manager`](super::Manager).
///
/// The guard keeps a connection, and the server takes the lock back when that ends; so a client that dies releases it, and whoever gets the
/// lock next is [told](LockGuard::owner_died). Clones are the same lock.
///
/// ```
/// use heddle_ipc::manager::Manager;
///
/// let manager = Manager::start()?;
/// let lock = manager.lock()?;
/// let guard = lock.lock()?;
/// assert!(lock.is_locked()? && !guard.owner_died());
/// guard.unlock()?;
/// assert!(!lock.is_locked()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lock {
    remote: Remote,
    #[serde(skip)]
    of: PhantomData<()>,
}

proxy!(Lock, Lock);

impl Lock {
    /// Waits for the lock.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn lock(&self) -> Result<LockGuard, ManagerError> {
        self.lock_within(None)
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// [`ManagerError::TimedOut`] if it is not, and the others of [`ManagerError`].
    pub fn try_lock(&self) -> Result<LockGuard, ManagerError> {
        self.lock_within(Some(0))
    }

    /// Waits for the lock, for so long at most.
    ///
    /// # Errors
    ///
    /// [`ManagerError::TimedOut`], and the others of [`ManagerError`].
    pub fn try_lock_for(&self, limit: Duration) -> Result<LockGuard, ManagerError> {
        self.lock_within(Some(milliseconds(limit)))
    }

    /// Whether somebody has it; it may have changed by the time that this returns.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn is_locked(&self) -> Result<bool, ManagerError> {
        truth(self.remote.ask(&Request::Lock(self.remote.id, LockOp::IsLocked))?)
    }

    fn lock_within(&self, limit: Option<u64>) -> Result<LockGuard, ManagerError> {
        let connection = self.remote.client.connect()?;
        match connection.ask(&Request::Lock(self.remote.id, LockOp::Lock(limit)))? {
            Reply::Truth(owner_died) => {
                Ok(LockGuard { connection: Some(connection), id: self.remote.id, owner_died })
            }
            reply => {
                connection.put_back();
                told(reply)?;
                Err(ManagerError::Protocol)
            }
        }
    }
}

/// Proof that a [`Lock`] is held; unlocks when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
#[derive(Debug)]
pub struct LockGuard {
    /// There until it is unlocked.
    connection: Option<Connection>,
    id: u64,
    owner_died: bool,
}

impl LockGuard {
    /// Whether the last owner died, or lost its connection, while it had the lock.
    pub fn owner_died(&self) -> bool {
        self.owner_died
    }

    /// Unlocks, and says whether that worked. If it did not, the connection has ended, and the lock with it.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn unlock(mut self) -> Result<(), ManagerError> {
        self.release()
    }

    fn release(&mut self) -> Result<(), ManagerError> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        match connection.ask(&Request::Lock(self.id, LockOp::Unlock))? {
            Reply::Done => {
                connection.put_back();
                Ok(())
            }
            // Not put back: with the connection the lock ends in any case.
            reply => told(reply).map(drop),
        }
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        // Whatever came of it, the connection has ended if it failed, and the lock with it.
        let _ = self.release();
    }
}
