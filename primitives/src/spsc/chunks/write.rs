//! Chunks that go in.

use super::ChunkError;
use crate::spsc::{Buffer, Heap, Producer};
use crate::sync::Arc;
use crate::sync::cell::MutSlice;
use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit};

impl<T, B: Buffer<T>> Producer<T, B> {
    /// `n` slots to write to, each of which holds the default value.
    ///
    /// Nothing is pushed until [`WriteChunk::commit`].
    ///
    /// # Errors
    /// How many slots are free, if fewer than `n`; the consumer may make that more.
    ///
    /// ```
    /// let (mut producer, mut consumer) = heddle_primitives::spsc::RingBuffer::new(4);
    /// let mut chunk = producer.write_chunk(2).unwrap();
    /// chunk.as_mut_slices().0[1] = 7;
    /// chunk.commit_all();
    /// assert_eq!((consumer.pop(), consumer.pop()), (Ok(0), Ok(7)));
    /// ```
    #[inline]
    pub fn write_chunk(&mut self, n: usize) -> Result<WriteChunk<'_, T, B>, ChunkError>
    where
        T: Default,
    {
        let mut chunk = WriteChunk { chunk: ManuallyDrop::new(self.write_chunk_uninit(n)?), initialized: 0 };
        let (first, second) = chunk.chunk.as_mut_slices();
        for slot in first.iter_mut().chain(second) {
            slot.write(T::default());
            // Counted one by one: should the next default panic, these are dropped.
            chunk.initialized += 1;
        }
        Ok(chunk)
    }

    /// `n` slots to write to, whose content means nothing yet.
    ///
    /// Nothing is pushed until [`WriteChunkUninit::fill_from_iter`] or [`WriteChunkUninit::commit`].
    ///
    /// # Errors
    /// How many slots are free, if fewer than `n`; the consumer may make that more.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// assert_eq!(producer.write_chunk_uninit(3).unwrap().fill_from_iter(1..), 3);
    /// assert_eq!((consumer.pop(), consumer.slots()), (Ok(1), 2));
    /// ```
    #[inline]
    pub fn write_chunk_uninit(&mut self, n: usize) -> Result<WriteChunkUninit<'_, T, B>, ChunkError> {
        if self.cached_slots() < n {
            let slots = self.slots();
            if slots < n {
                return Err(ChunkError::TooFewSlots(slots));
            }
        }
        let (first, second) = self.range(n);
        Ok(WriteChunkUninit { first, second, producer: self })
    }
}

/// Free slots that hold default values, to be overwritten and committed; made by [`Producer::write_chunk`].
///
/// Values that are not committed are dropped with the chunk.
///
/// ```
/// use heddle_primitives::spsc::RingBuffer;
/// let (mut producer, mut consumer) = RingBuffer::new(4);
/// let mut chunk = producer.write_chunk(3).unwrap();
/// chunk.as_mut_slices().0.copy_from_slice(&[1, 2, 3]);
/// chunk.commit(2);
/// assert_eq!((consumer.pop(), consumer.pop()), (Ok(1), Ok(2)));
/// assert!(consumer.is_empty());
/// ```
#[must_use = "nothing is pushed unless the chunk is committed"]
pub struct WriteChunk<'a, T, B: Buffer<T> = Arc<Heap<T>>> {
    chunk: ManuallyDrop<WriteChunkUninit<'a, T, B>>,
    /// How many slots, from the first, hold a value.
    initialized: usize,
}

impl<'a, T, B: Buffer<T>> WriteChunk<'a, T, B> {
    /// The values; the second slice is empty unless the chunk goes round the end of the memory.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// let mut chunk = producer.write_chunk(2).unwrap();
    /// let (first, second) = chunk.as_mut_slices();
    /// assert_eq!((&*first, &*second), (&[0, 0][..], &[][..]));
    /// first[1] = 7;
    /// chunk.commit_all();
    /// assert_eq!((consumer.pop(), consumer.pop()), (Ok(0), Ok(7)));
    /// ```
    #[inline]
    pub fn as_mut_slices(&mut self) -> (&mut [T], &mut [T]) {
        let (first, second) = self.chunk.as_mut_slices();
        // SAFETY: all slots of a chunk that the user gets are initialized.
        let first = unsafe { first.assume_init_mut() };
        // SAFETY: as above.
        (first, unsafe { second.assume_init_mut() })
    }

    /// Pushes the first `n` values and drops the others.
    ///
    /// # Panics
    /// If the chunk is shorter than `n`.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.write_chunk(3).unwrap().commit(1);
    /// assert_eq!((consumer.pop(), consumer.slots()), (Ok(0), 0));
    /// ```
    #[inline]
    pub fn commit(self, n: usize) {
        assert!(n <= self.len(), "more values than the chunk has");
        let mut chunk = self.into_inner();
        let len = chunk.len();
        // If a value panics while it is dropped, the rest is leaked.
        // SAFETY: all slots hold values that nobody else drops any more.
        unsafe { chunk.drop_values(n, len) };
        // SAFETY: the slots before `n` hold values that nobody drops any more.
        unsafe { chunk.commit(n) };
    }

    /// Pushes all values.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.write_chunk(3).unwrap().commit_all();
    /// assert_eq!((consumer.pop(), consumer.slots()), (Ok(0), 2));
    /// ```
    #[inline]
    pub fn commit_all(self) {
        // SAFETY: all slots hold values that nobody drops any more.
        unsafe { self.into_inner().commit_all() };
    }

    /// How many slots the chunk has.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, _consumer) = RingBuffer::<u8>::new(4);
    /// assert_eq!(producer.write_chunk(3).unwrap().len(), 3);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunk.len()
    }

    /// Whether it has none.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, _consumer) = RingBuffer::<u8>::new(4);
    /// assert!(producer.write_chunk(0).unwrap().is_empty());
    /// assert!(!producer.write_chunk(3).unwrap().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunk.is_empty()
    }

    /// The chunk without the duty to drop the values.
    #[inline(always)]
    fn into_inner(self) -> WriteChunkUninit<'a, T, B> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, not even dropped.
        unsafe { ManuallyDrop::take(&mut this.chunk) }
    }
}

impl<T, B: Buffer<T>> Drop for WriteChunk<'_, T, B> {
    fn drop(&mut self) {
        // SAFETY: so many slots hold values, and the chunk is not used again.
        unsafe { self.chunk.drop_values(0, self.initialized) };
        // SAFETY: the chunk is not used again.
        unsafe { ManuallyDrop::drop(&mut self.chunk) };
    }
}

impl<T, B: Buffer<T>> fmt::Debug for WriteChunk<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteChunk").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Free slots to be written to and committed; made by [`Producer::write_chunk_uninit`].
///
/// ```
/// use heddle_primitives::spsc::RingBuffer;
/// let (mut producer, mut consumer) = RingBuffer::new(4);
/// let chunk = producer.write_chunk_uninit(3).unwrap();
/// assert_eq!(chunk.fill_from_iter([1, 2]), 2);
/// assert_eq!((consumer.pop(), consumer.pop()), (Ok(1), Ok(2)));
/// ```
#[must_use = "nothing is pushed unless the chunk is filled or committed"]
pub struct WriteChunkUninit<'a, T, B: Buffer<T> = Arc<Heap<T>>> {
    first: MutSlice<MaybeUninit<T>>,
    second: MutSlice<MaybeUninit<T>>,
    producer: &'a mut Producer<T, B>,
}

// SAFETY: the chunk has the producer for itself, so moving it moves the use of that.
unsafe impl<T: Send, B: Buffer<T> + Send> Send for WriteChunkUninit<'_, T, B> {}

impl<'a, T, B: Buffer<T>> WriteChunkUninit<'a, T, B> {
    /// The slots; the second slice is empty unless the chunk goes round the end of the memory.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// let mut chunk = producer.write_chunk_uninit(2).unwrap();
    /// let (first, _) = chunk.as_mut_slices();
    /// first.write_copy_of_slice(&[1, 2]);
    /// // SAFETY: both slots were just written.
    /// unsafe { chunk.commit_all() };
    /// assert_eq!(consumer.pop(), Ok(1));
    /// ```
    #[inline]
    pub fn as_mut_slices(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        // SAFETY: the buffer, which the producer keeps alive, has these slots; they are free, so the consumer does not touch
        // them before they are committed, and `&mut self` excludes other borrows.
        let first = unsafe { self.first.deref() };
        // SAFETY: as above; the two do not overlap.
        (first, unsafe { self.second.deref() })
    }

    /// Pushes the first `n` slots.
    ///
    /// # Safety
    /// They hold values.
    ///
    /// # Panics
    /// If the chunk is shorter than `n`.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// let mut chunk = producer.write_chunk_uninit(2).unwrap();
    /// chunk.as_mut_slices().0[0].write('a');
    /// // SAFETY: the first slot was just written.
    /// unsafe { chunk.commit(1) };
    /// assert_eq!((consumer.pop(), consumer.slots()), (Ok('a'), 0));
    /// ```
    #[inline]
    pub unsafe fn commit(self, n: usize) {
        assert!(n <= self.len(), "more values than the chunk has");
        self.into_producer().advance(n);
    }

    /// Pushes all slots.
    ///
    /// # Safety
    /// They hold values.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// let mut chunk = producer.write_chunk_uninit(2).unwrap();
    /// for (slot, value) in chunk.as_mut_slices().0.iter_mut().zip(['a', 'b']) {
    ///     slot.write(value);
    /// }
    /// // SAFETY: both slots were just written.
    /// unsafe { chunk.commit_all() };
    /// assert_eq!((consumer.pop(), consumer.pop()), (Ok('a'), Ok('b')));
    /// ```
    #[inline]
    pub unsafe fn commit_all(self) {
        let n = self.len();
        // SAFETY: as the caller promises.
        unsafe { self.commit(n) };
    }

    /// Moves values from `iter` into the slots until either is used up, pushes them, and returns how many.
    ///
    /// If the iterator panics, nothing is pushed, and what it had returned is leaked.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// assert_eq!(producer.write_chunk_uninit(4).unwrap().fill_from_iter([1, 2]), 2);
    /// assert_eq!(producer.write_chunk_uninit(2).unwrap().fill_from_iter(3..), 2);
    /// assert!(consumer.read_chunk(4).unwrap().into_iter().eq(1..5));
    /// ```
    #[inline]
    pub fn fill_from_iter<I: IntoIterator<Item = T>>(mut self, iter: I) -> usize {
        let mut iter = iter.into_iter();
        let mut filled = 0;
        let (first, second) = self.as_mut_slices();
        'chunk: for part in [first, second] {
            for slot in part {
                let Some(value) = iter.next() else { break 'chunk };
                slot.write(value);
                filled += 1;
            }
        }
        // SAFETY: so many slots were just filled.
        unsafe { self.commit(filled) };
        filled
    }

    /// How many slots the chunk has.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, _consumer) = RingBuffer::<u8>::new(4);
    /// assert_eq!(producer.write_chunk_uninit(3).unwrap().len(), 3);
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
    /// let (mut producer, _consumer) = RingBuffer::<u8>::new(4);
    /// assert!(producer.write_chunk_uninit(0).unwrap().is_empty());
    /// assert!(!producer.write_chunk_uninit(3).unwrap().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the accesses to the slots, before the consumer may begin its own.
    #[inline(always)]
    fn into_producer(self) -> &'a mut Producer<T, B> {
        self.producer
    }

    /// Drops the values in the slots from `from` to `to`.
    ///
    /// # Safety
    /// They hold values, which are not used again.
    #[inline]
    unsafe fn drop_values(&mut self, from: usize, to: usize) {
        if std::mem::needs_drop::<T>() {
            let (first, second) = self.as_mut_slices();
            for slot in first.iter_mut().chain(second).take(to).skip(from) {
                // SAFETY: as the caller promises.
                unsafe { slot.assume_init_drop() };
            }
        }
    }
}

impl<T, B: Buffer<T>> fmt::Debug for WriteChunkUninit<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteChunkUninit").field("len", &self.len()).finish_non_exhaustive()
    }
}
