//! Chunks that come out.

use super::ChunkError;
use crate::spsc::place::Parts;
use crate::spsc::{Buffer, Consumer, Heap};
use crate::sync::Arc;
use crate::sync::cell::MutSlice;
use std::fmt;
use std::iter::FusedIterator;
use std::mem::MaybeUninit;

impl<T, B: Buffer<T>> Consumer<T, B> {
    /// The `n` oldest values, which stay in the queue until [`ReadChunk::commit`] or until they are iterated over.
    ///
    /// # Errors
    /// How many values there are, if fewer than `n`; the producer may make that more.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// let chunk = consumer.read_chunk(2).unwrap();
    /// assert_eq!(chunk.as_slices().0, [1, 2]);
    /// chunk.commit_all();
    /// assert_eq!(consumer.pop(), Ok(3));
    /// ```
    #[inline]
    pub fn read_chunk(&mut self, n: usize) -> Result<ReadChunk<'_, T, B>, ChunkError> {
        if self.cached_slots() < n {
            let slots = self.slots();
            if slots < n {
                return Err(ChunkError::TooFewSlots(slots));
            }
        }
        let (first, second) = self.range(n);
        Ok(ReadChunk { first, second, consumer: self })
    }
}

/// Values in the queue, to be looked at, taken out or dropped; made by [`Consumer::read_chunk`].
///
/// What is not committed stays in the queue.
///
/// ```
/// use heddle_primitives::spsc::RingBuffer;
/// let (mut producer, mut consumer) = RingBuffer::new(4);
/// producer.push_entire_slice(&[1, 2, 3]).unwrap();
/// assert_eq!(consumer.read_chunk(3).unwrap().into_iter().sum::<u32>(), 6);
/// assert!(consumer.is_empty());
/// ```
#[must_use = "values stay in the queue unless they are committed or iterated over"]
pub struct ReadChunk<'a, T, B: Buffer<T> = Arc<Heap<T>>> {
    first: MutSlice<MaybeUninit<T>>,
    second: MutSlice<MaybeUninit<T>>,
    consumer: &'a mut Consumer<T, B>,
}

// SAFETY: the chunk has the consumer for itself, so moving it moves the use of that.
unsafe impl<T: Send, B: Buffer<T> + Send> Send for ReadChunk<'_, T, B> {}

impl<'a, T, B: Buffer<T>> ReadChunk<'a, T, B> {
    /// The values; the second slice is empty unless the chunk goes round the end of the memory.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// consumer.read_chunk(2).unwrap().commit_all();
    /// producer.push_entire_slice(&[4, 5]).unwrap();
    /// let chunk = consumer.read_chunk(3).unwrap();
    /// assert_eq!(chunk.as_slices(), (&[3, 4][..], &[5][..]));
    /// ```
    #[must_use]
    #[inline]
    pub fn as_slices(&self) -> (&[T], &[T]) {
        // SAFETY: the buffer, which the consumer keeps alive, has these slots; they are full, so the producer does not touch
        // them before they are committed, and writers need `&mut self`.
        let first = unsafe { self.first.deref() };
        // SAFETY: as above.
        let second = unsafe { self.second.deref() };
        // SAFETY: full slots hold values, visible since the acquiring look at the tail.
        let first = unsafe { first.assume_init_ref() };
        // SAFETY: as above.
        (first, unsafe { second.assume_init_ref() })
    }

    /// The values, to be changed in place, as [`as_slices`](Self::as_slices).
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// consumer.read_chunk(3).unwrap().as_mut_slices().0.reverse();
    /// assert_eq!(consumer.pop(), Ok(3));
    /// ```
    #[must_use]
    #[inline]
    pub fn as_mut_slices(&mut self) -> (&mut [T], &mut [T]) {
        // SAFETY: as in `as_slices`; `&mut self` excludes other borrows.
        let first = unsafe { self.first.deref() };
        // SAFETY: as above; the two do not overlap.
        let second = unsafe { self.second.deref() };
        // SAFETY: full slots hold values.
        let first = unsafe { first.assume_init_mut() };
        // SAFETY: as above.
        (first, unsafe { second.assume_init_mut() })
    }

    /// Drops the first `n` values; their slots are free.
    ///
    /// # Panics
    /// If the chunk is shorter than `n`. If a value panics while it is dropped, it and those before it are gone from the queue.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// consumer.read_chunk(3).unwrap().commit(2);
    /// assert_eq!((consumer.pop(), consumer.slots()), (Ok(3), 0));
    /// ```
    #[inline]
    pub fn commit(self, n: usize) {
        assert!(n <= self.len(), "more values than the chunk has");
        if std::mem::needs_drop::<T>() {
            self.into_iter().take(n).for_each(drop);
        } else {
            self.into_consumer().advance(n);
        }
    }

    /// Drops all values; their slots are free.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// consumer.read_chunk(3).unwrap().commit_all();
    /// assert_eq!((consumer.slots(), producer.slots()), (0, 4));
    /// ```
    #[inline]
    pub fn commit_all(self) {
        let n = self.len();
        self.commit(n);
    }

    /// How many values the chunk has.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// assert_eq!(consumer.read_chunk(2).unwrap().len(), 2);
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    /// Whether it has none.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// assert!(consumer.read_chunk(0).unwrap().is_empty());
    /// assert!(!consumer.read_chunk(1).unwrap().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the accesses to the slots, before the producer may begin its own.
    #[inline(always)]
    fn into_consumer(self) -> &'a mut Consumer<T, B> {
        self.consumer
    }
}

impl<'a, T, B: Buffer<T>> IntoIterator for ReadChunk<'a, T, B> {
    type Item = T;
    type IntoIter = ReadChunkIntoIter<'a, T, B>;

    /// Takes the values out. What the iterator has not returned when it is dropped stays in the queue; if it is never
    /// dropped, these are leaked.
    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        let Self { first, second, consumer } = self;
        let n = first.len() + second.len();
        // As if all were taken, until the iterator is dropped: were it forgotten, no value would be taken out twice.
        consumer.skip(n);
        ReadChunkIntoIter { parts: Some((first, second)), consumer, len: n, iterated: 0 }
    }
}

impl<T: fmt::Debug, B: Buffer<T>> fmt::Debug for ReadChunk<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.as_slices();
        f.debug_list().entries(first).entries(second).finish()
    }
}

/// Takes the values of a [`ReadChunk`] out.
///
/// ```
/// use heddle_primitives::spsc::RingBuffer;
/// let (mut producer, mut consumer) = RingBuffer::new(4);
/// producer.push_entire_slice(&[1, 2, 3]).unwrap();
/// let mut values = consumer.read_chunk(3).unwrap().into_iter();
/// assert_eq!((values.next(), values.len()), (Some(1), 2));
/// // What was not iterated over stays.
/// drop(values);
/// assert_eq!(consumer.slots(), 2);
/// ```
pub struct ReadChunkIntoIter<'a, T, B: Buffer<T> = Arc<Heap<T>>> {
    /// There until the iterator is dropped.
    parts: Option<Parts<T>>,
    consumer: &'a mut Consumer<T, B>,
    len: usize,
    iterated: usize,
}

// SAFETY: the iterator has the consumer for itself, so moving it moves the use of that.
unsafe impl<T: Send, B: Buffer<T> + Send> Send for ReadChunkIntoIter<'_, T, B> {}

impl<T, B: Buffer<T>> ReadChunkIntoIter<'_, T, B> {
    /// How many values it has returned.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// let mut values = consumer.read_chunk(3).unwrap().into_iter();
    /// assert_eq!((values.next(), values.iterated()), (Some(1), 1));
    /// ```
    #[must_use]
    pub fn iterated(&self) -> usize {
        self.iterated
    }

    /// The slot of the nth value.
    #[inline(always)]
    fn slot(&self, n: usize) -> &MaybeUninit<T> {
        let (first, second) = self.parts.as_ref().expect("there until the iterator is dropped");
        // SAFETY: as in `ReadChunk::as_slices`; the iterator lends none of its slots out.
        let first = unsafe { first.deref() };
        if n < first.len() {
            return &first[n];
        }
        // SAFETY: as above.
        let second = unsafe { second.deref() };
        &second[n - first.len()]
    }
}

impl<T, B: Buffer<T>> Iterator for ReadChunkIntoIter<'_, T, B> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.iterated == self.len {
            return None;
        }
        let slot: *const MaybeUninit<T> = self.slot(self.iterated);
        // Counted before the caller has it, so that a value that panics while it is dropped is gone.
        self.iterated += 1;
        // SAFETY: a slot of the chunk, alive as above.
        let value = unsafe { slot.read() };
        // SAFETY: full slots hold values; counted above, it is read once.
        Some(unsafe { value.assume_init() })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.len - self.iterated;
        (left, Some(left))
    }
}

impl<T, B: Buffer<T>> ExactSizeIterator for ReadChunkIntoIter<'_, T, B> {}
impl<T, B: Buffer<T>> FusedIterator for ReadChunkIntoIter<'_, T, B> {}

impl<T, B: Buffer<T>> Drop for ReadChunkIntoIter<'_, T, B> {
    #[inline]
    fn drop(&mut self) {
        // The accesses end before the producer may begin its own.
        self.parts = None;
        self.consumer.unskip(self.len);
        self.consumer.advance(self.iterated);
    }
}

impl<T, B: Buffer<T>> fmt::Debug for ReadChunkIntoIter<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadChunkIntoIter")
            .field("len", &self.len())
            .field("iterated", &self.iterated)
            .finish()
    }
}
