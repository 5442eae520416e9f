//! What can go wrong with a queue; what could not be put in comes back.

use std::error::Error;
use std::fmt;

/// [`Queue::put_nowait`](super::Queue::put_nowait) or [`Queue::put_timeout`](super::Queue::put_timeout) failed; the value comes back.
///
/// ```
/// use heddle_primitives::Queue;
/// use heddle_primitives::queue::PutError;
/// let queue = Queue::new(1);
/// queue.put('a').unwrap();
/// assert_eq!(queue.put_nowait('b'), Err(PutError::Full('b')));
/// queue.shutdown(false);
/// assert_eq!(queue.put_nowait('b'), Err(PutError::ShutDown('b')));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutError<T> {
    /// The queue is full, or was until the deadline; Python's `Full`.
    Full(T),
    /// The queue was shut down; Python's `ShutDown`.
    ShutDown(T),
}

/// [`Queue::get_nowait`](super::Queue::get_nowait) or [`Queue::get_timeout`](super::Queue::get_timeout) failed.
///
/// ```
/// use heddle_primitives::Queue;
/// use heddle_primitives::queue::GetError;
/// let queue = Queue::<u8>::new(0);
/// assert_eq!(queue.get_nowait(), Err(GetError::Empty));
/// queue.shutdown(false);
/// assert_eq!(queue.get_nowait(), Err(GetError::ShutDown));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetError {
    /// The queue is empty, or was until the deadline; Python's `Empty`.
    Empty,
    /// The queue was shut down, and is empty; Python's `ShutDown`.
    ShutDown,
}

/// The queue was shut down; what could not be put in comes back.
///
/// ```
/// use heddle_primitives::Queue;
/// use heddle_primitives::queue::ShutDown;
/// let queue = Queue::new(0);
/// queue.shutdown(false);
/// assert_eq!(queue.put('a'), Err(ShutDown('a')));
/// assert_eq!(queue.get(), Err(ShutDown(())));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutDown<T = ()>(pub T);

/// [`Queue::task_done`](super::Queue::task_done) was called more often than values were put in.
///
/// ```
/// use heddle_primitives::Queue;
/// use heddle_primitives::queue::TooManyDone;
/// let queue = Queue::<u8>::new(0);
/// assert_eq!(queue.task_done(), Err(TooManyDone));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyDone;

const SHUT_DOWN: &str = "the queue was shut down";

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::ShutDown(_) => SHUT_DOWN,
        })
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::ShutDown => SHUT_DOWN,
        })
    }
}

impl<T> fmt::Display for ShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl fmt::Display for TooManyDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more tasks are said to be done than were put in")
    }
}

impl<T: fmt::Debug> Error for PutError<T> {}
impl Error for GetError {}
impl<T: fmt::Debug> Error for ShutDown<T> {}
impl Error for TooManyDone {}
