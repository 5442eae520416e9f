//! A shared dictionary.

use core::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::protocol::{DictOp, Reply, Request};
use super::proxy::{Remote, count, done, from_blob, many, maybe, one, proxy, to_blob};

/// A dictionary in a [`Manager`](super::Manager). Each method is done by the server as one step.
///
/// Keys are equal if their serialized forms are. Clones are the same dictionary.
///
/// ```
/// use heddle_ipc::manager::{Dict, Manager};
///
/// let manager = Manager::start()?;
/// let ages: Dict<String, u32> = manager.dict()?;
/// assert_eq!(ages.insert(&"Ada".to_owned(), &36)?, None);
/// assert_eq!(ages.insert(&"Ada".to_owned(), &37)?, Some(36));
/// assert_eq!(ages.items()?, [("Ada".to_owned(), 37)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Dict<K, V> {
    remote: Remote,
    #[serde(skip)]
    of: PhantomData<fn() -> (K, V)>,
}

proxy!(Dict<K, V>, Dict);

/// A [`Dict`] of named values of one type: Python's `Namespace`, whose attributes may be an enum's variants.
pub type Namespace<V> = Dict<String, V>;

impl<K, V> Dict<K, V> {
    /// How many keys there are.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn len(&self) -> Result<usize, ManagerError> {
        count(self.ask(DictOp::Len)?)
    }

    /// Whether there are no keys.
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
        done(self.ask(DictOp::Clear)?)
    }

    fn ask(&self, op: DictOp) -> Result<Reply, ManagerError> {
        self.remote.ask(&Request::Dict(self.remote.id, op))
    }
}

impl<K: Serialize, V: Serialize + DeserializeOwned> Dict<K, V> {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn get(&self, key: &K) -> Result<Option<V>, ManagerError> {
        maybe(self.ask(DictOp::Get(to_blob(key)?))?)
    }

    /// Sets the value of a key; returns the one before.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn insert(&self, key: &K, value: &V) -> Result<Option<V>, ManagerError> {
        maybe(self.ask(DictOp::Insert(to_blob(key)?, to_blob(value)?))?)
    }

    /// Sets the value of a key that has none; returns the one that it has then: Python's `setdefault`.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn get_or_insert(&self, key: &K, value: &V) -> Result<V, ManagerError> {
        one(self.ask(DictOp::InsertIfAbsent(to_blob(key)?, to_blob(value)?))?)
    }

    /// Removes a key; returns its value.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn remove(&self, key: &K) -> Result<Option<V>, ManagerError> {
        maybe(self.ask(DictOp::Remove(to_blob(key)?))?)
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn contains_key(&self, key: &K) -> Result<bool, ManagerError> {
        match self.ask(DictOp::Get(to_blob(key)?))? {
            Reply::Maybe(value) => Ok(value.is_some()),
            _ => Err(ManagerError::Protocol),
        }
    }
}

impl<K: DeserializeOwned, V: DeserializeOwned> Dict<K, V> {
    /// All keys, in no particular order.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn keys(&self) -> Result<Vec<K>, ManagerError> {
        many(self.ask(DictOp::Keys)?)
    }

    /// All keys and values as they are at one moment, in no particular order.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn items(&self) -> Result<Vec<(K, V)>, ManagerError> {
        match self.ask(DictOp::Items)? {
            Reply::Pairs(pairs) => {
                pairs.iter().map(|(key, value)| Ok((from_blob(key)?, from_blob(value)?))).collect()
            }
            _ => Err(ManagerError::Protocol),
        }
    }

    /// All values, in the order of [`keys`](Dict::keys).
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn values(&self) -> Result<Vec<V>, ManagerError> {
        Ok(self.items()?.into_iter().map(|(_, value)| value).collect())
    }
}
