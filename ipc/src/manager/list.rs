//! A shared list.

use core::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::protocol::{ListOp, Reply, Request};
use super::proxy::{Remote, count, done, many, maybe, one, proxy, to_blob};

/// A list in a [`Manager`](super::Manager). Each method is done by the server as one step. Clones are the same list.
///
/// ```
/// use heddle_ipc::manager::{List, Manager};
///
/// let manager = Manager::start()?;
/// let squares: List<u64> = manager.list()?;
/// squares.extend(&[0, 1, 4])?;
/// squares.push(&9)?;
/// assert_eq!(squares.to_vec()?, [0, 1, 4, 9]);
/// assert_eq!((squares.get(3)?, squares.get(4)?), (Some(9), None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct List<T> {
    remote: Remote,
    #[serde(skip)]
    of: PhantomData<fn(T) -> T>,
}

proxy!(List<T>, List);

impl<T> List<T> {
    /// How many elements there are.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn len(&self) -> Result<usize, ManagerError> {
        count(self.ask(ListOp::Len)?)
    }

    /// Whether there are none.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn is_empty(&self) -> Result<bool, ManagerError> {
        Ok(self.len()? == 0)
    }

    /// Removes all.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn clear(&self) -> Result<(), ManagerError> {
        done(self.ask(ListOp::Clear)?)
    }

    fn ask(&self, op: ListOp) -> Result<Reply, ManagerError> {
        self.remote.ask(&Request::List(self.remote.id, op))
    }
}

impl<T: Serialize + DeserializeOwned> List<T> {
    /// The element at an index, if there is one.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn get(&self, at: usize) -> Result<Option<T>, ManagerError> {
        maybe(self.ask(ListOp::Get(at as u64))?)
    }

    /// Replaces an element; returns the one before.
    ///
    /// # Errors
    ///
    /// [`ManagerError::OutOfBounds`], and the others of [`ManagerError`].
    pub fn set(&self, at: usize, element: &T) -> Result<T, ManagerError> {
        one(self.ask(ListOp::Set(at as u64, to_blob(element)?))?)
    }

    /// Adds an element at the end.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn push(&self, element: &T) -> Result<(), ManagerError> {
        done(self.ask(ListOp::Push(to_blob(element)?))?)
    }

    /// Removes the last element.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn pop(&self) -> Result<Option<T>, ManagerError> {
        maybe(self.ask(ListOp::Pop)?)
    }

    /// Adds an element before the one at an index, or at the end.
    ///
    /// # Errors
    ///
    /// [`ManagerError::OutOfBounds`], and the others of [`ManagerError`].
    pub fn insert(&self, at: usize, element: &T) -> Result<(), ManagerError> {
        done(self.ask(ListOp::Insert(at as u64, to_blob(element)?))?)
    }

    /// Removes the element at an index.
    ///
    /// # Errors
    ///
    /// [`ManagerError::OutOfBounds`], and the others of [`ManagerError`].
    pub fn remove(&self, at: usize) -> Result<T, ManagerError> {
        one(self.ask(ListOp::Remove(at as u64))?)
    }

    /// Adds elements at the end, next to each other.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn extend(&self, elements: &[T]) -> Result<(), ManagerError> {
        let blobs = elements.iter().map(to_blob).collect::<Result<_, _>>()?;
        done(self.ask(ListOp::Extend(blobs))?)
    }

    /// All elements as they are at one moment.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn to_vec(&self) -> Result<Vec<T>, ManagerError> {
        many(self.ask(ListOp::All)?)
    }
}
