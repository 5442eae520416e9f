//! The bounded queue between many.

use crate::support::*;
use heddle_primitives::ArrayQueue;
use heddle_primitives::array_queue::{Buffer, Positions, Slot};
use heddle_primitives::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::collections::VecDeque;
use std::mem::offset_of;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn array_queue_keeps_order_and_knows_its_limits() {
    let queue = ArrayQueue::new(3);
    assert_eq!((queue.pop(), queue.capacity(), queue.len()), (None, 3, 0));
    for n in 0..3 {
        assert!(!queue.is_full());
        queue.push(n).unwrap();
    }
    assert!(queue.is_full() && !queue.is_empty());
    assert_eq!(queue.push(9), Err(9));
    assert_eq!(format!("{queue:?}"), "ArrayQueue { capacity: 3, len: 3 }");
    assert_eq!(queue.pop(), Some(0));
    assert_eq!(queue.into_iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn array_queue_refuses_impossible_capacities() {
    for capacity in [0, (1 << 31) + 1, usize::MAX] {
        assert!(std::panic::catch_unwind(|| ArrayQueue::<()>::new(capacity)).is_err(), "{capacity}");
    }
}

/// crossbeam #971, #1084, #1187: a leak, then a double free. Every value is dropped once, wherever it was.
#[test]
fn r08_every_value_is_dropped_once() {
    for capacity in 1..6 {
        let value = Arc::new(());
        let queue = ArrayQueue::new(capacity);
        // All offsets of head and tail.
        for round in 0..3 * capacity {
            for _ in 0..=round % (capacity + 1) {
                let _ = queue.push(value.clone());
            }
            drop(queue.pop());
        }
        let mut rest = queue.len();
        assert_eq!(Arc::strong_count(&value), 1 + rest);
        if queue.force_push(value.clone()).is_none() {
            rest += 1;
        }
        assert_eq!(Arc::strong_count(&value), 1 + rest);
        drop(queue);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

/// heapless #461: endless loop at a capacity of 256 and more; wraps at 1, powers of two and their neighbours.
#[test]
fn r10_laps_wrap_at_every_capacity() {
    for capacity in [1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 1000] {
        let queue = ArrayQueue::new(capacity);
        for lap in 0..5 {
            for n in 0..capacity {
                assert_eq!(queue.len(), n);
                assert_eq!(queue.push(lap * capacity + n), Ok(()));
            }
            assert_eq!(queue.push(0), Err(0));
            for n in 0..capacity {
                assert_eq!(queue.pop(), Some(lap * capacity + n));
            }
            assert_eq!(queue.pop(), None);
            // The next lap begins elsewhere.
            queue.push(0).unwrap();
            assert_eq!(queue.pop(), Some(0));
        }
    }
}

/// heapless #583: full, or empty, is said because another thread is in the middle of its operation. Here every thread has put
/// a value in before it takes one out, and there is room for all.
#[test]
fn r10_nobody_is_refused_because_another_was_preempted() {
    let queue = ArrayQueue::new(THREADS as usize);
    thread::scope(|s| {
        for n in 0..THREADS {
            let queue = &queue;
            s.spawn(move || {
                for _ in 0..5_000 {
                    assert_eq!(queue.push(n), Ok(()));
                    assert!(queue.pop().is_some());
                }
            });
        }
    });
    assert!(queue.is_empty());
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Push(u16),
    Force(u16),
    Pop,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => any::<u16>().prop_map(Op::Push),
        2 => any::<u16>().prop_map(Op::Force),
        4 => Just(Op::Pop),
    ]
}

proptest! {
    #[test]
    fn array_queue_is_a_bounded_deque(capacity in 1_usize..9, ops in prop::collection::vec(op(), 0..200)) {
        let queue = ArrayQueue::new(capacity);
        let mut model = VecDeque::new();
        for op in ops {
            match op {
                Op::Push(value) if model.len() < capacity => {
                    model.push_back(value);
                    prop_assert_eq!(queue.push(value), Ok(()));
                }
                Op::Push(value) => prop_assert_eq!(queue.push(value), Err(value)),
                Op::Force(value) => {
                    let oldest = if model.len() == capacity { model.pop_front() } else { None };
                    model.push_back(value);
                    prop_assert_eq!(queue.force_push(value), oldest);
                }
                Op::Pop => prop_assert_eq!(queue.pop(), model.pop_front()),
            }
            prop_assert_eq!(queue.len(), model.len());
            prop_assert_eq!((queue.is_empty(), queue.is_full()), (model.is_empty(), model.len() == capacity));
        }
        prop_assert_eq!(queue.into_iter().collect::<Vec<_>>(), Vec::from(model));
    }
}

/// Every value comes out once, and those of one producer in order at each consumer.
fn stress(capacity: usize, force: bool, pin: impl Fn() + Sync) {
    const EACH: u64 = 4_000;
    let queue = ArrayQueue::new(capacity);
    let pushers = THREADS / 2;
    let (sum, left) = (AtomicU64::new(0), AtomicU64::new(pushers * EACH));
    thread::scope(|s| {
        for n in 0..pushers {
            let (queue, sum, left, pin) = (&queue, &sum, &left, &pin);
            let count = move |value: u64| {
                sum.fetch_add(value, Ordering::Relaxed);
                left.fetch_sub(1, Ordering::Relaxed);
            };
            s.spawn(move || {
                pin();
                for i in 0..EACH {
                    let mut value = n << 32 | i;
                    if force && i % 3 == 0 {
                        queue.force_push(value).into_iter().for_each(count);
                        continue;
                    }
                    while let Err(back) = queue.push(value) {
                        value = back;
                        thread::yield_now();
                    }
                }
            });
            s.spawn(move || {
                pin();
                let mut last = vec![None; pushers as usize];
                while left.load(Ordering::Relaxed) != 0 {
                    let Some(value) = queue.pop() else {
                        thread::yield_now();
                        continue;
                    };
                    let (pusher, i) = (value >> 32, value & 0xFFFF_FFFF);
                    assert!(last[pusher as usize].replace(i) < Some(i), "order of {pusher}");
                    count(value);
                }
            });
        }
    });
    let expected: u64 = (0..pushers).map(|n| EACH * (n << 32) + EACH * (EACH - 1) / 2).sum();
    assert_eq!(sum.load(Ordering::Relaxed), expected);
    assert!(queue.is_empty());
}

#[test]
fn array_queue_passes_every_value_once() {
    for capacity in [1, 2, 7, 64] {
        stress(capacity, false, || ());
        stress(capacity, true, || ());
    }
}

/// crossbeam #821: pinned to one CPU everything became 15 times slower.
#[test]
fn r07_array_queue_on_one_cpu() {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu)).unwrap());
    let start = Instant::now();
    stress(4, false, || sched_setaffinity(None, &one).unwrap());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

/// A queue in memory that could be shared: positions and slots in one page.
#[repr(C)]
struct InPage {
    positions: Positions,
    slots: [Slot<u64>; 5],
}

// SAFETY: the fields never move while the page is mapped, which the test sees to; slots are distinct.
unsafe impl Buffer<u64> for &InPage {
    fn positions(&self) -> &Positions {
        &self.positions
    }

    fn capacity(&self) -> usize {
        5
    }

    fn slot(&self, index: usize) -> &Slot<u64> {
        &self.slots[index]
    }
}

#[test]
fn array_queue_lives_in_zeroed_memory_and_survives_wild_positions() {
    let page = Page::map();
    assert_eq!(offset_of!(InPage, slots), size_of::<Positions>());
    {
        // SAFETY: the page is zero, hence an empty queue, and numbers have no invalid bytes.
        let one = unsafe { ArrayQueue::<u64, _>::from_buffer(page.get::<InPage>()) };
        // SAFETY: as above.
        let other = unsafe { ArrayQueue::<u64, _>::from_buffer(page.get::<InPage>()) };
        for round in 0..4 {
            (0..5).for_each(|n| one.push(round * 5 + n).unwrap());
            assert_eq!(other.push(0), Err(0));
            (0..5).for_each(|n| assert_eq!(other.pop(), Some(round * 5 + n)));
        }
        // SAFETY: the tail is the first word of the page.
        let tail = unsafe { &*page.0.cast::<AtomicUsize>() };
        // An index of 6 or 7 does not exist; nobody leaves the slots.
        for wild in [6, 7, 6 | (16 * 4)] {
            tail.store(wild, Ordering::Relaxed);
            assert!(one.len() <= 5);
            let _ = one.is_full();
            one.is_empty();
        }
    }
    page.unmap();
}
