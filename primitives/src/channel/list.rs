//! The queue of a channel without a limit: blocks of slots, linked.

use super::buffered::Queue;
use super::flavour::Token;
use crate::array_queue::{Backoff, Refused};
use crate::cache_padded::CachePadded;
use crate::mutex::Mutex;
use crate::spsc::expect_write;
use crate::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::sync::cell::UnsafeCell;
use crate::sync::fence;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// Slots in a block. Two under the checkers, so that they see blocks end.
const SLOTS: usize = if cfg!(any(heddle_loom, heddle_shuttle)) { 2 } else { 63 };
/// Positions in a block: one for each slot, and one that stands while the next block is put in place.
const LAP: u64 = SLOTS as u64 + 1;
/// From one position to the next; the bit below closes the queue, in the tail.
const STEP: u64 = 2;
const MARK: u64 = 1;

struct Slot<T> {
    value: UnsafeCell<MaybeUninit<T>>,
    /// 1 once the value is there. Written once, by the push.
    written: AtomicU8,
}

struct Block<T> {
    slots: [Slot<T>; SLOTS],
    next: AtomicPtr<Block<T>>,
    /// For each slot, 1 once its value has been read. Written once, by the pop.
    read: CachePadded<[AtomicU8; SLOTS]>,
}

impl<T> Block<T> {
    fn new() -> Box<Self> {
        Box::new(Self {
            next: AtomicPtr::new(null_mut()),
            read: CachePadded::new(std::array::from_fn(|_| AtomicU8::new(0))),
            slots: std::array::from_fn(|_| Slot {
                value: UnsafeCell::new(MaybeUninit::uninit()),
                written: AtomicU8::new(0),
            }),
        })
    }

    /// As new.
    fn clear(&mut self) {
        self.next.with_mut(|next| *next = null_mut());
        for slot in &mut self.slots {
            // A new value may be written there: tells the checkers.
            slot.value.content_mut();
            slot.written.with_mut(|written| *written = 0);
        }
        for read in self.read.iter_mut() {
            read.with_mut(|read| *read = 0);
        }
    }

    /// Whether all values have been read.
    fn is_read(&self) -> bool {
        // ORDERING: acquires the reads, before the block is used again.
        self.read.iter().all(|read| read.load(Ordering::Acquire) != 0)
    }
}

impl<T> Drop for Block<T> {
    /// What is left in it is the queue's to drop. The memory goes: tells the checkers, at no cost where there are none.
    fn drop(&mut self) {
        for slot in &mut self.slots {
            slot.value.content_mut();
        }
    }
}

/// An unbounded queue, after crossbeam's.
///
/// Head and tail are a position and the block that it lies in. A push, or a pop, claims its slot by moving the position; whoever
/// claims the last slot of a block puts the next block in place while the position stands behind the last slot, where the
/// others wait. The value is read when its push has written it.
///
/// Those who have read a value say so in the block, away from the values, which the pushes are still writing next to; whoever
/// reads the last slot frees the block, or keeps it for the next push that needs one. If others are not done with theirs, it
/// leaves the block in a list, for whoever reads the last slot of a later one: to count the reads instead would be an exchange for
/// every value. Nobody looks into a block without a claim in it, and all who had one are done then, so nobody looks into one
/// that was freed.
///
/// "Empty" is said only where the head was read, and then the tail at the same position, as in
/// [`ArrayQueue`](crate::ArrayQueue). A tail that was seen once stays a lower bound, so pops look at the true one, which the
/// pushes keep busy, only when they have come that far.
pub(super) struct List<T> {
    tail: CachePadded<Tail<T>>,
    head: CachePadded<Head<T>>,
    /// A block that was read, for the next push that needs one: memory that goes from thread to thread by way of the allocator
    /// costs several times as much.
    spare: CachePadded<AtomicPtr<Block<T>>>,
    /// Blocks whose last slot was read before others.
    unread: CachePadded<Unread<T>>,
    value: PhantomData<T>,
}

struct Unread<T> {
    blocks: Mutex<Vec<*mut Block<T>>>,
    /// How many there are. Changed under the lock.
    count: AtomicU32,
}

struct Tail<T> {
    position: AtomicU64,
    block: AtomicPtr<Block<T>>,
}

struct Head<T> {
    position: AtomicU64,
    block: AtomicPtr<Block<T>>,
    /// A tail that was seen.
    tail: AtomicU64,
}

// SAFETY: values go from thread to thread, which takes `T: Send`; slots are reached by their claims only.
unsafe impl<T: Send> Sync for List<T> {}
// SAFETY: the queue owns its values.
unsafe impl<T: Send> Send for List<T> {}

/// A slot in a block of a queue whose type the owner knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    block: *mut (),
    offset: usize,
}

impl<T> List<T> {
    pub fn new() -> Self {
        let first = Box::into_raw(Block::new());
        Self {
            tail: CachePadded::new(Tail { position: AtomicU64::new(0), block: AtomicPtr::new(first) }),
            head: CachePadded::new(Head {
                position: AtomicU64::new(0),
                block: AtomicPtr::new(first),
                tail: AtomicU64::new(0),
            }),
            spare: CachePadded::new(AtomicPtr::new(null_mut())),
            unread: CachePadded::new(Unread { blocks: Mutex::new(Vec::new()), count: AtomicU32::new(0) }),
            value: PhantomData,
        }
    }

    /// Puts the next block in place after the last slot of `block` was claimed for a push, in a tail that was at `offset`.
    #[cold]
    fn append(&self, block: *mut Block<T>, next: Box<Block<T>>) {
        let next = Box::into_raw(next);
        // ORDERING: before the position, by which it becomes known.
        self.tail.block.store(next, Ordering::Release);
        // ORDERING: releases the block to the acquiring load of the position in `start_push`. Not a store: the mark may be set
        // meanwhile.
        self.tail.position.fetch_add(STEP, Ordering::Release);
        // SAFETY: the block is not freed before its last slot is read, and the caller has not written that yet.
        let block = unsafe { &*block };
        // ORDERING: releases the block's content to the pop that follows the link.
        block.next.store(next, Ordering::Release);
    }

    /// Moves the head to the next block after the last slot of `block` was claimed for a pop.
    #[cold]
    fn follow(&self, block: *mut Block<T>) {
        // SAFETY: the block is not freed before its last slot is read, which the caller does later.
        let block = unsafe { &*block };
        let mut backoff = Backoff::new();
        let next = loop {
            // ORDERING: acquires the block's content.
            let next = block.next.load(Ordering::Acquire);
            if !next.is_null() {
                break next;
            }
            backoff.peer_is_busy();
        };
        // ORDERING: before the position, by which it becomes known.
        self.head.block.store(next, Ordering::Release);
        // ORDERING: releases the block to the acquiring load of the position in `start_pop`.
        self.head.position.fetch_add(STEP, Ordering::Release);
    }

    /// An empty block.
    #[cold]
    fn fresh(&self) -> Box<Block<T>> {
        // ORDERING: acquires the block from whoever left it there.
        let spare = self.spare.swap(null_mut(), Ordering::Acquire);
        if spare.is_null() {
            return Block::new();
        }
        // SAFETY: it came from `Box::into_raw`, and the exchange gave it to this thread alone.
        let mut block = unsafe { Box::from_raw(spare) };
        block.clear();
        block
    }

    /// Keeps the block for a push to come, in place of one that is kept already.
    fn keep(&self, block: Box<Block<T>>) {
        // ORDERING: releases the block to `fresh`, and acquires the one that is freed.
        let other = self.spare.swap(Box::into_raw(block), Ordering::AcqRel);
        if !other.is_null() {
            // SAFETY: it came from `Box::into_raw`, and the exchange gave it to this thread alone.
            drop(unsafe { Box::from_raw(other) });
        }
    }

    /// Frees a block whose last slot the caller has read, once all others are.
    #[cold]
    fn retire(&self, block: *mut Block<T>) {
        // SAFETY: nobody but the caller frees it, or whoever finds it in the list below.
        let is_read = unsafe { &*block }.is_read();
        // ORDERING: a hint: what is left there now is found at the end of a later block, or when the queue is dropped.
        if is_read && self.unread.count.load(Ordering::Relaxed) == 0 {
            // SAFETY: it came from `Box::into_raw`, and all who had a claim in it are done with it.
            self.keep(unsafe { Box::from_raw(block) });
            return;
        }
        let mut blocks = self.unread.blocks.lock();
        blocks.push(block);
        // SAFETY: blocks in the list are alive, and taken out under its lock.
        for block in blocks.extract_if(.., |block| unsafe { &**block }.is_read()) {
            // SAFETY: as above.
            self.keep(unsafe { Box::from_raw(block) });
        }
        // ORDERING: as above.
        self.unread.count.store(blocks.len() as u32, Ordering::Relaxed);
    }
}

/// How far ahead of a push, in bytes, lies what the CPU is to fetch for pushes to come.
const AHEAD: usize = 256;

fn offset_of(position: u64) -> usize {
    (position / STEP % LAP) as usize
}

/// How many values were pushed, or popped, up to a position.
fn count(position: u64) -> u64 {
    let n = position / STEP;
    n / LAP * SLOTS as u64 + n % LAP
}

impl<T> Queue for List<T> {
    type Value = T;
    type Claim = Claim;
    const BOUNDED: bool = false;

    #[inline]
    fn start_push(&self) -> Result<Claim, Refused> {
        let mut backoff = Backoff::new();
        let mut next = None;
        loop {
            // ORDERING: acquires the block that belongs to the position, or to an earlier one: then the exchange fails.
            let tail = self.tail.position.load(Ordering::Acquire);
            // ORDERING: not older than the position's.
            let block = self.tail.block.load(Ordering::Acquire);
            if tail & MARK != 0 {
                // The load has acquired what `close` released.
                return Err(Refused::Closed);
            }
            let offset = offset_of(tail);
            if offset == SLOTS {
                backoff.peer_is_busy();
                continue;
            }
            let last = offset + 1 == SLOTS;
            if last && next.is_none() {
                // Before others have to wait for it.
                next = Some(self.fresh());
            }
            // ORDERING: success releases this thread's earlier pops to who finds the queue empty, as in `ArrayQueue`.
            match self.tail.position.compare_exchange_weak(
                tail,
                tail + STEP,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    match next {
                        Some(next) if last => self.append(block, next),
                        Some(unused) => self.keep(unused),
                        None => {}
                    }
                    return Ok(Claim { block: block.cast(), offset });
                }
                Err(_) => backoff.lost(),
            }
        }
    }

    #[inline(always)]
    fn finish_push(&self, claim: Claim, value: T) {
        let block: *mut Block<T> = claim.block.cast();
        // SAFETY: the block is not freed before the claimed slot is read, hence not before it is written.
        let slot = unsafe { &(&(*block).slots)[claim.offset] };
        // Those who read the block before have the lines: the exchanges of pushes to come would wait for them.
        expect_write(std::ptr::from_ref(slot).wrapping_byte_add(AHEAD));
        {
            let cell = slot.value.get_mut();
            // SAFETY: the claim excludes everybody else until the store below.
            unsafe { cell.deref() }.write(value);
        }
        // ORDERING: releases the value to the acquiring load in `finish_pop`.
        slot.written.store(1, Ordering::Release);
    }

    #[inline]
    fn start_pop(&self) -> Result<Claim, Refused> {
        let mut backoff = Backoff::new();
        loop {
            // ORDERING: as in `start_push`; and the tail below is not older than those that moved the head there had seen.
            let head = self.head.position.load(Ordering::Acquire);
            // ORDERING: not older than the position's.
            let block = self.head.block.load(Ordering::Acquire);
            let offset = offset_of(head);
            if offset == SLOTS {
                backoff.peer_is_busy();
                continue;
            }
            // ORDERING: true for ever, whenever it was written.
            if head >= self.head.tail.load(Ordering::Relaxed) {
                // ORDERING: as in `ArrayQueue`: two threads that push to one queue each and then find the other's empty
                // must not both have missed what the other did before.
                fence(Ordering::SeqCst);
                // ORDERING: ordered by the fence. The value is acquired by its slot.
                let tail = self.tail.position.load(Ordering::Relaxed);
                if tail & !MARK == head {
                    return Err(if tail & MARK == 0 { Refused::NotNow } else { Refused::found_closed() });
                }
                // ORDERING: as for the load.
                self.head.tail.store(tail & !MARK, Ordering::Relaxed);
            }
            // ORDERING: as in `start_push`.
            match self.head.position.compare_exchange_weak(
                head,
                head + STEP,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    if offset + 1 == SLOTS {
                        self.follow(block);
                    }
                    return Ok(Claim { block: block.cast(), offset });
                }
                Err(_) => backoff.lost(),
            }
        }
    }

    #[inline(always)]
    fn finish_pop(&self, claim: Claim) -> T {
        let block: *mut Block<T> = claim.block.cast();
        let value = {
            // SAFETY: the block is not freed before the claimed slot is marked as read.
            let slot = unsafe { &(&(*block).slots)[claim.offset] };
            let mut backoff = Backoff::new();
            // ORDERING: acquires the value.
            while slot.written.load(Ordering::Acquire) == 0 {
                backoff.peer_is_busy();
            }
            let cell = slot.value.get();
            // SAFETY: the claim excludes other pops, and the push is done.
            let value = unsafe { cell.deref() };
            // SAFETY: it was written, and the claim was made once.
            unsafe { value.assume_init_read() }
        };
        // SAFETY: as above.
        let read = unsafe { &(&(*block).read)[claim.offset] };
        // ORDERING: releases the read to whoever frees the block, which may be gone from here on.
        read.store(1, Ordering::Release);
        if claim.offset + 1 == SLOTS {
            self.retire(block);
        }
        value
    }

    fn len(&self) -> usize {
        loop {
            // ORDERING: Acquire keeps the three loads in their order.
            let tail = self.tail.position.load(Ordering::Acquire);
            // ORDERING: as above.
            let head = self.head.position.load(Ordering::Acquire);
            // ORDERING: a number for information.
            if self.tail.position.load(Ordering::Relaxed) == tail {
                return count(tail).saturating_sub(count(head)) as usize;
            }
        }
    }

    fn capacity(&self) -> Option<usize> {
        None
    }

    fn is_empty(&self) -> bool {
        // ORDERING: Acquire keeps the tail from being read before the head.
        let head = self.head.position.load(Ordering::Acquire);
        // ORDERING: for information, or ordered by the caller's fence.
        count(self.tail.position.load(Ordering::Relaxed)) <= count(head)
    }

    fn is_full(&self) -> bool {
        false
    }

    fn close(&self) -> bool {
        // ORDERING: Release for who finds the queue closed, by `is_closed` or by a push or pop that is refused.
        self.tail.position.fetch_or(MARK, Ordering::Release) & MARK == 0
    }

    fn is_closed(&self) -> bool {
        // ORDERING: pairs with `close`.
        self.tail.position.load(Ordering::Acquire) & MARK != 0
    }

    fn to_token(claim: Claim) -> Token {
        Token::List(claim)
    }

    fn of_token(token: Token) -> Option<Claim> {
        if let Token::List(claim) = token { Some(claim) } else { None }
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        let tail = self.tail.position.with_mut(|position| *position) & !MARK;
        let mut head = self.head.position.with_mut(|position| *position);
        let mut block = self.head.block.with_mut(|block| *block);
        while head != tail {
            let offset = offset_of(head);
            if offset < SLOTS {
                // SAFETY: the queue is being dropped, so its blocks from head to tail are its own.
                let slot = unsafe { &mut (&mut (*block).slots)[offset] };
                // A push that was started and never finished has left nothing.
                if slot.written.with_mut(|written| *written) != 0 {
                    let cell = slot.value.get_mut();
                    // SAFETY: nobody else is left.
                    let value = unsafe { cell.deref() };
                    // SAFETY: it was written and not read; each is dropped once.
                    unsafe { value.assume_init_drop() };
                }
            } else {
                // SAFETY: as above.
                let mut done = unsafe { Box::from_raw(block) };
                block = done.next.with_mut(|next| *next);
            }
            head += STEP;
        }
        for block in self.unread.blocks.lock().drain(..) {
            // SAFETY: it came from `Box::into_raw`, and nobody uses the queue any more.
            drop(unsafe { Box::from_raw(block) });
        }
        let spare = self.spare.with_mut(|spare| *spare);
        if !spare.is_null() {
            // SAFETY: it came from `Box::into_raw`, and nobody else has taken it.
            drop(unsafe { Box::from_raw(spare) });
        }
        // SAFETY: the last block; a tail never stands behind the last slot while nobody pushes.
        drop(unsafe { Box::from_raw(block) });
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("len", &self.len()).finish()
    }
}
