//! The words of a ring beside its bytes.

use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::fence;
use heddle_primitives::{CachePadded, Futex, Shared};

use super::owner::Owner;

pub(super) const AWAKE: u32 = 0;
pub(super) const ASLEEP: u32 = 1;
const CLOSED: u32 = 1;

/// What the two ends of a ring tell each other, besides messages. All zero is an empty, open ring.
#[repr(C)]
pub(crate) struct Control {
    /// Changes seldom, so that both have it at hand.
    pub(super) calm: CachePadded<Calm>,
    /// Written by the consumer at each message, and looked at by the producer when it runs out of room.
    pub(super) consumer: CachePadded<ConsumerLine>,
}

#[repr(C)]
pub(super) struct Calm {
    pub(super) consumer_asleep: Futex<Shared>,
    producer_closed: AtomicU32,
    consumer_closed: AtomicU32,
    pub(super) producer: Owner,
    pub(super) consumer: Owner,
}

#[repr(C)]
pub(super) struct ConsumerLine {
    /// Bytes consumed since the beginning; it never goes round.
    pub(super) consumed: AtomicU64,
    pub(super) producer_asleep: Futex<Shared>,
}

impl Control {
    /// An empty ring; elsewhere fresh memory is one.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub(crate) fn new() -> Control {
        Control {
            calm: CachePadded::new(Calm {
                consumer_asleep: Futex::new_in(AWAKE),
                producer_closed: AtomicU32::new(0),
                consumer_closed: AtomicU32::new(0),
                producer: Owner::new(),
                consumer: Owner::new(),
            }),
            consumer: CachePadded::new(ConsumerLine {
                consumed: AtomicU64::new(0),
                producer_asleep: Futex::new_in(AWAKE),
            }),
        }
    }

    #[inline]
    pub(crate) fn is_producer_closed(&self) -> bool {
        // ORDERING: Acquire: pairs with the Release in `close_producer`: what was sent before it is visible.
        self.calm.producer_closed.load(Ordering::Acquire) != 0
    }

    #[inline(always)]
    pub(crate) fn is_consumer_closed(&self) -> bool {
        // ORDERING: Relaxed: nothing is read on the strength of it.
        self.calm.consumer_closed.load(Ordering::Relaxed) != 0
    }

    /// Says that no more messages will come, and wakes the consumer.
    pub(crate) fn close_producer(&self) {
        // ORDERING: Release: pairs with the Acquire in `is_producer_closed`.
        self.calm.producer_closed.store(CLOSED, Ordering::Release);
        self.wake_consumer();
    }

    /// Says that no more messages are taken, and wakes the producer.
    pub(crate) fn close_consumer(&self) {
        // ORDERING: Relaxed: as in `is_consumer_closed`; `wake` orders it before the look at who sleeps.
        self.calm.consumer_closed.store(CLOSED, Ordering::Relaxed);
        self.wake_producer();
    }

    /// Wakes the consumer if it sleeps, for what the caller has just published.
    #[inline(always)]
    pub(super) fn wake_consumer(&self) {
        wake(&self.calm.consumer_asleep);
    }

    /// Wakes the producer if it is seen to sleep; one that falls asleep at the moment may be overlooked.
    #[inline(always)]
    pub(super) fn wake_producer_if_seen(&self) {
        let asleep = &self.consumer.producer_asleep;
        // ORDERING: Relaxed: a hint; `wake_producer` is what counts.
        if asleep.word().load(Ordering::Relaxed) != AWAKE {
            wake_sleeper(asleep);
        }
    }

    /// Wakes the producer if it sleeps, for the room that the caller has just given back.
    #[inline(always)]
    pub(super) fn wake_producer(&self) {
        wake(&self.consumer.producer_asleep);
    }
}

#[inline(always)]
fn wake(asleep: &Futex<Shared>) {
    // ORDERING: the store before this call (P1) and the load after it (P3) must not change places; see the module's text.
    fence(Ordering::SeqCst);
    // ORDERING: Relaxed: ordered by the fence alone; what is published is acquired through its own word.
    if asleep.word().load(Ordering::Relaxed) != AWAKE {
        wake_sleeper(asleep);
    }
}

#[cold]
fn wake_sleeper(asleep: &Futex<Shared>) {
    // ORDERING: Relaxed: as in `wake`.
    if asleep.word().swap(AWAKE, Ordering::Relaxed) != AWAKE {
        asleep.wake_one();
    }
}
