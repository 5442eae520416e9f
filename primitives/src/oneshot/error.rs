//! What can go wrong at either end; what could not be sent comes back.

use std::error::Error;
use std::fmt;

/// [`Sender::send`](super::Sender::send) failed because the receiver is gone; the value comes back.
///
/// ```
/// use heddle_primitives::oneshot::{self, SendError};
/// let (sender, _) = oneshot::channel();
/// assert_eq!(sender.send(7), Err(SendError(7)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> SendError<T> {
    /// The value.
    ///
    /// ```
    /// use heddle_primitives::oneshot;
    /// let (sender, _) = oneshot::channel();
    /// assert_eq!(sender.send(vec![1, 2]).unwrap_err().into_inner(), [1, 2]);
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// [`Receiver::recv`](super::Receiver::recv) failed: the sender is gone without having sent, or the value was taken before.
///
/// ```
/// use heddle_primitives::oneshot::{self, RecvError};
/// let (_, receiver) = oneshot::channel::<u8>();
/// assert_eq!(receiver.recv(), Err(RecvError));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvError;

/// [`Receiver::try_recv`](super::Receiver::try_recv) found no value.
///
/// ```
/// use heddle_primitives::oneshot::{self, TryRecvError};
/// let (sender, receiver) = oneshot::channel::<u8>();
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// Nothing was sent yet.
    Empty,
    /// The sender is gone without having sent, or the value was taken before.
    Disconnected,
}

/// [`Receiver::recv_timeout`](super::Receiver::recv_timeout) got no value.
///
/// ```
/// use heddle_primitives::oneshot::{self, RecvTimeoutError};
/// use std::time::Duration;
/// let (sender, receiver) = oneshot::channel::<u8>();
/// assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
/// drop(sender);
/// assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Disconnected));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// Nothing was sent in time.
    Timeout,
    /// The sender is gone without having sent, or the value was taken before.
    Disconnected,
}

const NO_RECEIVER: &str = "the receiver is gone";
const NO_SENDER: &str = "the sender is gone, and no value is there";

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_RECEIVER)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_SENDER)
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no value is there yet",
            Self::Disconnected => NO_SENDER,
        })
    }
}

impl fmt::Display for RecvTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the deadline has passed",
            Self::Disconnected => NO_SENDER,
        })
    }
}

impl<T> Error for SendError<T> {}
impl Error for RecvError {}
impl Error for TryRecvError {}
impl Error for RecvTimeoutError {}
