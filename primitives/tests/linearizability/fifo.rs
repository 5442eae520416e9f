//! First in, first out, up to a capacity: what [`ArrayQueue`] and the ring between two threads should be.

use super::program::{LogOf, Subject, shared};
use super::random::Random;
use super::specification::{Sight, Specification, only};
use heddle_primitives::ArrayQueue;
use heddle_primitives::spsc::{Consumer, Producer, PushError, RingBuffer};
use heddle_primitives::sync::Arc;
use std::collections::VecDeque;

pub struct Fifo {
    pub capacity: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FifoOperation {
    Push(u32),
    Pop,
    ForcePush(u32),
    /// Takes the oldest value out of a full queue, for another one.
    Displace,
    /// Puts the other one in.
    Replace(u32),
}

#[derive(Debug, Clone, PartialEq)]
pub enum FifoAnswer {
    Done,
    Full,
    Empty,
    Value(u32),
}
use FifoAnswer::*;
use FifoOperation::*;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FifoState {
    values: VecDeque<u32>,
    replacing: bool,
}

impl Specification for Fifo {
    type Operation = FifoOperation;
    type Answer = FifoAnswer;
    type State = FifoState;

    fn initial(&self) -> FifoState {
        FifoState { values: VecDeque::new(), replacing: false }
    }

    fn next(&self, state: &FifoState, operation: &FifoOperation, answer: &FifoAnswer) -> Vec<FifoState> {
        // Whoever pushes waits until a value that is being replaced is there.
        let full = state.values.len() == self.capacity;
        let room = !full && !state.replacing;
        let mut next = state.clone();
        match (operation, answer) {
            (Push(value) | ForcePush(value), Done) => {
                next.values.push_back(*value);
                only(room, next)
            }
            (Push(_), Full) => only(full, next),
            (Pop, Value(value)) => only(next.values.pop_front() == Some(*value), next),
            (Pop, Empty) => only(state.values.is_empty(), next),
            (Displace, Value(value)) => {
                next.replacing = true;
                only(full && next.values.pop_front() == Some(*value), next)
            }
            (Replace(value), Done) => {
                next.values.push_back(*value);
                next.replacing = false;
                only(state.replacing, next)
            }
            _ => Vec::new(),
        }
    }

    /// The ends are words of their own, and each looks where the other one is.
    fn sight(&self, _operation: &FifoOperation, answer: &FifoAnswer) -> Sight {
        if matches!(answer, Full | Empty) { Sight::Idle } else { Sight::Late }
    }
}

/// A forced push that replaces a value is recorded in two parts: the head moves before the tail, so for a moment the queue holds one
/// value less, and of a queue of capacity 1 a pop says that it is empty. Nobody else pushes meanwhile.
#[derive(Debug, Clone)]
pub struct ArrayQueues {
    pub capacity: usize,
}

impl Subject for ArrayQueues {
    type Specification = Fifo;
    type Hand = Arc<ArrayQueue<u32>>;

    fn specification(&self, _threads: usize) -> Fifo {
        Fifo { capacity: self.capacity }
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(ArrayQueue::new(self.capacity), threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> FifoOperation {
        match random.below(5) {
            0 | 1 => Push(random.fresh()),
            2 => ForcePush(random.fresh()),
            _ => Pop,
        }
    }

    fn perform(queue: &mut Self::Hand, operation: FifoOperation, log: &mut LogOf<Self>) {
        let perform = || match operation {
            Push(value) => queue.push(value).map_or(Full, |()| Done),
            ForcePush(value) => queue.force_push(value).map_or(Done, Value),
            Pop => queue.pop().map_or(Empty, Value),
            Displace | Replace(_) => unreachable!("parts of a forced push"),
        };
        log.record(perform, |answer| match (&operation, answer) {
            (ForcePush(value), Value(_)) => vec![(Displace, answer.clone()), (Replace(*value), Done)],
            _ => vec![(operation.clone(), answer.clone())],
        });
    }
}

#[derive(Debug, Clone)]
pub struct Rings {
    pub capacity: usize,
}

pub enum RingEnd {
    Push(Producer<u32>),
    Pop(Consumer<u32>),
}

impl Subject for Rings {
    type Specification = Fifo;
    type Hand = RingEnd;

    fn threads(&self, _most: usize) -> usize {
        2
    }

    fn specification(&self, _threads: usize) -> Fifo {
        Fifo { capacity: self.capacity }
    }

    fn hands(&self, _threads: usize) -> Vec<RingEnd> {
        let (producer, consumer) = RingBuffer::new(self.capacity);
        vec![RingEnd::Push(producer), RingEnd::Pop(consumer)]
    }

    fn draw(&self, thread: usize, random: &mut Random) -> FifoOperation {
        if thread == 0 { Push(random.fresh()) } else { Pop }
    }

    fn perform(end: &mut RingEnd, operation: FifoOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || match (end, operation) {
            (RingEnd::Push(producer), Push(value)) => match producer.push(value) {
                Ok(()) => Done,
                Err(PushError::Full(_)) => Full,
            },
            (RingEnd::Pop(consumer), _) => consumer.pop().map_or(Empty, Value),
            (RingEnd::Push(_), other) => unreachable!("{other:?} at the producer's end"),
        });
    }
}
