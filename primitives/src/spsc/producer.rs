//! The end that values go in.

use super::buffer::{ASLEEP, AWAKE, Buffer, Heap};
use super::error::{PushError, SendError, SendUntilError};
use super::pace::Pace;
use super::place::{Parts, Place};
use crate::spin::{HANDOVER_SPIN, Spin};
use crate::sync::atomic::Ordering;
use crate::sync::futex::WaitOutcome;
use crate::sync::{Arc, fence};
use std::cell::Cell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

/// The end of a queue that values go in; see the [module](super).
///
/// It may be sent to another thread, not used by two.
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// let (producer, _consumer) = heddle_primitives::spsc::RingBuffer::<u32>::new(2);
/// share(producer);
/// ```
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let (producer, _consumer) = heddle_primitives::spsc::RingBuffer::<std::rc::Rc<u32>>::new(2);
/// send(producer);
/// ```
///
/// ```
/// use heddle_primitives::spsc::RingBuffer;
/// let (mut producer, consumer) = RingBuffer::new(2);
/// producer.push('a').unwrap();
/// assert_eq!((producer.slots(), consumer.slots()), (1, 1));
/// ```
pub struct Producer<T, B: Buffer<T> = Arc<Heap<T>>> {
    place: Place<T, B::Scope>,
    /// What this end has written to the shared tail; never read back from there.
    tail: u32,
    /// The head when it was last looked at; the true one is this or later.
    head: Cell<u32>,
    pace: Pace,
    /// In nanoseconds: a `Duration` has forbidden values, in which enums hide what keeps the whole from staying in registers.
    spin: u32,
    /// Dropped as a value of its own: were its address taken, the compiler would keep the whole end in memory during a loop.
    buffer: ManuallyDrop<B>,
}

// SAFETY: the place is in the buffer, which goes to the other thread together with the values that the end puts there.
unsafe impl<T: Send, B: Buffer<T> + Send> Send for Producer<T, B> {}

impl<T, B: Buffer<T>> Producer<T, B> {
    /// Takes the producer's end of the queue in `buffer`, going on where the last one stopped.
    ///
    /// # Safety
    /// The queue has no other producer, and what the counters say was pushed and not popped are valid values of `T`. If `B` is
    /// shared between processes, `T` is valid in all of them.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Consumer, Heap, Producer};
    /// use heddle_primitives::sync::Arc;
    /// let heap = Arc::new(Heap::new(2));
    /// // SAFETY: the memory is new, and these are its only ends.
    /// let mut producer = unsafe { Producer::from_buffer(heap.clone()) };
    /// // SAFETY: as above.
    /// let mut consumer = unsafe { Consumer::from_buffer(heap) };
    /// producer.push('a').unwrap();
    /// assert_eq!(consumer.pop(), Ok('a'));
    /// ```
    pub unsafe fn from_buffer(buffer: B) -> Self {
        // SAFETY: the end keeps the buffer until it is gone itself.
        let place = unsafe { Place::of(&buffer) };
        // ORDERING: the last producer handed over to this one, which orders its store before this load.
        let tail = place.indices().producer.tail.load(Ordering::Relaxed);
        let head = Cell::new(tail.wrapping_sub(place.limit));
        let producer = Self {
            place,
            tail,
            head,
            pace: Pace::new(),
            spin: HANDOVER_SPIN.as_nanos() as u32,
            buffer: ManuallyDrop::new(buffer),
        };
        producer.refresh();
        producer
    }

    /// Puts a value in, if there is room; may let [some time](super#distance) pass before it does. Does not wake a consumer that sleeps in `recv`: see [`notify`](Self::notify).
    ///
    /// # Errors
    /// The value, if the queue is full.
    ///
    /// ```
    /// use heddle_primitives::spsc::{PushError, RingBuffer};
    /// let (mut producer, _consumer) = RingBuffer::new(1);
    /// assert_eq!(producer.push('a'), Ok(()));
    /// assert_eq!(producer.push('b'), Err(PushError::Full('b')));
    /// ```
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        if self.free() == 0 && self.refill() == 0 {
            return Err(PushError::Full(value));
        }
        {
            let slot = self.place.slot(self.tail).get_mut();
            // SAFETY: the buffer keeps the slot alive. Fewer than `limit` values are in the queue, so the slot at the tail is
            // empty, and the consumer does not touch it before the store below.
            unsafe { slot.deref() }.write(value);
        }
        if self.free() > Place::<T, B::Scope>::AHEAD {
            self.place.expect_write(self.tail.wrapping_add(Place::<T, B::Scope>::AHEAD));
        }
        self.advance(1);
        Ok(())
    }

    /// Puts a value in, waiting for room as long as it takes, and wakes the consumer if it sleeps.
    ///
    /// # Errors
    /// The value, if the consumer is gone.
    ///
    /// ```
    /// use heddle_primitives::spsc::{RingBuffer, SendError};
    /// use heddle_primitives::sync::thread;
    /// let (mut producer, mut consumer) = RingBuffer::new(1);
    /// thread::scope(|s| {
    ///     s.spawn(move || assert_eq!((consumer.recv(), consumer.recv()), (Ok(1), Ok(2))));
    ///     producer.send(1).unwrap();
    ///     producer.send(2).unwrap();
    /// });
    /// assert_eq!(producer.send(3), Err(SendError(3)));
    /// ```
    #[inline]
    pub fn send(&mut self, value: T) -> Result<(), SendError<T>> {
        self.send_within(value, None).map_err(|error| match error {
            SendUntilError::Disconnected(value) | SendUntilError::TimedOut(value) => SendError(value),
        })
    }

    /// Puts a value in, waiting for room no longer than until `deadline`, and wakes the consumer if it sleeps.
    ///
    /// # Errors
    /// The value, if the consumer is gone or the queue is still full at the deadline.
    ///
    /// ```
    /// use heddle_primitives::spsc::{RingBuffer, SendUntilError};
    /// use std::time::Instant;
    /// let (mut producer, _consumer) = RingBuffer::new(1);
    /// assert_eq!(producer.send_until('a', Instant::now()), Ok(()));
    /// assert_eq!(producer.send_until('b', Instant::now()), Err(SendUntilError::TimedOut('b')));
    /// ```
    #[inline]
    pub fn send_until(&mut self, value: T, deadline: Instant) -> Result<(), SendUntilError<T>> {
        self.send_within(value, Some(deadline))
    }

    /// Wakes the consumer if it sleeps; to be called once after values were [pushed](Self::push).
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// use heddle_primitives::sync::thread;
    /// let (mut producer, mut consumer) = RingBuffer::new(8);
    /// thread::scope(|s| {
    ///     let waiting = s.spawn(move || consumer.recv());
    ///     // One wake for all.
    ///     (1..=3).for_each(|n| producer.push(n).unwrap());
    ///     producer.notify();
    ///     assert_eq!(waiting.join().unwrap(), Ok(1));
    /// });
    /// ```
    pub fn notify(&self) {
        self.place.indices().wake_consumer();
    }

    /// How many values can be pushed now; the consumer may make that more.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(2);
    /// producer.push('a').unwrap();
    /// assert_eq!(producer.slots(), 1);
    /// consumer.pop().unwrap();
    /// assert_eq!(producer.slots(), 2);
    /// ```
    pub fn slots(&self) -> usize {
        self.refresh() as usize
    }

    /// How many values can be pushed for certain, without a look at the shared counter; at most [`slots`](Self::slots).
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(2);
    /// producer.push('a').unwrap();
    /// consumer.pop().unwrap();
    /// // Not looked yet.
    /// assert_eq!(producer.cached_slots(), 1);
    /// assert_eq!((producer.slots(), producer.cached_slots()), (2, 2));
    /// ```
    pub fn cached_slots(&self) -> usize {
        self.free() as usize
    }

    /// Whether a push would fail now; the consumer may change that.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(1);
    /// producer.push('a').unwrap();
    /// assert!(producer.is_full());
    /// consumer.pop().unwrap();
    /// assert!(!producer.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.free() == 0 && self.refresh() == 0
    }

    /// Whether the consumer is gone.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (producer, consumer) = RingBuffer::<u8>::new(1);
    /// assert!(!producer.is_abandoned());
    /// drop(consumer);
    /// assert!(producer.is_abandoned());
    /// ```
    pub fn is_abandoned(&self) -> bool {
        self.place.indices().is_consumer_closed()
    }

    /// The memory of the queue.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, RingBuffer};
    /// let (producer, _consumer) = RingBuffer::<u8>::new(3);
    /// assert_eq!((producer.buffer().limit(), producer.buffer().slots().len()), (3, 4));
    /// ```
    pub fn buffer(&self) -> &B {
        &self.buffer
    }

    /// How many values the queue can hold.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (producer, _consumer) = RingBuffer::<u8>::new(100);
    /// assert_eq!(producer.capacity(), 100);
    /// ```
    pub fn capacity(&self) -> usize {
        self.place.limit as usize
    }

    /// How long to spin for room before sleeping, at most 4 s; [`HANDOVER_SPIN`] unless set.
    ///
    /// ```
    /// use heddle_primitives::spsc::{RingBuffer, SendUntilError};
    /// use std::time::{Duration, Instant};
    /// let (mut producer, _consumer) = RingBuffer::new(1);
    /// // Sleep at once, where the consumer is known to be slow.
    /// producer.set_spin(Duration::ZERO);
    /// producer.send('a').unwrap();
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(producer.send_until('b', soon), Err(SendUntilError::TimedOut('b')));
    /// ```
    pub fn set_spin(&mut self, spin: Duration) {
        self.spin = u32::try_from(spin.as_nanos()).unwrap_or(u32::MAX);
    }

    #[inline]
    fn send_within(&mut self, value: T, deadline: Option<Instant>) -> Result<(), SendUntilError<T>> {
        if self.is_abandoned() {
            return Err(SendUntilError::Disconnected(value));
        }
        if self.free() == 0 && self.refill() == 0 {
            match self.wait_for_room(deadline) {
                Ok(()) => {}
                Err(Hurdle::TimedOut) => return Err(SendUntilError::TimedOut(value)),
                Err(Hurdle::Disconnected) => return Err(SendUntilError::Disconnected(value)),
            }
        }
        match self.push(value) {
            Ok(()) => {
                self.notify();
                Ok(())
            }
            Err(PushError::Full(_)) => {
                unreachable!("only the consumer changes the head, and only to make room")
            }
        }
    }

    #[cold]
    fn wait_for_room(&self, deadline: Option<Instant>) -> Result<(), Hurdle> {
        let mut spin = Spin::new::<B::Scope>(Duration::from_nanos(self.spin.into()), deadline);
        while spin.pause() {
            if self.refresh() != 0 {
                return Ok(());
            }
        }
        let asleep = &self.place.indices().consumer.producer_asleep;
        let outcome = loop {
            // ORDERING: the fence orders it before the look at the head (Q1 to Q3 in the module's text).
            asleep.word().swap(ASLEEP, Ordering::Relaxed);
            // ORDERING: pairs with the fence in `wake`.
            fence(Ordering::SeqCst);
            if self.is_abandoned() {
                break Err(Hurdle::Disconnected);
            }
            if self.refresh() != 0 {
                break Ok(());
            }
            if asleep.wait(ASLEEP, deadline) == WaitOutcome::TimedOut {
                break if self.refresh() != 0 { Ok(()) } else { Err(Hurdle::TimedOut) };
            }
        };
        // ORDERING: spares the consumer a wake; nothing depends on when it is seen.
        asleep.word().swap(AWAKE, Ordering::Relaxed);
        outcome
    }

    /// The `n` slots from the tail on, which are free.
    #[inline(always)]
    pub(super) fn range(&self, n: usize) -> Parts<T> {
        self.place.range(self.tail, n as u32)
    }

    /// Publishes the `n` values that were written from the tail on.
    #[inline(always)]
    pub(super) fn advance(&mut self, n: usize) {
        self.tail = self.tail.wrapping_add(n as u32);
        // ORDERING: releases the values to the consumer's acquiring load of the tail.
        self.place.indices().producer.tail.store(self.tail, Ordering::Release);
    }

    /// Free slots as of the last look at the head.
    #[inline(always)]
    fn free(&self) -> u32 {
        self.place.limit - self.tail.wrapping_sub(self.head.get())
    }

    /// Looks at the head for a push that knows of no room, and again if the consumer turns out to be close, and returns the free
    /// slots.
    #[inline]
    fn refill(&self) -> u32 {
        // ORDERING: as in `refresh`.
        let head = self.place.indices().consumer.head.load(Ordering::Acquire);
        // Unchanged, that is full, first and by itself: whoever asks again and again shall do no more than this.
        if head == self.head.get() || self.tail.wrapping_sub(head) > self.place.limit {
            return 0;
        }
        self.head.set(head);
        let n = self.free();
        if self.pace.lingers(n, self.place.limit) {
            self.pace.lingered(n, self.refresh());
        }
        self.free()
    }

    /// Looks at the head and returns the free slots; none if the head is out of range, as a wild peer may have left it.
    #[inline]
    fn refresh(&self) -> u32 {
        // ORDERING: acquires the consumer's reads of the slots it gave back, before this end writes to them.
        let head = self.place.indices().consumer.head.load(Ordering::Acquire);
        if self.tail.wrapping_sub(head) <= self.place.limit {
            self.head.set(head);
        }
        self.free()
    }
}

/// Why there is no room.
enum Hurdle {
    TimedOut,
    Disconnected,
}

impl<T, B: Buffer<T>> Drop for Producer<T, B> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the end is going, so nobody uses the buffer again.
        hang_up(unsafe { ManuallyDrop::take(&mut self.buffer) });
    }
}

/// Apart, so that what remains of the drop is small enough to be inlined wherever an end is in use.
#[inline(never)]
fn hang_up<T, B: Buffer<T>>(buffer: B) {
    buffer.indices().close_producer();
}

impl<T, B: Buffer<T>> fmt::Debug for Producer<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("capacity", &self.place.limit).field("slots", &self.slots()).finish()
    }
}
