//! The protocol of a bounded queue between many, in two halves, claiming and finishing, so that a channel can put a wait in
//! front of them and a selection between them.

use super::buffer::{Buffer, Slot};
use crate::sync::atomic::Ordering;
use crate::sync::{fence, hint, thread};
use std::fmt;
use std::marker::PhantomData;

/// A queue that can be closed for values coming in; see [`ArrayQueue`](super::ArrayQueue) for how it works.
pub(crate) struct Ring<T, B: Buffer<T>> {
    geometry: Geometry,
    buffer: B,
    value: PhantomData<fn() -> T>,
}

/// A slot that the caller alone may use until it finishes what it began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    index: usize,
    /// The turn of the slot once the caller is done.
    turn: u32,
}

/// Why nothing was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Full for a push, empty for a pop.
    NotNow,
    /// No push will succeed any more, and a pop has found the queue empty as well.
    Closed,
}

impl Refused {
    /// After a look that has found the queue closed.
    #[cold]
    pub fn found_closed() -> Self {
        // ORDERING: acquires what `close` released, which the look, without an ordering of its own, has read: who is told of the
        // end relies on what was done before.
        fence(Ordering::Acquire);
        Self::Closed
    }
}

/// How positions of a queue are put together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    capacity: usize,
    /// The bit that closes the queue; the bits below are the index, those above the lap.
    mark: u64,
    mark_shift: u32,
}

impl Geometry {
    fn new(capacity: usize) -> Self {
        let mark = (capacity as u64 + 1).next_power_of_two();
        Self { capacity, mark, mark_shift: mark.trailing_zeros() }
    }

    /// The index of a position, and the turn of an empty slot there.
    #[inline(always)]
    pub fn place(&self, position: u64) -> (usize, u32) {
        let index = (position & (self.mark - 1)) as usize;
        // In range by itself unless somebody has written over the position.
        (index.min(self.capacity - 1), (position >> self.mark_shift) as u32 & !1)
    }

    /// The position after one at `index`.
    #[inline(always)]
    pub fn next(&self, position: u64, index: usize) -> u64 {
        if index + 1 < self.capacity {
            position + 1
        } else {
            (position & !(self.mark * 2 - 1)).wrapping_add(self.mark * 2)
        }
    }

    /// The same place one lap later.
    #[inline(always)]
    fn a_lap_later(&self, position: u64) -> u64 {
        position.wrapping_add(self.mark * 2)
    }

    #[inline(always)]
    pub fn unmarked(&self, position: u64) -> u64 {
        position & !self.mark
    }

    fn distance(&self, head: u64, tail: u64) -> usize {
        let (from, to) = (self.place(head).0, self.place(tail).0);
        let laps = (tail / (self.mark * 2)).wrapping_sub(head / (self.mark * 2));
        match laps {
            0 => to.saturating_sub(from),
            1 => (self.capacity - from + to).min(self.capacity),
            // Read while they moved.
            _ => 0,
        }
    }
}

impl<T, B: Buffer<T>> Ring<T, B> {
    pub fn new(buffer: B) -> Self {
        let capacity = buffer.capacity();
        assert!((1..=1 << 31).contains(&capacity), "the capacity is out of range");
        Self { geometry: Self::geometry(capacity), buffer, value: PhantomData }
    }

    pub(super) fn geometry(capacity: usize) -> Geometry {
        Geometry::new(capacity)
    }

    pub fn buffer(&self) -> &B {
        &self.buffer
    }

    pub fn capacity(&self) -> usize {
        self.geometry.capacity
    }

    #[inline(always)]
    pub fn push(&self, value: T) -> Result<(), (T, Refused)> {
        match self.start_push() {
            Ok(claim) => {
                self.finish_push(claim, value);
                Ok(())
            }
            Err(refused) => Err((value, refused)),
        }
    }

    #[inline(always)]
    pub fn pop(&self) -> Result<T, Refused> {
        let claim = self.start_pop()?;
        Ok(self.finish_pop(claim))
    }

    /// Claims the slot at the tail.
    ///
    /// Full is said only where the head was seen exactly a lap behind the tail: a slot that is still taken does not suffice,
    /// since its pop may have been claimed, and later ones may be complete.
    #[inline]
    pub fn start_push(&self) -> Result<Claim, Refused> {
        self.claim_push(true)
    }

    /// Like [`start_push`](Self::start_push), but may say "not now" wrongly: it leaves the head alone, which pops keep busy.
    #[inline]
    pub fn start_push_at_hand(&self) -> Result<Claim, Refused> {
        self.claim_push(false)
    }

    #[inline(always)]
    fn claim_push(&self, verdict: bool) -> Result<Claim, Refused> {
        let word = &self.buffer.positions().tail;
        let mut backoff = Backoff::new();
        // ORDERING: the exchange below, or the second look before a verdict, tells whether it is still true.
        let mut tail = word.load(Ordering::Relaxed);
        loop {
            if tail & self.geometry.mark != 0 {
                return Err(Refused::found_closed());
            }
            let (index, turn) = self.geometry.place(tail);
            // ORDERING: acquires the last lap's read of the slot, before the caller writes to it.
            if self.slot(index).turn.load(Ordering::Acquire) == turn {
                let next = self.geometry.next(tail, index);
                // ORDERING: the value is published by the slot's turn. Success releases this thread's earlier pops to the
                // acquiring look below: who sees this tail sees how far the head had come before. Failure reads a hint.
                match word.compare_exchange_weak(tail, next, Ordering::Release, Ordering::Relaxed) {
                    Ok(_) => return Ok(Claim { index, turn: turn.wrapping_add(1) }),
                    Err(found) => tail = found,
                }
                backoff.lost();
                continue;
            }
            // ORDERING: acquires the heads that those who moved the tail had seen, so that the one below is not older.
            let now = word.load(Ordering::Acquire);
            if now == tail {
                if !verdict {
                    return Err(Refused::NotNow);
                }
                // ORDERING: two threads that push to one queue each and then find the other's full must not both have
                // missed what the other did before: the fence orders this thread's earlier exchanges before the look
                // at the head (see the proof in `ArrayQueue`).
                fence(Ordering::SeqCst);
                // ORDERING: ordered by the fence.
                let head = self.buffer.positions().head.load(Ordering::Relaxed);
                if self.geometry.a_lap_later(head) == tail {
                    return Err(Refused::NotNow);
                }
                backoff.peer_is_busy();
                // ORDERING: as above.
                tail = word.load(Ordering::Relaxed);
            } else {
                tail = now;
            }
        }
    }

    /// Writes the value into a claimed slot and hands it to its pop.
    #[inline(always)]
    pub fn finish_push(&self, claim: Claim, value: T) {
        let slot = self.slot(claim.index);
        {
            let cell = slot.value.get_mut();
            // SAFETY: the claim excludes everybody else until the store below.
            unsafe { cell.deref() }.write(value);
        }
        // ORDERING: releases the value to the acquiring load of the turn in `start_pop`.
        slot.turn.store(claim.turn, Ordering::Release);
    }

    /// Claims the slot at the head. Empty is said only where the tail was seen at the head.
    #[inline]
    pub fn start_pop(&self) -> Result<Claim, Refused> {
        self.claim_pop(true)
    }

    /// Like [`start_pop`](Self::start_pop), but may say "not now" wrongly: it leaves the tail alone, which pushes keep busy.
    #[inline]
    pub fn start_pop_at_hand(&self) -> Result<Claim, Refused> {
        self.claim_pop(false)
    }

    #[inline(always)]
    fn claim_pop(&self, verdict: bool) -> Result<Claim, Refused> {
        let word = &self.buffer.positions().head;
        let mut backoff = Backoff::new();
        // ORDERING: as in `start_push`.
        let mut head = word.load(Ordering::Relaxed);
        loop {
            let (index, turn) = self.geometry.place(head);
            // ORDERING: acquires the value that the push of this lap has written.
            if self.slot(index).turn.load(Ordering::Acquire) == turn.wrapping_add(1) {
                let next = self.geometry.next(head, index);
                // ORDERING: as in `start_push`.
                match word.compare_exchange_weak(head, next, Ordering::Release, Ordering::Relaxed) {
                    Ok(_) => return Ok(Claim { index, turn: turn.wrapping_add(2) }),
                    Err(found) => head = found,
                }
                backoff.lost();
                continue;
            }
            // ORDERING: as in `start_push`.
            let now = word.load(Ordering::Acquire);
            if now == head {
                if !verdict {
                    return Err(Refused::NotNow);
                }
                // ORDERING: as in `start_push`, for two threads that find each other's queues empty.
                fence(Ordering::SeqCst);
                // ORDERING: ordered by the fence.
                let tail = self.buffer.positions().tail.load(Ordering::Relaxed);
                if self.geometry.unmarked(tail) == head {
                    return Err(if tail == head { Refused::NotNow } else { Refused::found_closed() });
                }
                backoff.peer_is_busy();
                // ORDERING: as in `start_push`.
                head = word.load(Ordering::Relaxed);
            } else {
                head = now;
            }
        }
    }

    /// Reads the value out of a claimed slot and hands the slot to the next lap's push.
    #[inline(always)]
    pub fn finish_pop(&self, claim: Claim) -> T {
        let slot = self.slot(claim.index);
        let value = {
            let cell = slot.value.get();
            // SAFETY: the claim excludes everybody else until the store below.
            let value = unsafe { cell.deref() };
            // SAFETY: the slot's turn said that it holds a value, and the claim was made once.
            unsafe { value.assume_init_read() }
        };
        // ORDERING: releases the read to the acquiring load of the turn in `start_push`.
        slot.turn.store(claim.turn, Ordering::Release);
        value
    }

    /// Puts the value in, in place of the oldest if the queue is full.
    pub fn force_push(&self, mut value: T) -> Option<T> {
        let mut backoff = Backoff::new();
        loop {
            match self.push(value) {
                Ok(()) => return None,
                Err((back, _)) => value = back,
            }
            match self.start_replacing() {
                Some(claim) => {
                    let slot = self.slot(claim.index);
                    let old = {
                        let cell = slot.value.get_mut();
                        // SAFETY: the claim excludes everybody else until the store below.
                        let place = unsafe { cell.deref() };
                        // SAFETY: the slot's turn said that it holds a value, and the claim was made once.
                        let old = unsafe { place.assume_init_read() };
                        place.write(value);
                        old
                    };
                    // ORDERING: releases the new value, as in `finish_push`.
                    slot.turn.store(claim.turn, Ordering::Release);
                    return Some(old);
                }
                None => backoff.peer_is_busy(),
            }
        }
    }

    /// If the queue is full: claims the oldest value's slot for its pop and for the push that follows.
    fn start_replacing(&self) -> Option<Claim> {
        let positions = self.buffer.positions();
        // ORDERING: the exchange below tells whether it is still true.
        let head = positions.head.load(Ordering::Relaxed);
        let (index, turn) = self.geometry.place(head);
        let tail = self.geometry.a_lap_later(head);
        // ORDERING: acquires the value, as in `start_pop`.
        if self.slot(index).turn.load(Ordering::Acquire) != turn.wrapping_add(1)
            // ORDERING: a tail a lap ahead of the head moves only after the head.
            || positions.tail.load(Ordering::Relaxed) != tail
        {
            return None;
        }
        let next = self.geometry.next(head, index);
        // ORDERING: as in `start_push`.
        positions.head.compare_exchange(head, next, Ordering::Release, Ordering::Relaxed).ok()?;
        // Nobody else moves the tail meanwhile: its slot is taken until the store of the turn.
        let step = self.geometry.next(tail, index).wrapping_sub(tail);
        // ORDERING: as in `start_push`.
        positions.tail.fetch_add(step, Ordering::Release);
        Some(Claim { index, turn: turn.wrapping_add(3) })
    }

    /// Lets no more values in; true for the first call.
    pub fn close(&self) -> bool {
        let mark = self.geometry.mark;
        // ORDERING: Release for who finds the queue closed, by `is_closed` or by a push or pop that is refused.
        self.buffer.positions().tail.fetch_or(mark, Ordering::Release) & mark == 0
    }

    pub fn is_closed(&self) -> bool {
        // ORDERING: pairs with `close`.
        self.buffer.positions().tail.load(Ordering::Acquire) & self.geometry.mark != 0
    }

    pub fn len(&self) -> usize {
        let positions = self.buffer.positions();
        loop {
            // ORDERING: Acquire keeps the three loads in their order.
            let tail = positions.tail.load(Ordering::Acquire);
            // ORDERING: as above.
            let head = positions.head.load(Ordering::Acquire);
            // ORDERING: a number for information.
            if positions.tail.load(Ordering::Relaxed) == tail {
                return self.geometry.distance(head, self.geometry.unmarked(tail));
            }
        }
    }

    /// Tail and head may have moved between the two looks; a fence before the call orders them after what precedes it.
    pub fn is_empty(&self) -> bool {
        let positions = self.buffer.positions();
        // ORDERING: Acquire keeps the tail from being read before the head: a tail that equals a head read before was at the
        // head at that time.
        let head = positions.head.load(Ordering::Acquire);
        // ORDERING: for information, or ordered by the caller's fence.
        self.geometry.unmarked(positions.tail.load(Ordering::Relaxed)) == head
    }

    /// As for [`is_empty`](Self::is_empty).
    pub fn is_full(&self) -> bool {
        let positions = self.buffer.positions();
        // ORDERING: Acquire keeps the head from being read before the tail.
        let tail = positions.tail.load(Ordering::Acquire);
        // ORDERING: for information, or ordered by the caller's fence.
        self.geometry.a_lap_later(positions.head.load(Ordering::Relaxed)) == self.geometry.unmarked(tail)
    }

    #[inline(always)]
    fn slot(&self, index: usize) -> &Slot<T> {
        self.buffer.slot(index)
    }
}

impl<T, B: Buffer<T>> fmt::Debug for Ring<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("capacity", &self.capacity()).field("len", &self.len()).finish()
    }
}

/// How to wait for a moment, inside an operation that does not sleep.
#[derive(Debug)]
pub(crate) struct Backoff {
    step: u32,
}

impl Backoff {
    /// After so many doublings of the pause, 64 in all, a busy peer is taken for one that does not run.
    const PATIENCE: u32 = 6;

    #[inline(always)]
    pub const fn new() -> Self {
        Self { step: 0 }
    }

    /// Another thread was faster; nothing to wait for. Says nothing new to the checkers.
    ///
    /// The longest pause at once, 0.8 us: meanwhile the winner completes some thirty operations in its own cache, where two that
    /// take turns would fetch the position from each other for every one of them.
    #[inline(always)]
    pub fn lost(&mut self) {
        if cfg!(not(any(heddle_loom, heddle_shuttle))) {
            self.step = self.step.max(Self::PATIENCE);
            self.pauses();
        }
    }

    /// Another thread is between claiming and finishing; it may have lost its CPU there, perhaps to this thread.
    #[cold]
    pub fn peer_is_busy(&mut self) {
        if cfg!(any(heddle_loom, heddle_shuttle)) || self.step > Self::PATIENCE {
            thread::yield_now();
        } else {
            self.pauses();
        }
    }

    #[inline(always)]
    fn pauses(&mut self) {
        for _ in 0..1_u32 << self.step.min(Self::PATIENCE) {
            hint::spin_loop();
        }
        self.step += 1;
    }
}
