//! Chunks of the queue between two.

use crate::support::*;
use heddle_primitives::spsc::*;
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

#[test]
fn chunks_know_their_limits() {
    let (mut producer, mut consumer) = RingBuffer::<u8>::new(3);
    assert_eq!(producer.write_chunk(4).unwrap_err(), ChunkError::TooFewSlots(3));
    assert_eq!(producer.write_chunk_uninit(usize::MAX).unwrap_err(), ChunkError::TooFewSlots(3));
    assert_eq!(consumer.read_chunk(1).unwrap_err(), ChunkError::TooFewSlots(0));
    assert!(producer.write_chunk(0).unwrap().is_empty() && consumer.read_chunk(0).unwrap().is_empty());
    drop(producer.write_chunk(3).unwrap());
    assert!(consumer.is_empty());
    producer.write_chunk(3).unwrap().commit(2);
    assert_eq!((producer.slots(), consumer.slots()), (1, 2));
    assert_eq!(producer.push_partial_slice(&[1, 2]), (&[1_u8] as &[_], &[2_u8] as &[_]));
    let mut four = [9; 4];
    assert_eq!(consumer.pop_entire_slice(&mut four), Err(ChunkError::TooFewSlots(3)));
    assert_eq!(
        consumer.pop_partial_slice(&mut four),
        (&mut [0_u8, 0, 1] as &mut [_], &mut [9_u8] as &mut [_])
    );
    let (mut producer, mut consumer) = RingBuffer::<u8>::new(0);
    assert_eq!(producer.write_chunk(1).unwrap_err(), ChunkError::TooFewSlots(0));
    assert_eq!(consumer.read_chunk(1).unwrap_err(), ChunkError::TooFewSlots(0));
    assert_eq!(producer.write_chunk_uninit(0).unwrap().fill_from_iter([1]), 0);
}

#[test]
#[should_panic(expected = "more values than the chunk has")]
fn a_chunk_commits_no_more_than_it_has() {
    let (mut producer, _consumer) = RingBuffer::<u8>::new(3);
    producer.write_chunk(1).unwrap().commit(2);
}

#[test]
#[should_panic(expected = "more values than the chunk has")]
fn a_read_chunk_commits_no_more_than_it_has() {
    let (mut producer, mut consumer) = RingBuffer::new(3);
    producer.push_entire_slice(&[1, 2]).unwrap();
    consumer.read_chunk(1).unwrap().commit(2);
}

#[derive(Debug, Clone)]
enum ChunkOp {
    Fill { slots: usize, values: usize },
    Write { slots: usize, commit: Option<usize> },
    PushSlice(usize),
    Iterate { slots: usize, take: usize },
    Read { slots: usize, commit: Option<usize> },
    PopSlice { len: usize, uninit: bool },
    Push,
    Pop,
}

fn chunk_op() -> impl Strategy<Value = ChunkOp> {
    let n = || 0_usize..10;
    prop_oneof![
        (n(), n()).prop_map(|(slots, values)| ChunkOp::Fill { slots, values }),
        (n(), prop::option::of(n())).prop_map(|(slots, commit)| ChunkOp::Write { slots, commit }),
        n().prop_map(ChunkOp::PushSlice),
        (n(), n()).prop_map(|(slots, take)| ChunkOp::Iterate { slots, take }),
        (n(), prop::option::of(n())).prop_map(|(slots, commit)| ChunkOp::Read { slots, commit }),
        (n(), any::<bool>()).prop_map(|(len, uninit)| ChunkOp::PopSlice { len, uninit }),
        Just(ChunkOp::Push),
        Just(ChunkOp::Pop),
    ]
}

proptest! {
    #[test]
    fn chunks_are_runs_of_a_bounded_deque(capacity in 0_usize..9, ops in prop::collection::vec(chunk_op(), 0..120)) {
        let (mut producer, mut consumer) = RingBuffer::<u32>::new(capacity);
        let (mut model, mut next) = (VecDeque::new(), 1);
        let mut numbers = |n: usize| {
            next += n as u32;
            next - n as u32..next
        };
        for op in ops {
            let free = capacity - model.len();
            match op {
                ChunkOp::Fill { slots, values } => match producer.write_chunk_uninit(slots) {
                    Ok(chunk) => {
                        prop_assert!(slots <= free);
                        let values = numbers(values);
                        let fits = slots.min(values.len());
                        model.extend(values.clone().take(fits));
                        prop_assert_eq!(chunk.fill_from_iter(values), fits);
                    }
                    Err(ChunkError::TooFewSlots(n)) => prop_assert!(n == free && n < slots),
                },
                ChunkOp::Write { slots, commit } => match producer.write_chunk(slots) {
                    Ok(mut chunk) => {
                        prop_assert!(slots <= free && chunk.len() == slots);
                        let values = numbers(slots);
                        let (first, second) = chunk.as_mut_slices();
                        for (slot, value) in first.iter_mut().chain(second).zip(values.clone()) {
                            prop_assert_eq!(*slot, 0);
                            *slot = value;
                        }
                        if let Some(commit) = commit {
                            model.extend(values.take(commit.min(slots)));
                            chunk.commit(commit.min(slots));
                        }
                    }
                    Err(ChunkError::TooFewSlots(n)) => prop_assert!(n == free && n < slots),
                },
                ChunkOp::PushSlice(len) => {
                    let values: Vec<_> = numbers(len).collect();
                    let (pushed, rest) = producer.push_partial_slice(&values);
                    prop_assert_eq!((pushed, rest), values.split_at(len.min(free)));
                    model.extend(pushed);
                }
                ChunkOp::Iterate { slots, take } => match consumer.read_chunk(slots) {
                    Ok(chunk) => {
                        let mut values = chunk.into_iter();
                        prop_assert_eq!(values.len(), slots);
                        let taken: Vec<_> = values.by_ref().take(take).collect();
                        prop_assert_eq!(values.iterated(), take.min(slots));
                        drop(values);
                        prop_assert!(taken.into_iter().eq(model.drain(..take.min(slots))));
                    }
                    Err(ChunkError::TooFewSlots(n)) => prop_assert!(n == model.len() && n < slots),
                },
                ChunkOp::Read { slots, commit } => match consumer.read_chunk(slots) {
                    Ok(mut chunk) => {
                        let (first, second) = chunk.as_slices();
                        prop_assert!(first.iter().chain(second).eq(model.iter().take(slots)));
                        chunk.as_mut_slices().0.iter_mut().for_each(|value| *value ^= 1);
                        chunk.as_mut_slices().0.iter_mut().for_each(|value| *value ^= 1);
                        if let Some(commit) = commit {
                            chunk.commit(commit.min(slots));
                            model.drain(..commit.min(slots));
                        }
                    }
                    Err(ChunkError::TooFewSlots(n)) => prop_assert!(n == model.len() && n < slots),
                },
                ChunkOp::PopSlice { len, uninit } => {
                    let here = len.min(model.len());
                    let expected: Vec<_> = model.drain(..here).collect();
                    if uninit {
                        let mut values = [MaybeUninit::uninit(); 10];
                        let (popped, rest) = consumer.pop_partial_slice_uninit(&mut values[..len]);
                        prop_assert!(*popped == expected[..] && rest.len() == len - here);
                    } else {
                        let mut values = [0; 10];
                        let (popped, rest) = consumer.pop_partial_slice(&mut values[..len]);
                        prop_assert!(*popped == expected[..] && rest.len() == len - here);
                    }
                }
                ChunkOp::Push => {
                    let value = numbers(1).start;
                    prop_assert_eq!(producer.push(value).is_ok(), free > 0);
                    if free > 0 {
                        model.push_back(value);
                    }
                }
                ChunkOp::Pop => prop_assert_eq!(consumer.pop().ok(), model.pop_front()),
            }
            prop_assert_eq!((producer.slots(), consumer.slots()), (capacity - model.len(), model.len()));
            prop_assert_eq!((producer.cached_slots(), consumer.cached_slots()), (producer.slots(), consumer.slots()));
        }
    }
}

#[test]
fn chunks_cross_threads() {
    thread::scope(|s| {
        for pair in 1..=THREADS as usize / 2 {
            let (mut producer, mut consumer) = RingBuffer::new(pair * 7);
            s.spawn(move || {
                let mut sent = 0_u32;
                while sent < 50_000 {
                    let n = producer.slots().min(1 + sent as usize % 13);
                    sent += producer.write_chunk_uninit(n).unwrap().fill_from_iter(sent..50_000) as u32;
                    if n == 0 {
                        thread::yield_now();
                    }
                }
            });
            s.spawn(move || {
                let mut received = 0_u32;
                while received < 50_000 {
                    let n = consumer.slots().min(1 + received as usize % 11);
                    for value in consumer.read_chunk(n).unwrap() {
                        assert_eq!(value, received);
                        received += 1;
                    }
                    if n == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
    });
}

/// crossbeam #971, #1084, #1187: a leak's fix became a double free. Every way out of a chunk drops each value once.
#[test]
fn r08_each_value_is_dropped_once() {
    #[derive(Clone, Default)]
    struct Counted(#[allow(dead_code, reason = "counts")] Rc<()>);

    let counter = Rc::new(());
    let new = || Counted(counter.clone());
    let alive = || Rc::strong_count(&counter) - 1;
    let (mut producer, mut consumer) = RingBuffer::<Counted>::new(4);
    let refill = |producer: &mut Producer<Counted>| {
        let n = producer.slots();
        producer.write_chunk_uninit(n).unwrap().fill_from_iter(std::iter::repeat_with(new));
        assert_eq!(alive(), 4);
    };
    refill(&mut producer);
    consumer.read_chunk(3).unwrap().commit(2);
    assert_eq!(alive(), 2);
    refill(&mut producer);
    let mut values = consumer.read_chunk(4).unwrap().into_iter();
    drop(values.next());
    drop(values);
    assert_eq!((alive(), consumer.slots()), (3, 3));
    drop(consumer.read_chunk(3).unwrap());
    assert_eq!(alive(), 3);

    // Written, and committed in part or not at all.
    consumer.read_chunk(3).unwrap().commit_all();
    let mut chunk = producer.write_chunk(4).unwrap();
    chunk.as_mut_slices().0.fill_with(new);
    chunk.as_mut_slices().1.fill_with(new);
    chunk.commit(1);
    assert_eq!(alive(), 1);
    let mut chunk = producer.write_chunk(3).unwrap();
    chunk.as_mut_slices().0.fill_with(new);
    drop(chunk);
    assert_eq!(alive(), 1);

    // A forgotten iterator leaks what it has not returned and drops nothing twice.
    refill(&mut producer);
    let mut values = consumer.read_chunk(3).unwrap().into_iter();
    drop(values.next());
    std::mem::forget(values);
    assert_eq!(consumer.slots(), 1);
    drop((producer, consumer));
    assert_eq!(alive(), 2);
}

#[test]
fn a_value_that_panics_while_it_is_dropped_is_gone() {
    struct Bomb(u32);

    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(self.0 != 1, "bomb");
        }
    }

    let (mut producer, mut consumer) = RingBuffer::new(4);
    producer.write_chunk_uninit(4).unwrap().fill_from_iter((0..).map(Bomb));
    let result = catch_unwind(AssertUnwindSafe(|| consumer.read_chunk(4).unwrap().commit_all()));
    assert!(result.is_err());
    assert_eq!(consumer.slots(), 2);
    assert_eq!(consumer.pop().unwrap().0, 2);
}

#[test]
fn a_default_that_panics_drops_those_before() {
    use std::cell::Cell;

    std::thread_local!(static ALIVE: Cell<i32> = const { Cell::new(0) });
    struct Third;

    impl Default for Third {
        fn default() -> Self {
            assert!(ALIVE.get() < 2, "third");
            ALIVE.set(ALIVE.get() + 1);
            Self
        }
    }

    impl Drop for Third {
        fn drop(&mut self) {
            ALIVE.set(ALIVE.get() - 1);
        }
    }

    let (mut producer, consumer) = RingBuffer::<Third>::new(4);
    assert!(catch_unwind(AssertUnwindSafe(|| producer.write_chunk(4).map(drop))).is_err());
    assert_eq!((ALIVE.get(), consumer.slots(), producer.slots()), (0, 0, 4));
}

#[test]
fn bytes_are_written_and_read() {
    let (mut producer, mut consumer) = RingBuffer::new(4);
    assert_eq!(consumer.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(producer.write(b"heddle").unwrap(), 4);
    assert_eq!(producer.write(b"le").unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(producer.write(b"").unwrap(), 0);
    let mut two = [0; 2];
    consumer.read_exact(&mut two).unwrap();
    producer.write_all(b"le").unwrap();
    producer.flush().unwrap();
    drop(producer);
    let mut rest = String::new();
    consumer.read_to_string(&mut rest).unwrap();
    assert_eq!((&two, &*rest), (b"he", "ddle"));
    let (mut producer, consumer) = RingBuffer::new(0);
    drop(consumer);
    assert_eq!(producer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}
