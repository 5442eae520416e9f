//! Chunks copied from and to slices.

use super::ChunkError;
use crate::spsc::{Buffer, Consumer, Producer};
use std::mem::MaybeUninit;

impl<T: Copy, B: Buffer<T>> Producer<T, B> {
    /// Pushes as much of the slice as there is room for; returns that, and the rest.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// let (pushed, rest) = producer.push_partial_slice(&[1, 2, 3, 4, 5]);
    /// assert_eq!((pushed, rest), (&[1, 2, 3, 4][..], &[5][..]));
    /// assert_eq!(consumer.pop(), Ok(1));
    /// ```
    #[must_use = "the rest is not pushed"]
    #[inline]
    pub fn push_partial_slice<'a>(&mut self, slice: &'a [T]) -> (&'a [T], &'a [T]) {
        let (pushed, rest) = slice.split_at(self.at_most(slice.len()));
        self.push_entire_slice(pushed).expect("only the consumer changes the head, and only to make room");
        (pushed, rest)
    }

    /// Pushes the whole slice.
    ///
    /// # Errors
    /// How many slots are free, if fewer; then nothing is pushed.
    ///
    /// ```
    /// use heddle_primitives::spsc::{ChunkError, RingBuffer};
    /// let (mut producer, consumer) = RingBuffer::new(4);
    /// assert_eq!(producer.push_entire_slice(&[1, 2, 3]), Ok(()));
    /// assert_eq!(producer.push_entire_slice(&[4, 5]), Err(ChunkError::TooFewSlots(1)));
    /// assert_eq!(consumer.slots(), 3);
    /// ```
    #[inline]
    pub fn push_entire_slice(&mut self, slice: &[T]) -> Result<(), ChunkError> {
        let mut chunk = self.write_chunk_uninit(slice.len())?;
        let (first, second) = chunk.as_mut_slices();
        let (source, rest) = slice.split_at(first.len());
        first.write_copy_of_slice(source);
        second.write_copy_of_slice(rest);
        // SAFETY: all slots were just written.
        unsafe { chunk.commit_all() };
        Ok(())
    }

    fn at_most(&self, n: usize) -> usize {
        if self.cached_slots() < n { n.min(self.slots()) } else { n }
    }
}

impl<T: Copy, B: Buffer<T>> Consumer<T, B> {
    /// Pops as many values as there are into the front of the slice; returns that part, and the rest.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// let mut values = [0; 5];
    /// let (popped, rest) = consumer.pop_partial_slice(&mut values);
    /// assert_eq!((&*popped, rest.len()), (&[1, 2, 3][..], 2));
    /// ```
    #[must_use = "the rest is not written"]
    #[inline]
    pub fn pop_partial_slice<'a>(&mut self, slice: &'a mut [T]) -> (&'a mut [T], &'a mut [T]) {
        let (popped, rest) = slice.split_at_mut(self.at_most(slice.len()));
        self.pop_entire_slice(popped).expect("only the producer changes the tail, and only to add values");
        (popped, rest)
    }

    /// Like [`pop_partial_slice`](Self::pop_partial_slice), into memory that holds no values yet.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// let mut values = [const { std::mem::MaybeUninit::uninit() }; 5];
    /// let (popped, rest) = consumer.pop_partial_slice_uninit(&mut values);
    /// assert_eq!((&*popped, rest.len()), (&[1, 2, 3][..], 2));
    /// ```
    #[must_use = "the rest is not written"]
    #[inline]
    pub fn pop_partial_slice_uninit<'a>(
        &mut self,
        slice: &'a mut [MaybeUninit<T>],
    ) -> (&'a mut [T], &'a mut [MaybeUninit<T>]) {
        let (popped, rest) = slice.split_at_mut(self.at_most(slice.len()));
        let popped = self
            .pop_entire_slice_uninit(popped)
            .expect("only the producer changes the tail, and only to add values");
        (popped, rest)
    }

    /// Fills the whole slice with values from the queue.
    ///
    /// # Errors
    /// How many values there are, if fewer; then nothing is popped.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// let mut values = [0; 2];
    /// consumer.pop_entire_slice(&mut values).unwrap();
    /// assert_eq!(values, [1, 2]);
    /// assert!(consumer.pop_entire_slice(&mut values).is_err());
    /// ```
    #[inline]
    pub fn pop_entire_slice(&mut self, slice: &mut [T]) -> Result<(), ChunkError> {
        let chunk = self.read_chunk(slice.len())?;
        let (first, second) = chunk.as_slices();
        let (start, rest) = slice.split_at_mut(first.len());
        start.copy_from_slice(first);
        rest.copy_from_slice(second);
        chunk.commit_all();
        Ok(())
    }

    /// Like [`pop_entire_slice`](Self::pop_entire_slice), into memory that holds no values yet.
    ///
    /// # Errors
    /// How many values there are, if fewer; then nothing is popped.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(4);
    /// producer.push_entire_slice(&[1, 2, 3]).unwrap();
    /// let mut values = [const { std::mem::MaybeUninit::uninit() }; 2];
    /// assert_eq!(*consumer.pop_entire_slice_uninit(&mut values).unwrap(), [1, 2]);
    /// assert!(consumer.pop_entire_slice_uninit(&mut values).is_err());
    /// ```
    #[inline]
    pub fn pop_entire_slice_uninit<'a>(
        &mut self,
        slice: &'a mut [MaybeUninit<T>],
    ) -> Result<&'a mut [T], ChunkError> {
        let chunk = self.read_chunk(slice.len())?;
        let (first, second) = chunk.as_slices();
        let (start, rest) = slice.split_at_mut(first.len());
        start.write_copy_of_slice(first);
        rest.write_copy_of_slice(second);
        chunk.commit_all();
        // SAFETY: both parts were just written.
        Ok(unsafe { slice.assume_init_mut() })
    }

    fn at_most(&self, n: usize) -> usize {
        if self.cached_slots() < n { n.min(self.slots()) } else { n }
    }
}
