//! The memory of a queue: its counters and its slots.

use crate::cache_padded::CachePadded;
use crate::scope::{Private, Scope};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::cell::UnsafeCell;
use crate::sync::fence;
use crate::sync::futex::Futex;
use std::fmt;
use std::mem::MaybeUninit;

const OPEN: u32 = 0;
const CLOSED: u32 = 1;

/// Nobody sleeps on the word.
pub(super) const AWAKE: u32 = 0;
/// The end that owns the word is about to sleep on it, or does.
pub(super) const ASLEEP: u32 = 1;

/// The counters of a queue, apart from its slots, so that both can be placed in memory that processes share.
///
/// Counters run freely modulo 2^32; a slot's index is the counter modulo the capacity, a power of two. Layout (`repr(C)`):
/// the producer's line and the consumer's line, each a [`CachePadded`]; all-zero bytes are an empty queue with both ends open.
///
/// ```
/// use heddle_primitives::{Shared, spsc::Indices};
/// let indices: Indices<Shared> = Indices::new();
/// assert_eq!(indices.len(), 0);
/// ```
#[repr(C)]
pub struct Indices<S: Scope = Private> {
    pub(super) producer: CachePadded<ProducerLine<S>>,
    pub(super) consumer: CachePadded<ConsumerLine<S>>,
}

/// What the producer writes often, and what it reads at every send.
#[repr(C)]
pub(super) struct ProducerLine<S: Scope> {
    /// Values ever pushed. Written by the producer only.
    pub tail: AtomicU32,
    /// `ASLEEP` from before the consumer sleeps until somebody wakes it.
    pub consumer_asleep: Futex<S>,
    pub producer_closed: AtomicU32,
    pub consumer_closed: AtomicU32,
}

/// What the consumer writes often, and what it reads at every receive.
#[repr(C)]
pub(super) struct ConsumerLine<S: Scope> {
    /// Values ever popped. Written by the consumer only.
    pub head: AtomicU32,
    /// `ASLEEP` from before the producer sleeps until somebody wakes it.
    pub producer_asleep: Futex<S>,
}

impl<S: Scope> Indices<S> {
    const_in_normal_builds! {
        /// The counters of an empty queue.
        ///
        /// ```
        /// use heddle_primitives::spsc::Indices;
        /// let indices: Indices = Indices::new();
        /// assert!(indices.is_empty() && !indices.is_producer_closed() && !indices.is_consumer_closed());
        /// ```
        pub const fn new() -> Self {
            Self {
                producer: CachePadded::new(ProducerLine {
                    tail: AtomicU32::new(0),
                    consumer_asleep: Futex::new_in(AWAKE),
                    producer_closed: AtomicU32::new(OPEN),
                    consumer_closed: AtomicU32::new(OPEN),
                }),
                consumer: CachePadded::new(ConsumerLine {
                    head: AtomicU32::new(0),
                    producer_asleep: Futex::new_in(AWAKE),
                }),
            }
        }
    }

    /// How many values are in the queue; both ends may change that meanwhile.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, RingBuffer};
    /// let (mut producer, _consumer) = RingBuffer::new(2);
    /// producer.push('a').unwrap();
    /// assert_eq!(producer.buffer().indices().len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        // ORDERING: Acquire keeps the tail from being read before the head, which would make a difference below zero.
        let head = self.consumer.head.load(Ordering::Acquire);
        // ORDERING: a number for information; values are reached through the consumer, which acquires by itself.
        self.producer.tail.load(Ordering::Relaxed).wrapping_sub(head) as usize
    }

    /// Whether the queue is empty right now.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, RingBuffer};
    /// let (mut producer, _consumer) = RingBuffer::new(2);
    /// assert!(producer.buffer().indices().is_empty());
    /// producer.push('a').unwrap();
    /// assert!(!producer.buffer().indices().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the producer is gone: dropped, or [closed](Self::close_producer) on its behalf.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, RingBuffer};
    /// let (producer, consumer) = RingBuffer::<u8>::new(2);
    /// assert!(!consumer.buffer().indices().is_producer_closed());
    /// drop(producer);
    /// assert!(consumer.buffer().indices().is_producer_closed());
    /// ```
    pub fn is_producer_closed(&self) -> bool {
        // ORDERING: pairs with the Release in `close_producer`: what was pushed before is visible to who sees it closed.
        self.producer.producer_closed.load(Ordering::Acquire) != OPEN
    }

    /// Whether the consumer is gone: dropped, or [closed](Self::close_consumer) on its behalf.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, RingBuffer};
    /// let (producer, consumer) = RingBuffer::<u8>::new(2);
    /// assert!(!producer.buffer().indices().is_consumer_closed());
    /// drop(consumer);
    /// assert!(producer.buffer().indices().is_consumer_closed());
    /// ```
    pub fn is_consumer_closed(&self) -> bool {
        // ORDERING: pairs with the Release in `close_consumer`.
        self.producer.consumer_closed.load(Ordering::Acquire) != OPEN
    }

    /// Says that no more values will come and wakes the consumer; also for whoever noticed that the producer died.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, RingBuffer};
    /// let (producer, mut consumer) = RingBuffer::<u8>::new(2);
    /// // Somebody has seen that its process is gone.
    /// consumer.buffer().indices().close_producer();
    /// assert!(consumer.recv().is_err());
    /// ```
    pub fn close_producer(&self) {
        // ORDERING: Release for `is_producer_closed`.
        self.producer.producer_closed.store(CLOSED, Ordering::Release);
        self.wake_consumer();
    }

    /// Says that nobody takes values any more and wakes the producer; also for whoever noticed that the consumer died.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, RingBuffer};
    /// let (mut producer, consumer) = RingBuffer::new(2);
    /// // Somebody has seen that its process is gone.
    /// producer.buffer().indices().close_consumer();
    /// assert!(producer.send('a').is_err());
    /// ```
    pub fn close_consumer(&self) {
        // ORDERING: Release for `is_consumer_closed`.
        self.producer.consumer_closed.store(CLOSED, Ordering::Release);
        self.wake_producer();
    }

    /// Wakes the consumer if it sleeps, for what the caller has just published.
    #[inline(always)]
    pub(super) fn wake_consumer(&self) {
        wake(&self.producer.consumer_asleep);
    }

    /// Wakes the producer if it sleeps, for what the caller has just published.
    #[inline(always)]
    pub(super) fn wake_producer(&self) {
        wake(&self.consumer.producer_asleep);
    }
}

#[inline(always)]
fn wake<S: Scope>(asleep: &Futex<S>) {
    // ORDERING: the store before this call (P1) and the load after it (P3) must not change places; see the module's text.
    fence(Ordering::SeqCst);
    // ORDERING: ordered by the fence alone; what is published is acquired through its own counter.
    if asleep.word().load(Ordering::Relaxed) != AWAKE {
        wake_sleeper(asleep);
    }
}

#[cold]
fn wake_sleeper<S: Scope>(asleep: &Futex<S>) {
    // ORDERING: as in `wake`. An RMW, as all changes of this word.
    if asleep.word().swap(AWAKE, Ordering::Relaxed) != AWAKE {
        asleep.wake_one();
    }
}

impl<S: Scope> Default for Indices<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Scope> fmt::Debug for Indices<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indices")
            .field("len", &self.len())
            .field("producer_closed", &self.is_producer_closed())
            .field("consumer_closed", &self.is_consumer_closed())
            .finish()
    }
}

/// Where a queue keeps its counters and its slots: on the heap, or in memory that processes share.
///
/// # Safety
/// While the value lives, also after it has moved:
/// - `indices` and `slots` always return the same, a power of two of at most 2^31 slots, and nobody uses these but the two
///   ends of the queue;
/// - no one but those ends changes the counters, or if so (a peer process gone wild), then values of `T` have no invalid
///   bytes: the ends check that the counters are plausible, not that they are true.
///
/// ```
/// use heddle_primitives::Private;
/// use heddle_primitives::spsc::{Buffer, Consumer, Indices, Producer};
/// use heddle_primitives::sync::cell::UnsafeCell;
/// use std::mem::MaybeUninit;
///
/// struct InPlace {
///     indices: Indices,
///     slots: [UnsafeCell<MaybeUninit<u32>>; 4],
/// }
///
/// // SAFETY: the ends use a slot one at a time.
/// unsafe impl Sync for InPlace {}
///
/// // SAFETY: the fields are never replaced, four is a power of two, and nobody else uses them.
/// unsafe impl Buffer<u32> for &InPlace {
///     type Scope = Private;
///
///     fn indices(&self) -> &Indices {
///         &self.indices
///     }
///
///     fn slots(&self) -> &[UnsafeCell<MaybeUninit<u32>>] {
///         &self.slots
///     }
/// }
///
/// let slots = [const { UnsafeCell::new(MaybeUninit::uninit()) }; 4];
/// let memory = InPlace { indices: Indices::new(), slots };
/// // SAFETY: the memory is that of an empty queue, and these are its only ends.
/// let (mut producer, mut consumer) =
///     unsafe { (Producer::from_buffer(&memory), Consumer::from_buffer(&memory)) };
/// producer.push(7).unwrap();
/// assert_eq!((consumer.pop(), consumer.capacity()), (Ok(7), 4));
/// ```
pub unsafe trait Buffer<T> {
    /// Who may use the queue.
    type Scope: Scope;

    /// The counters.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, Heap};
    /// use heddle_primitives::sync::Arc;
    /// let heap = Arc::new(Heap::<u8>::new(3));
    /// assert_eq!(heap.indices().len(), 0);
    /// ```
    fn indices(&self) -> &Indices<Self::Scope>;

    /// The slots; their number is a power of two.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, Heap};
    /// use heddle_primitives::sync::Arc;
    /// let heap = Arc::new(Heap::<u8>::new(3));
    /// assert_eq!(heap.slots().len(), 4);
    /// ```
    fn slots(&self) -> &[UnsafeCell<MaybeUninit<T>>];

    /// How many values the queue may hold at a time, at most the number of slots, which is the default.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, Heap};
    /// use heddle_primitives::sync::Arc;
    /// let heap = Arc::new(Heap::<u8>::new(3));
    /// assert_eq!(heap.limit(), 3);
    /// ```
    fn limit(&self) -> usize {
        self.slots().len()
    }
}

/// Counters and slots on the heap, for two threads.
///
/// ```
/// use heddle_primitives::spsc::{Buffer, Heap, Producer, RingBuffer};
/// use heddle_primitives::sync::Arc;
/// let (producer, _consumer) = RingBuffer::new(3);
/// let producer: Producer<u8, Arc<Heap<u8>>> = producer;
/// assert_eq!(producer.buffer().limit(), 3);
/// ```
pub struct Heap<T> {
    indices: Indices,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    limit: usize,
}

// SAFETY: the ends hand values from one thread to another, which takes `T: Send`; a slot is reached by one end at a time.
unsafe impl<T: Send> Sync for Heap<T> {}
// SAFETY: the heap owns the values in it.
unsafe impl<T: Send> Send for Heap<T> {}

impl<T> Heap<T> {
    /// Room for `limit` values; the number of slots is rounded up to a power of two.
    ///
    /// # Panics
    /// If `limit` is above 2^31.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, Heap};
    /// use heddle_primitives::sync::Arc;
    /// let heap = Arc::new(Heap::<u64>::new(100));
    /// assert_eq!((heap.limit(), heap.slots().len()), (100, 128));
    /// ```
    pub fn new(limit: usize) -> Self {
        assert!(limit <= 1 << 31, "capacity overflow");
        let slots = limit.next_power_of_two();
        Self {
            indices: Indices::new(),
            slots: (0..slots).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
            limit,
        }
    }
}

// SAFETY: both fields are set once and never replaced, the boxed slice does not move with the heap, and slots are distinct.
unsafe impl<T> Buffer<T> for Arc<Heap<T>> {
    type Scope = Private;

    #[inline(always)]
    fn indices(&self) -> &Indices {
        &self.indices
    }

    #[inline(always)]
    fn slots(&self) -> &[UnsafeCell<MaybeUninit<T>>] {
        &self.slots
    }

    #[inline(always)]
    fn limit(&self) -> usize {
        self.limit
    }
}

impl<T> Drop for Heap<T> {
    fn drop(&mut self) {
        let mut head = self.indices.consumer.head.with_mut(|head| *head);
        let tail = self.indices.producer.tail.with_mut(|tail| *tail);
        while head != tail {
            let index = head as usize & (self.slots.len() - 1);
            let slot = self.slots[index].get_mut();
            // SAFETY: both ends are gone, so nobody else reaches the slot.
            let value = unsafe { slot.deref() };
            // SAFETY: slots from head to tail hold values that were pushed and not popped; each is dropped once.
            unsafe { value.assume_init_drop() };
            head = head.wrapping_add(1);
        }
    }
}

impl<T> fmt::Debug for Heap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("indices", &self.indices).field("limit", &self.limit).finish()
    }
}
