//! A shared queue.

use core::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::protocol::{CONFIRMED, QueueOp, Reply, Request};
use super::proxy::{Remote, count, done, from_blob, proxy, to_blob, told};

/// A queue in a [`Manager`](super::Manager), first in, first out, of items of any size.
///
/// An item that a client was about to get when it died goes back to the front. Clones are the same queue.
///
/// ```
/// use heddle_ipc::manager::{Manager, Queue};
///
/// let manager = Manager::start()?;
/// let words: Queue<String> = manager.queue(10)?;
/// words.put(&"heddle".to_owned())?;
/// assert_eq!(words.get()?, "heddle");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Queue<T> {
    remote: Remote,
    #[serde(skip)]
    of: PhantomData<fn(T) -> T>,
}

proxy!(Queue<T>, Queue);

impl<T> Queue<T> {
    /// How many items there are; others may put and get meanwhile.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn len(&self) -> Result<usize, ManagerError> {
        count(self.remote.ask(&Request::Queue(self.remote.id, QueueOp::Len))?)
    }

    /// Whether there is none; others may put and get meanwhile.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn is_empty(&self) -> Result<bool, ManagerError> {
        Ok(self.len()? == 0)
    }
}

impl<T: Serialize + DeserializeOwned> Queue<T> {
    /// Puts an item at the end; waits for room.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn put(&self, item: &T) -> Result<(), ManagerError> {
        self.put_within(item, None)
    }

    /// Puts an item at the end; waits for room, for so long at most.
    ///
    /// # Errors
    ///
    /// [`ManagerError::TimedOut`], and the others of [`ManagerError`].
    pub fn put_timeout(&self, item: &T, limit: Duration) -> Result<(), ManagerError> {
        self.put_within(item, Some(milliseconds(limit)))
    }

    /// Takes the first item; waits for one.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn get(&self) -> Result<T, ManagerError> {
        self.get_within(None)
    }

    /// Takes the first item; waits for one, for so long at most.
    ///
    /// # Errors
    ///
    /// [`ManagerError::TimedOut`], and the others of [`ManagerError`].
    pub fn get_timeout(&self, limit: Duration) -> Result<T, ManagerError> {
        self.get_within(Some(milliseconds(limit)))
    }

    fn put_within(&self, item: &T, limit: Option<u64>) -> Result<(), ManagerError> {
        let request = Request::Queue(self.remote.id, QueueOp::Put(to_blob(item)?, limit));
        done(self.remote.ask(&request)?)
    }

    fn get_within(&self, limit: Option<u64>) -> Result<T, ManagerError> {
        let connection = self.remote.client.connect()?;
        let reply = connection.ask(&Request::Queue(self.remote.id, QueueOp::Get(limit)))?;
        let Reply::Blob(blob) = reply else {
            connection.put_back();
            told(reply)?;
            return Err(ManagerError::Protocol);
        };
        let item = from_blob(&blob)?;
        connection.confirm(CONFIRMED)?;
        connection.put_back();
        Ok(item)
    }
}

/// As the server counts, and never 0 for a wait that is not over.
pub(super) fn milliseconds(limit: Duration) -> u64 {
    u64::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
