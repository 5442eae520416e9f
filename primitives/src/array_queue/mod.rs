//! A bounded queue between many producers and many consumers, with crossbeam's names.
//!
//! [`ArrayQueue::new`] makes a queue on the heap; [`ArrayQueue::from_buffer`] makes one over any [`Buffer`], for example in
//! memory that processes share: it consists of positions and turns, without pointers.

mod buffer;
mod ring;

pub use buffer::{Buffer, Heap, Positions, Slot};
pub(crate) use ring::{Backoff, Claim, Refused, Ring};

use std::fmt;
use std::iter::FusedIterator;

/// A bounded queue between many producers and many consumers, which never sleeps.
///
/// Values come out in the order in which their pushes took effect. A push and a pop are one compare-and-swap and one store
/// each, without a system call; the memory is that of the capacity, from the start: 4 bytes and the value, as aligned, for each
/// slot, and two pairs of cache lines. Not lock-free: a thread that is preempted in the middle of an operation makes others
/// wait that have come round to the same slot (they pause, then yield), as in all queues of this design. Not fair either: whose
/// exchange succeeds is up to the hardware.
///
/// The design is Dmitry Vyukov's, with a turn for each slot as in folly's `MPMCQueue` and crossbeam's way to tell full and
/// empty.
///
/// # Full and empty are never said wrongly
///
/// Let the tail be read as t and, later, the head as h, a lap behind t. Both only grow, and the tail is never more than a lap
/// ahead of the head, because a push claims a slot only after the pop of the lap before. So when the head was h, the tail was
/// at least t, and at most h and a lap, which is t: the queue was full at that moment. In the same way it was empty if the
/// head was read as h and then the tail as h, since the head never passes the tail. That the slot at hand is taken (or not yet
/// filled) shows neither: its pop (or push) may be under way in a thread that was preempted, while later ones are complete.
///
/// Where loads may be late, "when" means: the tail is read with `Acquire` and was written with `Release`, so the head that is
/// read next is not older than the one that those who moved the tail there had seen. A fence stands between the two reads, for those who use several queues:
///
/// ```text
/// A1 push to queue 1                   B1 push to queue 2
/// A2 fence(SeqCst)                     B2 fence(SeqCst)
/// A3 pop of queue 2: look at its tail  B3 pop of queue 1: look at its tail
/// ```
///
/// Without the fences both may read the old tails and say "empty" (store buffering), which no order of these four
/// operations explains.
///
/// ```
/// use heddle_primitives::ArrayQueue;
///
/// let queue = ArrayQueue::new(2);
/// assert_eq!(queue.push('a'), Ok(()));
/// assert_eq!(queue.push('b'), Ok(()));
/// assert_eq!(queue.push('c'), Err('c'));
/// assert_eq!(queue.force_push('d'), Some('a'));
/// assert_eq!(queue.pop(), Some('b'));
/// assert_eq!(queue.into_iter().collect::<Vec<_>>(), ['d']);
/// ```
///
/// Values go from thread to thread, so they must be `Send`:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::ArrayQueue::<std::rc::Rc<u32>>::new(1));
/// ```
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// send(heddle_primitives::ArrayQueue::<std::rc::Rc<u32>>::new(1));
/// ```
pub struct ArrayQueue<T, B: Buffer<T> = Heap<T>> {
    ring: Ring<T, B>,
}

impl<T> ArrayQueue<T> {
    /// A queue on the heap for up to `capacity` values.
    ///
    /// # Panics
    /// If `capacity` is 0 or above 2^31.
    ///
    /// ```
    /// use heddle_primitives::ArrayQueue;
    /// let queue = ArrayQueue::new(1);
    /// assert_eq!((queue.push('a'), queue.push('b')), (Ok(()), Err('b')));
    /// ```
    pub fn new(capacity: usize) -> Self {
        Self { ring: Ring::new(Heap::new(capacity)) }
    }
}

impl<T, B: Buffer<T>> ArrayQueue<T, B> {
    /// The queue in `buffer`, going on where others left it; there may be several of them over the same memory.
    ///
    /// # Safety
    /// The positions and turns are those of a queue of this capacity (all zero for a new one), and what they say is in it are
    /// valid values of `T`. If the memory is shared between processes, `T` is valid in all of them.
    ///
    /// # Panics
    /// If the capacity is 0 or above 2^31.
    ///
    /// ```
    /// use heddle_primitives::array_queue::{ArrayQueue, Heap};
    /// // SAFETY: the queue is new, and its memory belongs to this process.
    /// let queue = unsafe { ArrayQueue::from_buffer(Heap::new(2)) };
    /// queue.push('a').unwrap();
    /// assert_eq!(queue.pop(), Some('a'));
    /// ```
    pub unsafe fn from_buffer(buffer: B) -> Self {
        Self { ring: Ring::new(buffer) }
    }

    /// Puts a value in, if there is room.
    ///
    /// # Errors
    /// The value, if the queue is full.
    ///
    /// ```
    /// use heddle_primitives::ArrayQueue;
    /// let queue = ArrayQueue::new(1);
    /// assert_eq!(queue.push('a'), Ok(()));
    /// assert_eq!(queue.push('b'), Err('b'));
    /// ```
    #[inline]
    pub fn push(&self, value: T) -> Result<(), T> {
        self.ring.push(value).map_err(|(value, _)| value)
    }

    /// Puts a value in; if the queue is full, in place of the oldest one, which is returned.
    ///
    /// In a full queue this is two steps, the oldest value out and the new one in: others may find room, or a queue of one empty, in
    /// between.
    ///
    /// ```
    /// use heddle_primitives::ArrayQueue;
    /// let last = ArrayQueue::new(2);
    /// assert_eq!([1, 2, 3].map(|n| last.force_push(n)), [None, None, Some(1)]);
    /// assert_eq!(last.into_iter().collect::<Vec<_>>(), [2, 3]);
    /// ```
    pub fn force_push(&self, value: T) -> Option<T> {
        self.ring.force_push(value)
    }

    /// Takes the oldest value out, if there is one.
    ///
    /// ```
    /// use heddle_primitives::ArrayQueue;
    /// let queue = ArrayQueue::new(2);
    /// queue.push('a').unwrap();
    /// assert_eq!((queue.pop(), queue.pop()), (Some('a'), None));
    /// ```
    #[inline]
    pub fn pop(&self) -> Option<T> {
        self.ring.pop().ok()
    }

    /// How many values fit in.
    ///
    /// ```
    /// use heddle_primitives::ArrayQueue;
    /// // Not rounded up.
    /// assert_eq!(ArrayQueue::<u8>::new(100).capacity(), 100);
    /// ```
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// How many values are in the queue; others may change that meanwhile.
    ///
    /// ```
    /// use heddle_primitives::ArrayQueue;
    /// let queue = ArrayQueue::new(2);
    /// queue.push('a').unwrap();
    /// assert_eq!(queue.len(), 1);
    /// queue.pop();
    /// assert_eq!(queue.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether the queue is empty right now; others may change that.
    ///
    /// ```
    /// use heddle_primitives::ArrayQueue;
    /// let queue = ArrayQueue::new(2);
    /// assert!(queue.is_empty());
    /// queue.push('a').unwrap();
    /// assert!(!queue.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Whether the queue is full right now; others may change that.
    ///
    /// ```
    /// use heddle_primitives::ArrayQueue;
    /// let queue = ArrayQueue::new(1);
    /// assert!(!queue.is_full());
    /// queue.push('a').unwrap();
    /// assert!(queue.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.ring.is_full()
    }

    /// The memory of the queue.
    ///
    /// ```
    /// use heddle_primitives::array_queue::{ArrayQueue, Buffer};
    /// let queue = ArrayQueue::<u8>::new(3);
    /// assert_eq!(queue.buffer().capacity(), 3);
    /// ```
    pub fn buffer(&self) -> &B {
        self.ring.buffer()
    }
}

impl<T, B: Buffer<T>> fmt::Debug for ArrayQueue<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayQueue").field("capacity", &self.capacity()).field("len", &self.len()).finish()
    }
}

impl<T, B: Buffer<T>> IntoIterator for ArrayQueue<T, B> {
    type Item = T;
    type IntoIter = IntoIter<T, B>;

    fn into_iter(self) -> IntoIter<T, B> {
        IntoIter { queue: self }
    }
}

/// The values of an [`ArrayQueue`], oldest first.
///
/// ```
/// use heddle_primitives::ArrayQueue;
/// let queue = ArrayQueue::new(3);
/// ['a', 'b'].into_iter().for_each(|value| queue.push(value).unwrap());
/// let mut values = queue.into_iter();
/// assert_eq!((values.size_hint().0, values.next()), (2, Some('a')));
/// assert!(values.eq(['b']));
/// ```
#[derive(Debug)]
pub struct IntoIter<T, B: Buffer<T> = Heap<T>> {
    queue: ArrayQueue<T, B>,
}

impl<T, B: Buffer<T>> Iterator for IntoIter<T, B> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.queue.pop()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.queue.len(), None)
    }
}

impl<T, B: Buffer<T>> FusedIterator for IntoIter<T, B> {}
