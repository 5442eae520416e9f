//! A bounded queue between one producer and one consumer, with rtrb's names.
//!
//! [`RingBuffer::new`] makes a queue on the heap for two threads. [`Producer::from_buffer`] and [`Consumer::from_buffer`] make
//! its ends over any [`Buffer`], for example one in memory that two processes map.
//!
//! # Two faces
//!
//! [`Producer::push`] and [`Consumer::pop`] are wait-free: a few loads and stores, no read-modify-write, no fence, no
//! system call (at most a [pause](#distance) of fixed length). The blocking face, [`Producer::send`] and [`Consumer::recv`], adds a fence (about 8 ns, three times the price
//! of a push), which is what it takes to notice that the other end sleeps. So `push` does **not** wake a consumer that
//! sleeps in `recv`, nor `pop` a producer that sleeps in `send`: use `send` and `recv` against each other, or, after a batch
//! of pushes or pops, [`Producer::notify`] or [`Consumer::notify`] once. An end that is dropped always wakes the other.
//!
//! Several values at a time go in and come out as [`chunks`].
//!
//! # Distance
//!
//! Two ends at work at the same time that follow each other at a slot or two take each slot's cache line from each other: about
//! 30 ns a value of 8 bytes, where ends that are hundreds of slots apart need 3 ns. So an end that finds, again and again, only
//! a few values or slots when it looks for more lets 0.4 us pass and looks once more. A single value, as in questions and
//! answers, is never waited with, nor is an empty or full queue; a wait that was in vain is not tried again soon; queues for
//! fewer than 24 values do without.
//!
//! # Why no wake is lost
//!
//! Let P publish (a send, a recv, a notify, a close) and Q be about to sleep.
//!
//! ```text
//! P1 store tail                     Q1 swap asleep <- 1
//! P2 fence(SeqCst)                  Q2 fence(SeqCst)
//! P3 load asleep                    Q3 load tail (and closed)
//! P4 if 1: swap asleep <- 0, wake   Q4 if nothing new: futex wait while asleep = 1
//! ```
//!
//! One of the fences is first. If P2 is, Q3 sees P1 and Q does not sleep. If Q2 is, P3 sees Q1 or something later; then
//! either P4 takes the 1 away before Q4 looks, and the wait returns at once, or Q sleeps and is woken. Without the fences both
//! P3 and Q3 may read the old values (store buffering), and Q sleeps beside a full queue.

pub mod chunks;

mod buffer;
mod consumer;
mod error;
mod pace;
mod place;
mod producer;

pub use buffer::{Buffer, Heap, Indices};
pub use chunks::{ChunkError, ReadChunk, ReadChunkIntoIter, WriteChunk, WriteChunkUninit};
pub use consumer::Consumer;
pub use error::{PeekError, PopError, PushError, RecvError, RecvUntilError, SendError, SendUntilError};
pub(crate) use place::expect_write;
pub use producer::Producer;

use crate::sync::Arc;
use std::marker::PhantomData;

/// Where a queue begins; rtrb's name.
///
/// ```
/// use heddle_primitives::spsc::RingBuffer;
/// use heddle_primitives::sync::thread;
/// let (mut producer, mut consumer) = RingBuffer::new(16);
/// thread::scope(|s| {
///     s.spawn(move || (1..=100).for_each(|n| producer.send(n).unwrap()));
///     let sum: u32 = std::iter::from_fn(|| consumer.recv().ok()).sum();
///     assert_eq!(sum, 5_050);
/// });
/// ```
#[derive(Debug)]
pub struct RingBuffer<T>(PhantomData<T>);

impl<T> RingBuffer<T> {
    /// A queue on the heap for up to `capacity` values between two threads.
    ///
    /// A queue of capacity 0 is always full; what is sent to it waits for the consumer to be dropped.
    ///
    /// # Panics
    /// If `capacity` is above 2^31.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(1);
    /// assert!(producer.push('a').is_ok() && producer.push('b').is_err());
    /// assert_eq!(consumer.pop(), Ok('a'));
    /// ```
    #[allow(clippy::new_ret_no_self, reason = "rtrb's signature")]
    pub fn new(capacity: usize) -> (Producer<T>, Consumer<T>) {
        let heap = Arc::new(Heap::new(capacity));
        // SAFETY: the heap is new, so these are its only producer and consumer.
        let producer = unsafe { Producer::from_buffer(Arc::clone(&heap)) };
        // SAFETY: as above.
        let consumer = unsafe { Consumer::from_buffer(heap) };
        (producer, consumer)
    }
}
