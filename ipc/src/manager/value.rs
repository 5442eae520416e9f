//! A shared value.

use core::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::protocol::{Reply, Request, ValueOp};
use super::proxy::{Remote, one, proxy, to_blob, truth};

/// A value in a [`Manager`](super::Manager). Each method is done by the server as one step. Clones are the same value.
///
/// ```
/// use heddle_ipc::manager::{Manager, Value};
///
/// let manager = Manager::start()?;
/// let state: Value<String> = manager.value(&"new".to_owned())?;
/// state.set(&"old".to_owned())?;
/// assert!(!state.compare_exchange(&"new".to_owned(), &"lost".to_owned())?);
/// assert_eq!(state.get()?, "old");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Value<T> {
    remote: Remote,
    #[serde(skip)]
    of: PhantomData<fn(T) -> T>,
}

proxy!(Value<T>, Value);

impl<T: Serialize + DeserializeOwned> Value<T> {
    /// The value.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn get(&self) -> Result<T, ManagerError> {
        one(self.ask(ValueOp::Get)?)
    }

    /// Replaces the value.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn set(&self, value: &T) -> Result<(), ManagerError> {
        self.ask(ValueOp::Swap(to_blob(value)?)).map(drop)
    }

    /// Replaces the value; returns the one before.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn swap(&self, value: &T) -> Result<T, ManagerError> {
        one(self.ask(ValueOp::Swap(to_blob(value)?))?)
    }

    /// Replaces the value if it is `expected`, as their serialized forms say; returns whether it was.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn compare_exchange(&self, expected: &T, value: &T) -> Result<bool, ManagerError> {
        truth(self.ask(ValueOp::CompareExchange(to_blob(expected)?, to_blob(value)?))?)
    }

    fn ask(&self, op: ValueOp) -> Result<Reply, ManagerError> {
        self.remote.ask(&Request::Value(self.remote.id, op))
    }
}
