//! What can go wrong at either end; what could not be sent comes back. crossbeam's names.

use std::error::Error;
use std::fmt;

/// [`send`](super::Sender::send) failed because the channel takes no more values; the value comes back.
///
/// ```
/// use heddle_primitives::channel::{SendError, bounded};
/// let (sender, _) = bounded(1);
/// assert_eq!(sender.send("hello"), Err(SendError("hello")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// [`try_send`](super::Sender::try_send) failed; the value comes back.
///
/// ```
/// use heddle_primitives::channel::{TrySendError, bounded};
/// let (sender, _receiver) = bounded(0);
/// match sender.try_send("hello") {
///     Err(TrySendError::Full(value)) => assert_eq!(value, "hello"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room, or nobody waits to receive from a channel of capacity 0.
    Full(T),
    /// The channel takes no more values: it is closed, or all receivers are gone.
    Disconnected(T),
}

/// [`send_timeout`](super::Sender::send_timeout) failed; the value comes back.
///
/// ```
/// use heddle_primitives::channel::{SendTimeoutError, bounded};
/// use std::time::Duration;
/// let (sender, receiver) = bounded(0);
/// let soon = Duration::from_millis(1);
/// assert_eq!(sender.send_timeout("hello", soon), Err(SendTimeoutError::Timeout("hello")));
/// drop(receiver);
/// assert_eq!(sender.send_timeout("hello", soon), Err(SendTimeoutError::Disconnected("hello")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// The deadline has passed.
    Timeout(T),
    /// The channel takes no more values: it is closed, or all receivers are gone.
    Disconnected(T),
}

/// [`recv`](super::Receiver::recv) failed because the channel is empty and no more values will come.
///
/// ```
/// use heddle_primitives::channel::{RecvError, unbounded};
/// let (_, receiver) = unbounded::<u8>();
/// assert_eq!(receiver.recv(), Err(RecvError));
/// assert_eq!(RecvError.to_string(), "the channel is empty and no more values will come");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvError;

/// [`try_recv`](super::Receiver::try_recv) failed.
///
/// ```
/// use heddle_primitives::channel::{TryRecvError, unbounded};
/// let (sender, receiver) = unbounded::<u8>();
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is no value, or nobody waits to send to a channel of capacity 0.
    Empty,
    /// The channel is empty and no more values will come.
    Disconnected,
}

/// [`recv_timeout`](super::Receiver::recv_timeout) failed.
///
/// ```
/// use heddle_primitives::channel::{RecvTimeoutError, unbounded};
/// use std::time::Duration;
/// let (sender, receiver) = unbounded::<u8>();
/// assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
/// drop(sender);
/// assert_eq!(receiver.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Disconnected));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// The deadline has passed.
    Timeout,
    /// The channel is empty and no more values will come.
    Disconnected,
}

/// No operation of a [`Select`](super::Select) can be done now.
///
/// ```
/// use heddle_primitives::channel::{Select, TrySelectError, unbounded};
/// let (_sender, receiver) = unbounded::<u8>();
/// let mut select = Select::new();
/// select.recv(&receiver);
/// assert!(matches!(select.try_select(), Err(TrySelectError)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrySelectError;

/// No operation of a [`Select`](super::Select) could be done until the deadline.
///
/// ```
/// use heddle_primitives::channel::{Select, SelectTimeoutError, unbounded};
/// use std::time::Duration;
/// let (_sender, receiver) = unbounded::<u8>();
/// let mut select = Select::new();
/// select.recv(&receiver);
/// assert!(matches!(select.select_timeout(Duration::from_millis(1)), Err(SelectTimeoutError)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelectTimeoutError;

/// No operation of a [`Select`](super::Select) is ready.
///
/// ```
/// use heddle_primitives::channel::{Select, TryReadyError, unbounded};
/// let (_sender, receiver) = unbounded::<u8>();
/// let mut select = Select::new();
/// select.recv(&receiver);
/// assert!(matches!(select.try_ready(), Err(TryReadyError)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TryReadyError;

/// No operation of a [`Select`](super::Select) was ready until the deadline.
///
/// ```
/// use heddle_primitives::channel::{Select, ReadyTimeoutError, unbounded};
/// use std::time::Duration;
/// let (_sender, receiver) = unbounded::<u8>();
/// let mut select = Select::new();
/// select.recv(&receiver);
/// assert!(matches!(select.ready_timeout(Duration::from_millis(1)), Err(ReadyTimeoutError)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyTimeoutError;

impl<T> SendError<T> {
    /// The value.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, _) = bounded(1);
    /// assert_eq!(sender.send(7).unwrap_err().into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> TrySendError<T> {
    /// The value.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, _receiver) = bounded(0);
    /// assert_eq!(sender.try_send(7).unwrap_err().into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Disconnected(value) => value,
        }
    }

    /// Whether there was no room.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, receiver) = bounded(0);
    /// assert!(sender.try_send(7).unwrap_err().is_full());
    /// drop(receiver);
    /// assert!(!sender.try_send(7).unwrap_err().is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the channel takes no more values.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, receiver) = bounded(0);
    /// assert!(!sender.try_send(7).unwrap_err().is_disconnected());
    /// drop(receiver);
    /// assert!(sender.try_send(7).unwrap_err().is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

impl<T> SendTimeoutError<T> {
    /// The value.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// use std::time::Duration;
    /// let (sender, _receiver) = bounded(0);
    /// assert_eq!(sender.send_timeout(7, Duration::ZERO).unwrap_err().into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Timeout(value) | Self::Disconnected(value) => value,
        }
    }

    /// Whether the deadline has passed.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// use std::time::Duration;
    /// let (sender, _receiver) = bounded(0);
    /// assert!(sender.send_timeout(7, Duration::from_millis(1)).unwrap_err().is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Whether the channel takes no more values.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// use std::time::Duration;
    /// let (sender, _) = bounded(0);
    /// assert!(sender.send_timeout(7, Duration::MAX).unwrap_err().is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

const FULL: &str = "the channel is full";
const CLOSED: &str = "the channel takes no more values";
const EMPTY: &str = "the channel is empty";
const OVER: &str = "the channel is empty and no more values will come";
const TIMED_OUT: &str = "the deadline has passed";

/// `Debug` without a word about the value, which need not have it.
macro_rules! texts {
    ($($name:ident $(<$value:ident>)? { $($pattern:pat => ($short:literal, $text:expr)),* $(,)? })*) => {
        $(
            impl$(<$value>)? fmt::Display for $name$(<$value>)? {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(match self { $($pattern => $text),* })
                }
            }

            impl$(<$value>)? Error for $name$(<$value>)? {}

            texts!(@debug $name $(<$value>)? { $($pattern => $short),* });
        )*
    };
    (@debug $name:ident { $($rest:tt)* }) => {};
    (@debug $name:ident <$value:ident> { $($pattern:pat => $short:literal),* }) => {
        impl<$value> fmt::Debug for $name<$value> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($pattern => $short),* })
            }
        }
    };
}

texts! {
    SendError<T> { Self(_) => ("SendError(..)", CLOSED) }
    TrySendError<T> {
        Self::Full(_) => ("Full(..)", FULL),
        Self::Disconnected(_) => ("Disconnected(..)", CLOSED),
    }
    SendTimeoutError<T> {
        Self::Timeout(_) => ("Timeout(..)", TIMED_OUT),
        Self::Disconnected(_) => ("Disconnected(..)", CLOSED),
    }
    RecvError { Self => ("RecvError", OVER) }
    TryRecvError { Self::Empty => ("Empty", EMPTY), Self::Disconnected => ("Disconnected", OVER) }
    RecvTimeoutError { Self::Timeout => ("Timeout", TIMED_OUT), Self::Disconnected => ("Disconnected", OVER) }
    TrySelectError { Self => ("TrySelectError", "no operation can be done now") }
    SelectTimeoutError { Self => ("SelectTimeoutError", TIMED_OUT) }
    TryReadyError { Self => ("TryReadyError", "no operation is ready") }
    ReadyTimeoutError { Self => ("ReadyTimeoutError", TIMED_OUT) }
}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> Self {
        Self::Disconnected(error.0)
    }
}

impl<T> From<SendError<T>> for SendTimeoutError<T> {
    fn from(error: SendError<T>) -> Self {
        Self::Disconnected(error.0)
    }
}

impl From<RecvError> for TryRecvError {
    fn from(RecvError: RecvError) -> Self {
        Self::Disconnected
    }
}

impl From<RecvError> for RecvTimeoutError {
    fn from(RecvError: RecvError) -> Self {
        Self::Disconnected
    }
}
