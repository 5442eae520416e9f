//! Several values at a time: [`WriteChunk`], [`WriteChunkUninit`] and [`ReadChunk`], with rtrb's names.
//!
//! A chunk is what a run of pushes or pops is, but the other end learns of it once, and the values can be copied as slices. A
//! chunk that goes round the end of the memory comes in two slices. Like `push` and `pop`, chunks do not wake an end that
//! sleeps; [`Producer::notify`](super::Producer::notify) and [`Consumer::notify`](super::Consumer::notify) do.
//!
//! ```
//! use heddle_primitives::spsc::RingBuffer;
//!
//! let (mut producer, mut consumer) = RingBuffer::new(5);
//! assert_eq!(producer.write_chunk_uninit(4).unwrap().fill_from_iter([10, 11, 12]), 3);
//! assert_eq!(consumer.read_chunk(2).unwrap().into_iter().collect::<Vec<_>>(), [10, 11]);
//!
//! producer.push_entire_slice(&[20, 21, 22, 23]).unwrap();
//! let chunk = consumer.read_chunk(5).unwrap();
//! let (first, second) = chunk.as_slices();
//! assert_eq!([first, second].concat(), [12, 20, 21, 22, 23]);
//! chunk.commit_all();
//! assert!(consumer.is_empty());
//! ```

mod bytes;
mod read;
mod slices;
mod write;

pub use read::{ReadChunk, ReadChunkIntoIter};
pub use write::{WriteChunk, WriteChunkUninit};

use std::error::Error;
use std::fmt;

/// A chunk could not be had.
///
/// ```
/// use heddle_primitives::spsc::{ChunkError, RingBuffer};
/// let (mut producer, mut consumer) = RingBuffer::new(4);
/// producer.push('a').unwrap();
/// assert_eq!(producer.write_chunk(4).unwrap_err(), ChunkError::TooFewSlots(3));
/// assert_eq!(consumer.read_chunk(2).unwrap_err(), ChunkError::TooFewSlots(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkError {
    /// There are only so many slots: free ones for the producer, full ones for the consumer.
    TooFewSlots(usize),
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::TooFewSlots(n) = self;
        write!(f, "only {n} slots are available")
    }
}

impl Error for ChunkError {}
