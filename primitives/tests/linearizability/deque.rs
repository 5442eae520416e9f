//! The deque of one owner and many thieves.

use super::program::{LogOf, Subject};
use super::random::Random;
use super::specification::{Sight, Specification, only};
use heddle_primitives::deque::{Steal as Stolen, Stealer, Worker};
use std::collections::VecDeque;

/// Which end the owner pops from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flavour {
    Newest,
    Oldest,
}

pub struct Deque {
    flavour: Flavour,
}

#[derive(Debug, Clone, PartialEq)]
pub enum DequeOperation {
    Push(u32),
    Pop,
    Steal,
}

#[derive(Debug, Clone, PartialEq)]
pub enum DequeAnswer {
    Done,
    Empty,
    Value(u32),
    Retry,
}
use DequeAnswer::*;
use DequeOperation::*;

impl Specification for Deque {
    type Operation = DequeOperation;
    type Answer = DequeAnswer;
    type State = VecDeque<u32>;

    fn initial(&self) -> Self::State {
        VecDeque::new()
    }

    fn next(
        &self,
        state: &Self::State,
        operation: &DequeOperation,
        answer: &DequeAnswer,
    ) -> Vec<Self::State> {
        let mut next = state.clone();
        match (operation, answer) {
            (Push(value), Done) => {
                next.push_back(*value);
                vec![next]
            }
            (Pop, Value(value)) if self.flavour == Flavour::Newest => {
                only(next.pop_back() == Some(*value), next)
            }
            (Pop | Steal, Value(value)) => only(next.pop_front() == Some(*value), next),
            (Pop | Steal, Empty) => only(state.is_empty(), next),
            // Another thread was quicker. It says nothing about the deque.
            (Steal, Retry) => vec![next],
            _ => Vec::new(),
        }
    }

    /// Owner and thieves look how far the others have come.
    fn sight(&self, _operation: &DequeOperation, answer: &DequeAnswer) -> Sight {
        if matches!(answer, Empty | Retry) { Sight::Idle } else { Sight::Late }
    }
}

#[derive(Debug, Clone)]
pub struct Deques {
    pub flavour: Flavour,
}

pub enum DequeEnd {
    Owner(Worker<u32>),
    Thief(Stealer<u32>),
}

impl Subject for Deques {
    type Specification = Deque;
    type Hand = DequeEnd;

    fn specification(&self, _threads: usize) -> Deque {
        Deque { flavour: self.flavour }
    }

    fn hands(&self, threads: usize) -> Vec<DequeEnd> {
        let owner = match self.flavour {
            Flavour::Newest => Worker::new_lifo(),
            Flavour::Oldest => Worker::new_fifo(),
        };
        let stealer = owner.stealer();
        let thieves = (1..threads).map(|_| DequeEnd::Thief(stealer.clone())).collect::<Vec<_>>();
        [DequeEnd::Owner(owner)].into_iter().chain(thieves).collect()
    }

    fn draw(&self, thread: usize, random: &mut Random) -> DequeOperation {
        match (thread, random.below(5)) {
            (0, 0..3) => Push(random.fresh()),
            (0, _) => Pop,
            _ => Steal,
        }
    }

    fn perform(end: &mut DequeEnd, operation: DequeOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || match (end, operation) {
            (DequeEnd::Owner(owner), Push(value)) => {
                owner.push(value);
                Done
            }
            (DequeEnd::Owner(owner), _) => owner.pop().map_or(Empty, Value),
            (DequeEnd::Thief(thief), _) => match thief.steal() {
                Stolen::Success(value) => Value(value),
                Stolen::Empty => Empty,
                Stolen::Retry => Retry,
            },
        });
    }
}
