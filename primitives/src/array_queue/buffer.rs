//! The memory of an [`ArrayQueue`](super::ArrayQueue): its positions and its slots.

use super::ring::Ring;
use crate::cache_padded::CachePadded;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::cell::UnsafeCell;
use std::fmt;
use std::mem::MaybeUninit;

/// Where the next value goes in and comes out.
///
/// A position is a lap, a mark and an index, from the top; a lap is `2 * m` and the mark `m`, where `m` is the first power of
/// two above the capacity. The mark is set in the tail of a queue that takes no more values. Layout (`repr(C)`): tail and
/// head, each a [`CachePadded`] of 8 bytes; all-zero bytes are those of an empty queue.
///
/// ```
/// use heddle_primitives::CachePadded;
/// use heddle_primitives::array_queue::Positions;
/// assert_eq!(size_of::<Positions>(), 2 * size_of::<CachePadded<u64>>());
/// ```
#[repr(C)]
pub struct Positions {
    pub(super) tail: CachePadded<AtomicU64>,
    pub(super) head: CachePadded<AtomicU64>,
}

impl Positions {
    const_in_normal_builds! {
        /// The positions of an empty queue.
        ///
        /// ```
        /// use heddle_primitives::array_queue::Positions;
        /// // Those of an empty queue are zero, as in fresh shared memory.
        /// assert_eq!(format!("{:?}", Positions::new()), "Positions { tail: 0, head: 0 }");
        /// ```
        pub const fn new() -> Self {
            Self { tail: CachePadded::new(AtomicU64::new(0)), head: CachePadded::new(AtomicU64::new(0)) }
        }
    }
}

impl Default for Positions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORDERING: for information.
        let (tail, head) = (self.tail.load(Ordering::Relaxed), self.head.load(Ordering::Relaxed));
        f.debug_struct("Positions").field("tail", &tail).field("head", &head).finish()
    }
}

/// Room for one value, and whose turn it is.
///
/// | turn | meaning | leaves by |
/// |---|---|---|
/// | 2 n | empty; the push of lap n may take it | that push, when it has written -> 2 n + 1 |
/// | 2 n + 1 | holds the value of lap n | its pop, when it has read -> 2 n + 2; a forced push of lap n + 1 -> 2 n + 3 |
///
/// Turns count modulo 2^32; only equality is looked at, and a position that has moved on meanwhile makes the exchange fail
/// that follows. Layout (`repr(C)`): the turn, then the value; all-zero bytes are an empty slot.
///
/// ```
/// use heddle_primitives::array_queue::Slot;
/// // A turn and the value.
/// assert_eq!(size_of::<Slot<u32>>(), 8);
/// ```
#[repr(C)]
pub struct Slot<T> {
    pub(super) turn: AtomicU32,
    pub(super) value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Slot<T> {
    const_in_normal_builds! {
        /// An empty slot.
        ///
        /// ```
        /// use heddle_primitives::array_queue::Slot;
        /// let slots: [Slot<String>; 4] = std::array::from_fn(|_| Slot::new());
        /// assert!(slots.iter().all(|slot| format!("{slot:?}") == "Slot { turn: 0, .. }"));
        /// ```
        pub const fn new() -> Self {
            Self { turn: AtomicU32::new(0), value: UnsafeCell::new(MaybeUninit::uninit()) }
        }
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("turn", &self.turn).finish_non_exhaustive()
    }
}

/// Where a queue keeps its positions and its slots: on the heap, or in memory that processes share.
///
/// # Safety
/// While the value lives, also after it has moved:
/// - `positions` and `capacity` always return the same, and `capacity` is from 1 to 2^31;
/// - `slot` returns a slot of its own for each index below `capacity`, always the same one;
/// - no one but queues of this capacity changes them, or if so (a peer process gone wild), then values of `T` have no invalid
///   bytes: such a peer may lose values and make others wait, not make them leave the slots.
///
/// ```
/// use heddle_primitives::array_queue::{ArrayQueue, Buffer, Positions, Slot};
/// struct InPlace {
///     positions: Positions,
///     slots: [Slot<u32>; 4],
/// }
///
/// // SAFETY: the fields are never replaced, and each index has its slot.
/// unsafe impl Buffer<u32> for &InPlace {
///     fn positions(&self) -> &Positions {
///         &self.positions
///     }
///
///     fn capacity(&self) -> usize {
///         4
///     }
///
///     fn slot(&self, index: usize) -> &Slot<u32> {
///         &self.slots[index]
///     }
/// }
///
/// let memory = InPlace { positions: Positions::new(), slots: [const { Slot::new() }; 4] };
/// // SAFETY: both are over the same memory, which is that of an empty queue.
/// let (one, other) = unsafe { (ArrayQueue::from_buffer(&memory), ArrayQueue::from_buffer(&memory)) };
/// one.push(7).unwrap();
/// assert_eq!(other.pop(), Some(7));
/// ```
pub unsafe trait Buffer<T> {
    /// The positions.
    ///
    /// ```
    /// use heddle_primitives::array_queue::{Buffer, Heap};
    /// let heap = Heap::<u8>::new(2);
    /// assert!(std::ptr::eq(heap.positions(), heap.positions()));
    /// ```
    fn positions(&self) -> &Positions;

    /// How many slots there are.
    ///
    /// ```
    /// use heddle_primitives::array_queue::{Buffer, Heap};
    /// let heap = Heap::<u8>::new(2);
    /// assert_eq!(heap.capacity(), 2);
    /// ```
    fn capacity(&self) -> usize;

    /// The slot at `index`, which is below [`capacity`](Self::capacity).
    ///
    /// ```
    /// use heddle_primitives::array_queue::{Buffer, Heap};
    /// let heap = Heap::<u8>::new(2);
    /// assert!(!std::ptr::eq(heap.slot(0), heap.slot(1)));
    /// ```
    fn slot(&self, index: usize) -> &Slot<T>;
}

/// Positions and slots on the heap, for the threads of this process.
///
/// ```
/// use heddle_primitives::array_queue::{ArrayQueue, Heap};
/// let queue: ArrayQueue<char, Heap<char>> = ArrayQueue::new(2);
/// assert!(format!("{:?}", queue.buffer()).ends_with("capacity: 2 }"));
/// ```
pub struct Heap<T> {
    positions: Positions,
    slots: Box<[Slot<T>]>,
}

// SAFETY: the queue hands values from one thread to another, which takes `T: Send`; who has claimed a slot reaches it alone.
unsafe impl<T: Send> Sync for Heap<T> {}
// SAFETY: the heap owns the values in it.
unsafe impl<T: Send> Send for Heap<T> {}

impl<T> Heap<T> {
    /// Room for `capacity` values.
    ///
    /// # Panics
    /// If `capacity` is 0 or above 2^31.
    ///
    /// ```
    /// use heddle_primitives::array_queue::{Buffer, Heap};
    /// assert_eq!(Heap::<u8>::new(3).capacity(), 3);
    /// assert!(std::panic::catch_unwind(|| Heap::<u8>::new(0)).is_err());
    /// ```
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "capacity must be non-zero");
        assert!(capacity <= 1 << 31, "capacity overflow");
        Self { positions: Positions::new(), slots: (0..capacity).map(|_| Slot::new()).collect() }
    }
}

// SAFETY: both fields are set once and never replaced; `Heap::new` keeps the capacity in range. A queue that has moved has no
// operation under way.
unsafe impl<T> Buffer<T> for Heap<T> {
    #[inline(always)]
    fn positions(&self) -> &Positions {
        &self.positions
    }

    #[inline(always)]
    fn capacity(&self) -> usize {
        self.slots.len()
    }

    #[inline(always)]
    fn slot(&self, index: usize) -> &Slot<T> {
        debug_assert!(index < self.slots.len());
        // SAFETY: the index is below the capacity, which is the number of slots.
        unsafe { self.slots.get_unchecked(index) }
    }
}

impl<T> Drop for Heap<T> {
    fn drop(&mut self) {
        if !std::mem::needs_drop::<T>() {
            return;
        }
        let geometry = Ring::<T, Self>::geometry(self.slots.len());
        let tail = geometry.unmarked(self.positions.tail.with_mut(|tail| *tail));
        let mut head = self.positions.head.with_mut(|head| *head);
        while head != tail {
            let (index, turn) = geometry.place(head);
            // A push that was claimed and never finished, by a thread that panicked in between, has left nothing.
            if self.slots[index].turn.with_mut(|found| *found) == turn.wrapping_add(1) {
                let slot = self.slots[index].value.get_mut();
                // SAFETY: the queue is being dropped, so nobody else reaches the slot.
                let value = unsafe { slot.deref() };
                // SAFETY: its turn says that the slot holds the value of this lap; each is dropped once.
                unsafe { value.assume_init_drop() };
            }
            head = geometry.next(head, index);
        }
    }
}

impl<T> fmt::Debug for Heap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap")
            .field("positions", &self.positions)
            .field("capacity", &self.slots.len())
            .finish()
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn layout_is_positions_on_their_lines_and_turns_before_values() {
        assert_eq!(size_of::<Positions>(), 2 * size_of::<CachePadded<u64>>());
        assert_eq!(std::mem::offset_of!(Positions, head), size_of::<CachePadded<u64>>());
        assert_eq!(size_of::<Slot<u32>>(), 8);
        assert_eq!(size_of::<Slot<u64>>(), 16);
        assert_eq!(std::mem::offset_of!(Slot<u64>, value), 8);
    }
}
