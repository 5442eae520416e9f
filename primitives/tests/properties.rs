//! Sequences of operations in one thread, against versions that are obviously right.
#![cfg(not(any(heddle_loom, heddle_shuttle)))]

use heddle_primitives::spsc::{PeekError, PopError, PushError, RingBuffer};
use heddle_primitives::{Barrier, Event, Mutex};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::Instant;

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

#[derive(Debug, Clone, Copy)]
enum EventOp {
    Set,
    Clear,
    Test,
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

    #[test]
    fn event_is_a_flag(ops in prop::collection::vec(
        prop_oneof![Just(EventOp::Set), Just(EventOp::Clear), Just(EventOp::Test)], 0..50)
    ) {
        let (event, mut model) = (Event::new(), false);
        for op in ops {
            match op {
                EventOp::Set => { event.set(); model = true }
                EventOp::Clear => { event.clear(); model = false }
                EventOp::Test => prop_assert_eq!(event.wait_until(Instant::now()), model),
            }
            prop_assert_eq!(event.is_set(), model);
        }
    }

    #[test]
    fn mutex_is_a_value_and_a_flag(ops in prop::collection::vec(any::<Option<u8>>(), 0..50)) {
        let (mutex, mut model) = (Mutex::new(0_u8), 0_u8);
        let mut held = None;
        for op in ops {
            match op {
                // Locks if free, and keeps the guard.
                Some(value) => {
                    let free = held.is_none();
                    prop_assert_eq!(mutex.is_locked(), !free);
                    if let Some(mut guard) = mutex.try_lock() {
                        prop_assert!(free);
                        prop_assert_eq!(*guard, model);
                        (*guard, model) = (value, value);
                        held = Some(guard);
                    } else {
                        prop_assert!(!free);
                    }
                }
                None => held = None,
            }
        }
    }

    #[test]
    fn a_lone_party_always_leads(phases in 1_u32..100) {
        let barrier = Barrier::new(1);
        for _ in 0..phases {
            prop_assert!(barrier.wait().is_leader());
        }
        barrier.abort();
        prop_assert!(barrier.checked_wait().is_err());
    }
}
