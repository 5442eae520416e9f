//! Why something was not put, or not got.

use core::fmt;

use thiserror::Error;

/// The queue is closed, or nobody is left to get the item; it comes back.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("the queue is closed")]
pub struct PutError<T>(pub T);

/// The item was not put at once, or not in time; it comes back.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
pub enum TryPutError<T> {
    /// There is no room.
    #[error("the queue is full")]
    Full(T),
    /// The queue is closed, or nobody is left to get the item.
    #[error("the queue is closed")]
    Closed(T),
}

/// The queue is empty, and nothing will come any more: it is closed, or nobody is left to put anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the queue is empty and closed")]
pub struct GetError;

/// There was no item at once, or not in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TryGetError {
    /// There is none yet.
    #[error("the queue is empty")]
    Empty,
    /// There will be none any more.
    #[error("the queue is empty and closed")]
    Closed,
}

impl<T> PutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> TryPutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            TryPutError::Full(item) | TryPutError::Closed(item) => item,
        }
    }
}

// Not derived: items need not be `Debug`.
impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutError(..)")
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "Full(..)",
            TryPutError::Closed(_) => "Closed(..)",
        })
    }
}
