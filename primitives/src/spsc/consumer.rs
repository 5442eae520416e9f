//! The end that values come out.

use super::buffer::{ASLEEP, AWAKE, Buffer, Heap};
use super::error::{PeekError, PopError, RecvError, RecvUntilError};
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

/// The end of a queue that values come out; see the [module](super).
///
/// It may be sent to another thread, not used by two.
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// let (_producer, consumer) = heddle_primitives::spsc::RingBuffer::<u32>::new(2);
/// share(consumer);
/// ```
///
/// ```
/// use heddle_primitives::spsc::RingBuffer;
/// let (mut producer, mut consumer) = RingBuffer::new(2);
/// producer.push('a').unwrap();
/// drop(producer);
/// assert_eq!(consumer.pop(), Ok('a'));
/// assert!(consumer.recv().is_err());
/// ```
pub struct Consumer<T, B: Buffer<T> = Arc<Heap<T>>> {
    place: Place<T, B::Scope>,
    /// How far this end is: what it has written to the shared head, which it never reads back, or beyond it while values are
    /// [iterated over](super::ReadChunk).
    head: u32,
    /// The tail when it was last looked at; the true one is this or later.
    tail: Cell<u32>,
    pace: Pace,
    /// In nanoseconds: a `Duration` has forbidden values, in which enums hide what keeps the whole from staying in registers.
    spin: u32,
    /// Dropped as a value of its own: were its address taken, the compiler would keep the whole end in memory during a loop.
    buffer: ManuallyDrop<B>,
}

// SAFETY: the place is in the buffer, which goes to the other thread together with the values that the end takes out.
unsafe impl<T: Send, B: Buffer<T> + Send> Send for Consumer<T, B> {}

impl<T, B: Buffer<T>> Consumer<T, B> {
    /// Takes the consumer's end of the queue in `buffer`, going on where the last one stopped.
    ///
    /// # Safety
    /// The queue has no other consumer, and what the counters say was pushed and not popped are valid values of `T`. If `B` is
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
        // ORDERING: the last consumer handed over to this one, which orders its store before this load.
        let head = place.indices().consumer.head.load(Ordering::Relaxed);
        Self {
            place,
            head,
            tail: Cell::new(head),
            pace: Pace::new(),
            spin: HANDOVER_SPIN.as_nanos() as u32,
            buffer: ManuallyDrop::new(buffer),
        }
    }

    /// Takes the oldest value out, if there is one; may let [some time](super#distance) pass before it does. Does not wake a producer that sleeps in `send`: see
    /// [`notify`](Self::notify).
    ///
    /// # Errors
    /// If the queue is empty.
    ///
    /// ```
    /// use heddle_primitives::spsc::{PopError, RingBuffer};
    /// let (mut producer, mut consumer) = RingBuffer::new(1);
    /// assert_eq!(consumer.pop(), Err(PopError::Empty));
    /// producer.push('a').unwrap();
    /// assert_eq!(consumer.pop(), Ok('a'));
    /// ```
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        if self.known() == 0 && self.refill() == 0 {
            return Err(PopError::Empty);
        }
        let value = {
            let slot = self.place.slot(self.head).get();
            // SAFETY: the buffer keeps the slot alive, and the producer does not touch it before the store below.
            let value = unsafe { slot.deref() };
            // SAFETY: the slot is between head and tail, so a value was written there, and the acquiring load in `refresh`
            // made it visible. The head moves past it, so it is read once.
            unsafe { value.assume_init_read() }
        };
        self.advance(1);
        Ok(value)
    }

    /// The oldest value, which stays in the queue.
    ///
    /// # Errors
    /// If the queue is empty.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(1);
    /// producer.push('a').unwrap();
    /// assert_eq!(consumer.peek(), Ok(&'a'));
    /// assert_eq!(consumer.pop(), Ok('a'));
    /// assert!(consumer.peek().is_err());
    /// ```
    pub fn peek(&self) -> Result<&T, PeekError> {
        if self.known() == 0 && self.refresh() == 0 {
            return Err(PeekError::Empty);
        }
        let slot = self.place.slot(self.head).get();
        // SAFETY: as in `pop`. The reference borrows `self`, so the value is not popped, hence not overwritten, meanwhile.
        let value: *const T = unsafe { slot.deref() }.as_ptr();
        // SAFETY: as above; the slot lives as long as the buffer, which `self` owns.
        Ok(unsafe { &*value })
    }

    /// Takes the oldest value out, waiting for one as long as it takes, and wakes the producer if it sleeps.
    ///
    /// # Errors
    /// If the producer is gone and the queue is empty.
    ///
    /// ```
    /// use heddle_primitives::spsc::{RecvError, RingBuffer};
    /// use heddle_primitives::sync::thread;
    /// let (mut producer, mut consumer) = RingBuffer::new(1);
    /// thread::scope(|s| {
    ///     s.spawn(move || producer.send('a').unwrap());
    ///     assert_eq!((consumer.recv(), consumer.recv()), (Ok('a'), Err(RecvError)));
    /// });
    /// ```
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.recv_within(Duration::from_nanos(self.spin.into()), None).map_err(|_| RecvError)
    }

    /// Takes the oldest value out, waiting for one no longer than until `deadline`, and wakes the producer if it sleeps.
    ///
    /// # Errors
    /// If the producer is gone and the queue is empty, or the queue is still empty at the deadline.
    ///
    /// ```
    /// use heddle_primitives::spsc::{RecvUntilError, RingBuffer};
    /// use std::time::Instant;
    /// let (mut producer, mut consumer) = RingBuffer::new(1);
    /// assert_eq!(consumer.recv_until(Instant::now()), Err(RecvUntilError::TimedOut));
    /// producer.push('a').unwrap();
    /// assert_eq!(consumer.recv_until(Instant::now()), Ok('a'));
    /// ```
    #[inline]
    pub fn recv_until(&mut self, deadline: Instant) -> Result<T, RecvUntilError> {
        self.recv_within(Duration::from_nanos(self.spin.into()), Some(deadline))
    }

    /// Like [`recv_until`](Self::recv_until), with a spin of its own for this call; no deadline means no limit.
    ///
    /// # Errors
    /// If the producer is gone and the queue is empty, or the queue is still empty at the deadline.
    ///
    /// ```
    /// use heddle_primitives::spsc::{RecvUntilError, RingBuffer};
    /// use std::time::Duration;
    /// let (mut producer, mut consumer) = RingBuffer::new(1);
    /// producer.push('a').unwrap();
    /// drop(producer);
    /// let spin = Duration::from_micros(50);
    /// assert_eq!(consumer.recv_spinning(spin, None), Ok('a'));
    /// assert_eq!(consumer.recv_spinning(spin, None), Err(RecvUntilError::Disconnected));
    /// ```
    #[inline]
    pub fn recv_spinning(&mut self, spin: Duration, deadline: Option<Instant>) -> Result<T, RecvUntilError> {
        self.recv_within(spin, deadline)
    }

    /// Wakes the producer if it sleeps; to be called once after values were [popped](Self::pop).
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// use heddle_primitives::sync::thread;
    /// let (mut producer, mut consumer) = RingBuffer::new(2);
    /// (1..=2).for_each(|n| producer.push(n).unwrap());
    /// thread::scope(|s| {
    ///     let waiting = s.spawn(move || producer.send(3));
    ///     // One wake for both.
    ///     assert_eq!((consumer.pop(), consumer.pop()), (Ok(1), Ok(2)));
    ///     consumer.notify();
    ///     assert_eq!(waiting.join().unwrap(), Ok(()));
    /// });
    /// ```
    pub fn notify(&self) {
        self.place.indices().wake_producer();
    }

    /// How many values can be popped now; the producer may make that more.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, consumer) = RingBuffer::new(2);
    /// assert_eq!(consumer.slots(), 0);
    /// producer.push('a').unwrap();
    /// assert_eq!(consumer.slots(), 1);
    /// ```
    pub fn slots(&self) -> usize {
        self.refresh() as usize
    }

    /// How many values can be popped for certain, without a look at the shared counter; at most [`slots`](Self::slots).
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, consumer) = RingBuffer::new(2);
    /// producer.push('a').unwrap();
    /// // Not looked yet.
    /// assert_eq!(consumer.cached_slots(), 0);
    /// assert_eq!((consumer.slots(), consumer.cached_slots()), (1, 1));
    /// ```
    pub fn cached_slots(&self) -> usize {
        self.known() as usize
    }

    /// Whether a pop would fail now; the producer may change that.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, consumer) = RingBuffer::new(1);
    /// assert!(consumer.is_empty());
    /// producer.push('a').unwrap();
    /// assert!(!consumer.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.known() == 0 && self.refresh() == 0
    }

    /// Whether the producer is gone; what it pushed before is still there to be popped.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (mut producer, mut consumer) = RingBuffer::new(1);
    /// producer.push('a').unwrap();
    /// drop(producer);
    /// assert!(consumer.is_abandoned());
    /// assert_eq!(consumer.pop(), Ok('a'));
    /// ```
    pub fn is_abandoned(&self) -> bool {
        self.place.indices().is_producer_closed()
    }

    /// The memory of the queue.
    ///
    /// ```
    /// use heddle_primitives::spsc::{Buffer, RingBuffer};
    /// let (_producer, consumer) = RingBuffer::<u8>::new(3);
    /// assert_eq!((consumer.buffer().limit(), consumer.buffer().slots().len()), (3, 4));
    /// ```
    pub fn buffer(&self) -> &B {
        &self.buffer
    }

    /// How many values the queue can hold.
    ///
    /// ```
    /// use heddle_primitives::spsc::RingBuffer;
    /// let (_producer, consumer) = RingBuffer::<u8>::new(100);
    /// assert_eq!(consumer.capacity(), 100);
    /// ```
    pub fn capacity(&self) -> usize {
        self.place.limit as usize
    }

    /// How long to spin for a value before sleeping, at most 4 s; [`HANDOVER_SPIN`] unless set.
    ///
    /// ```
    /// use heddle_primitives::spsc::{RecvUntilError, RingBuffer};
    /// use std::time::{Duration, Instant};
    /// let (_producer, mut consumer) = RingBuffer::<u8>::new(1);
    /// // Sleep at once, where the producer is known to be slow.
    /// consumer.set_spin(Duration::ZERO);
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(consumer.recv_until(soon), Err(RecvUntilError::TimedOut));
    /// ```
    pub fn set_spin(&mut self, spin: Duration) {
        self.spin = u32::try_from(spin.as_nanos()).unwrap_or(u32::MAX);
    }

    #[inline]
    fn recv_within(&mut self, spin: Duration, deadline: Option<Instant>) -> Result<T, RecvUntilError> {
        if self.known() == 0 && self.refill() == 0 {
            self.wait_for_value(spin, deadline)?;
        }
        let value = self.pop().map_err(|PopError::Empty| RecvUntilError::Disconnected)?;
        self.notify();
        Ok(value)
    }

    #[cold]
    fn wait_for_value(&self, spin: Duration, deadline: Option<Instant>) -> Result<(), RecvUntilError> {
        let mut spin = Spin::new::<B::Scope>(spin, deadline);
        while spin.pause() {
            if self.refresh() != 0 {
                return Ok(());
            }
        }
        let asleep = &self.place.indices().producer.consumer_asleep;
        let outcome = loop {
            // ORDERING: the fence orders it before the look at the tail (Q1 to Q3 in the module's text).
            asleep.word().swap(ASLEEP, Ordering::Relaxed);
            // ORDERING: pairs with the fence in `wake`.
            fence(Ordering::SeqCst);
            // Closed first, then the tail: what was pushed before the close is not lost.
            let abandoned = self.is_abandoned();
            if self.refresh() != 0 {
                break Ok(());
            }
            if abandoned {
                break Err(RecvUntilError::Disconnected);
            }
            if asleep.wait(ASLEEP, deadline) == WaitOutcome::TimedOut {
                break if self.refresh() != 0 { Ok(()) } else { Err(RecvUntilError::TimedOut) };
            }
        };
        // ORDERING: spares the producer a wake; nothing depends on when it is seen.
        asleep.word().swap(AWAKE, Ordering::Relaxed);
        outcome
    }

    /// The `n` slots from the head on, which are full.
    #[inline(always)]
    pub(super) fn range(&self, n: usize) -> Parts<T> {
        self.place.range(self.head, n as u32)
    }

    /// Gives the `n` slots from the head on back.
    #[inline(always)]
    pub(super) fn advance(&mut self, n: usize) {
        self.skip(n);
        self.publish();
    }

    /// Goes on by `n` values without giving their slots back, until more are or the end is dropped.
    #[inline(always)]
    pub(super) fn skip(&mut self, n: usize) {
        self.head = self.head.wrapping_add(n as u32);
    }

    /// Takes a [`skip`](Self::skip) back.
    #[inline(always)]
    pub(super) fn unskip(&mut self, n: usize) {
        self.head = self.head.wrapping_sub(n as u32);
    }

    #[inline(always)]
    fn publish(&self) {
        // ORDERING: releases the reads of the slots to the producer's acquiring load of the head.
        self.place.indices().consumer.head.store(self.head, Ordering::Release);
    }

    /// Values to pop as of the last look at the tail.
    #[inline(always)]
    fn known(&self) -> u32 {
        self.tail.get().wrapping_sub(self.head)
    }

    /// Looks at the tail for a pop that knows of no value, and again if the producer turns out to be close, and returns the
    /// values to pop.
    #[inline]
    fn refill(&self) -> u32 {
        // ORDERING: as in `refresh`.
        let tail = self.place.indices().producer.tail.load(Ordering::Acquire);
        let n = tail.wrapping_sub(self.head);
        // Empty first and by itself: whoever asks again and again shall do no more than this. A store here would delay what the
        // same thread sends meanwhile, behind all those of the asking.
        if n == 0 || n > self.place.limit {
            return 0;
        }
        self.tail.set(tail);
        if self.pace.lingers(n, self.place.limit) {
            self.pace.lingered(n, self.refresh());
        }
        self.known()
    }

    /// Looks at the tail and returns the values to pop; no new ones if the tail is out of range, as a wild peer may have left
    /// it.
    #[inline]
    fn refresh(&self) -> u32 {
        // ORDERING: acquires the values up to the tail.
        let tail = self.place.indices().producer.tail.load(Ordering::Acquire);
        if tail.wrapping_sub(self.head) <= self.place.limit {
            self.tail.set(tail);
        }
        self.known()
    }
}

impl<T, B: Buffer<T>> Drop for Consumer<T, B> {
    #[inline]
    fn drop(&mut self) {
        // What a forgotten iterator skipped is leaked and must not be dropped with the queue.
        self.publish();
        // SAFETY: the end is going, so nobody uses the buffer again.
        hang_up(unsafe { ManuallyDrop::take(&mut self.buffer) });
    }
}

/// Apart, so that what remains of the drop is small enough to be inlined wherever an end is in use.
#[inline(never)]
fn hang_up<T, B: Buffer<T>>(buffer: B) {
    buffer.indices().close_consumer();
}

impl<T, B: Buffer<T>> fmt::Debug for Consumer<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("capacity", &self.place.limit).field("slots", &self.slots()).finish()
    }
}
