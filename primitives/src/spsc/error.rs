//! What can go wrong at either end; what could not be sent comes back.

use std::error::Error;
use std::fmt;

/// [`Producer::push`](super::Producer::push) found no room.
///
/// ```
/// use heddle_primitives::spsc::{PushError, RingBuffer};
/// let (mut producer, _consumer) = RingBuffer::new(0);
/// let Err(PushError::Full(value)) = producer.push("hello") else { panic!("no room for any") };
/// assert_eq!(value, "hello");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// The queue is full; the value comes back.
    Full(T),
}

/// [`Producer::send`](super::Producer::send) failed because the consumer is gone; the value comes back.
///
/// ```
/// use heddle_primitives::spsc::{RingBuffer, SendError};
/// let (mut producer, _) = RingBuffer::new(1);
/// assert_eq!(producer.send("hello"), Err(SendError("hello")));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// [`Producer::send_until`](super::Producer::send_until) failed; the value comes back.
///
/// ```
/// use heddle_primitives::spsc::{RingBuffer, SendUntilError};
/// use std::time::Instant;
/// let (mut producer, consumer) = RingBuffer::new(0);
/// assert_eq!(producer.send_until('a', Instant::now()), Err(SendUntilError::TimedOut('a')));
/// drop(consumer);
/// assert_eq!(producer.send_until('a', Instant::now()), Err(SendUntilError::Disconnected('a')));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendUntilError<T> {
    /// The queue was still full at the deadline.
    TimedOut(T),
    /// The consumer is gone.
    Disconnected(T),
}

/// [`Consumer::pop`](super::Consumer::pop) found nothing.
///
/// ```
/// use heddle_primitives::spsc::{PopError, RingBuffer};
/// let (_producer, mut consumer) = RingBuffer::<u8>::new(1);
/// assert_eq!(consumer.pop(), Err(PopError::Empty));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PopError {
    /// The queue is empty.
    Empty,
}

/// [`Consumer::peek`](super::Consumer::peek) found nothing.
///
/// ```
/// use heddle_primitives::spsc::{PeekError, RingBuffer};
/// let (_producer, consumer) = RingBuffer::<u8>::new(1);
/// assert_eq!(consumer.peek(), Err(PeekError::Empty));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeekError {
    /// The queue is empty.
    Empty,
}

/// [`Consumer::recv`](super::Consumer::recv) failed because the producer is gone and the queue is empty.
///
/// ```
/// use heddle_primitives::spsc::{RecvError, RingBuffer};
/// let (_, mut consumer) = RingBuffer::<u8>::new(1);
/// assert_eq!(consumer.recv(), Err(RecvError));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvError;

/// [`Consumer::recv_until`](super::Consumer::recv_until) failed.
///
/// ```
/// use heddle_primitives::spsc::{RecvUntilError, RingBuffer};
/// use std::time::Instant;
/// let (producer, mut consumer) = RingBuffer::<u8>::new(1);
/// assert_eq!(consumer.recv_until(Instant::now()), Err(RecvUntilError::TimedOut));
/// drop(producer);
/// assert_eq!(consumer.recv_until(Instant::now()), Err(RecvUntilError::Disconnected));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvUntilError {
    /// The queue was still empty at the deadline.
    TimedOut,
    /// The producer is gone and the queue is empty.
    Disconnected,
}

const FULL: &str = "the queue is full";
const EMPTY: &str = "the queue is empty";
const NO_CONSUMER: &str = "the consumer is gone";
const NO_PRODUCER: &str = "the producer is gone and the queue is empty";
const TIMED_OUT: &str = "the deadline has passed";

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FULL)
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_CONSUMER)
    }
}

impl<T> fmt::Display for SendUntilError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut(_) => TIMED_OUT,
            Self::Disconnected(_) => NO_CONSUMER,
        })
    }
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EMPTY)
    }
}

impl fmt::Display for PeekError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EMPTY)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_PRODUCER)
    }
}

impl fmt::Display for RecvUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => TIMED_OUT,
            Self::Disconnected => NO_PRODUCER,
        })
    }
}

impl<T: fmt::Debug> Error for PushError<T> {}
impl<T: fmt::Debug> Error for SendError<T> {}
impl<T: fmt::Debug> Error for SendUntilError<T> {}
impl Error for PopError {}
impl Error for PeekError {}
impl Error for RecvError {}
impl Error for RecvUntilError {}
