//! The queue between two.

use crate::support::*;
use heddle_primitives::spsc::*;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::mem::{MaybeUninit, offset_of};
use std::time::Instant;

#[test]
fn spsc_keeps_order_and_knows_its_limits() {
    let (mut producer, mut consumer) = RingBuffer::new(3);
    assert_eq!(consumer.pop(), Err(PopError::Empty));
    for n in 0..3 {
        assert_eq!(producer.slots(), 3 - n);
        producer.push(n).unwrap();
    }
    assert!(producer.is_full());
    assert_eq!(producer.push(9), Err(PushError::Full(9)));
    assert_eq!(consumer.peek(), Ok(&0));
    assert_eq!((0..3).map(|_| consumer.pop().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(consumer.is_empty() && !consumer.is_abandoned());
}

#[test]
fn spsc_of_capacity_zero_is_always_full() {
    let (mut producer, consumer) = RingBuffer::new(0);
    assert_eq!(producer.push(1), Err(PushError::Full(1)));
    assert_eq!(producer.send_until(1, Instant::now()), Err(SendUntilError::TimedOut(1)));
    drop(consumer);
    assert!(producer.send(1).is_err());
}

#[test]
fn spsc_blocks_and_disconnects() {
    let (mut producer, mut consumer) = RingBuffer::new(2);
    thread::scope(|s| {
        s.spawn(move || {
            for n in 0..10_000_u32 {
                producer.send(n).unwrap();
            }
        });
        for n in 0..10_000 {
            assert_eq!(consumer.recv(), Ok(n));
        }
        assert_eq!(consumer.recv(), Err(RecvError));
    });
    let (mut producer, mut consumer) = RingBuffer::<u8>::new(1);
    assert_eq!(consumer.recv_until(Instant::now() + TICK), Err(RecvUntilError::TimedOut));
    drop(consumer);
    assert!(producer.is_abandoned());
    assert!(producer.send(1).is_err());
}

#[test]
fn spsc_drops_what_is_left() {
    let value = std::sync::Arc::new(());
    let (mut producer, mut consumer) = RingBuffer::new(4);
    for _ in 0..3 {
        producer.push(value.clone()).unwrap();
    }
    drop(consumer.pop().unwrap());
    drop((producer, consumer));
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
}

#[derive(Debug, Clone, Copy)]
enum QueueOp {
    Push(u16),
    Pop,
    Peek,
    Count,
}

fn queue_op() -> impl Strategy<Value = QueueOp> {
    prop_oneof![
        4 => any::<u16>().prop_map(QueueOp::Push),
        3 => Just(QueueOp::Pop),
        1 => Just(QueueOp::Peek),
        1 => Just(QueueOp::Count),
    ]
}

proptest! {
    #[test]
    fn spsc_is_a_bounded_deque(capacity in 0_usize..9, ops in prop::collection::vec(queue_op(), 0..200)) {
        let (mut producer, mut consumer) = RingBuffer::new(capacity);
        let mut model = VecDeque::new();
        for op in ops {
            match op {
                QueueOp::Push(value) if model.len() < capacity => {
                    model.push_back(value);
                    prop_assert_eq!(producer.push(value), Ok(()));
                }
                QueueOp::Push(value) => prop_assert_eq!(producer.push(value), Err(PushError::Full(value))),
                QueueOp::Pop => prop_assert_eq!(consumer.pop(), model.pop_front().ok_or(PopError::Empty)),
                QueueOp::Peek => prop_assert_eq!(consumer.peek(), model.front().ok_or(PeekError::Empty)),
                QueueOp::Count => {
                    prop_assert_eq!(producer.slots(), capacity - model.len());
                    prop_assert_eq!(producer.is_full(), model.len() == capacity);
                    prop_assert_eq!(consumer.slots(), model.len());
                    prop_assert_eq!(consumer.is_empty(), model.is_empty());
                    prop_assert_eq!((producer.capacity(), consumer.capacity()), (capacity, capacity));
                }
            }
        }
    }
}

#[test]
fn spsc_pairs_with_time_outs() {
    thread::scope(|s| {
        for capacity in 1..=THREADS as usize / 2 {
            let (mut producer, mut consumer) = RingBuffer::new(capacity);
            s.spawn(move || {
                for n in 0..20_000_u32 {
                    let mut value = n;
                    while let Err(error) = producer.send_until(value, moment()) {
                        let SendUntilError::TimedOut(back) = error else { panic!("the consumer left") };
                        value = back;
                    }
                }
            });
            s.spawn(move || {
                for n in 0..20_000 {
                    loop {
                        match consumer.recv_until(moment()) {
                            Ok(value) => break assert_eq!(value, n),
                            Err(RecvUntilError::TimedOut) => {}
                            Err(RecvUntilError::Disconnected) => panic!("{n} was lost"),
                        }
                    }
                }
                assert!(consumer.recv().is_err());
            });
        }
    });
}

/// A queue in memory that could be shared: counters and slots in one page.
#[repr(C)]
struct Ring {
    indices: Indices<Shared>,
    slots: [UnsafeCell<MaybeUninit<u64>>; 4],
}

// SAFETY: the fields never move while the page is mapped, which the tests see to; slots are distinct.
unsafe impl Buffer<u64> for &Ring {
    type Scope = Shared;

    fn indices(&self) -> &Indices<Shared> {
        &self.indices
    }

    fn slots(&self) -> &[UnsafeCell<MaybeUninit<u64>>] {
        &self.slots
    }
}

#[test]
fn a_queue_lives_in_mapped_memory_and_survives_wild_counters() {
    let page = Page::map();
    let ring = page.get::<Ring>();
    // SAFETY: the ring is new, and numbers have no invalid bytes.
    let mut producer = unsafe { Producer::<u64, _>::from_buffer(ring) };
    // SAFETY: as above.
    let mut consumer = unsafe { Consumer::<u64, _>::from_buffer(ring) };
    for round in 0..10 {
        (0..4).for_each(|n| producer.push(round * 4 + n).unwrap());
        assert_eq!(producer.push(0), Err(PushError::Full(0)));
        (0..4).for_each(|n| assert_eq!(consumer.pop(), Ok(round * 4 + n)));
    }
    // SAFETY: the tail is the first field of the producer's line, which comes first.
    let tail = unsafe { &*page.0.cast::<AtomicU32>() };
    // SAFETY: the consumer's line comes 128 bytes later, inside the page.
    let head = unsafe { page.0.add(128) }.cast::<AtomicU32>();
    // SAFETY: the head is the first field of that line.
    let head = unsafe { &*head };
    assert_eq!(offset_of!(Ring, slots), 256);
    for wild in [tail.load(Ordering::Relaxed) + 5, u32::MAX, 1 << 31] {
        tail.store(wild, Ordering::Relaxed);
        assert_eq!(consumer.pop(), Err(PopError::Empty));
        assert_eq!(consumer.slots(), 0);
    }
    (0..4).for_each(|n| producer.push(n).unwrap());
    for wild in [0, 39, u32::MAX] {
        head.store(wild, Ordering::Relaxed);
        assert_eq!(producer.push(9), Err(PushError::Full(9)));
    }
    drop((producer, consumer));
    page.unmap();
}
