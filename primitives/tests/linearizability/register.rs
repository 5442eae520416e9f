//! A pair of numbers that is read and written as one: what [`SeqLock`] should be.

use super::program::{LogOf, Subject, shared};
use super::random::Random;
use super::specification::{Sight, Specification, only};
use heddle_primitives::SeqLock;
use heddle_primitives::sync::Arc;

pub struct Register;

#[derive(Debug, Clone, PartialEq)]
pub enum RegisterOperation {
    Read,
    TryRead,
    /// Both numbers become this one.
    Write(u32),
    /// Adds to both numbers.
    Add(u32),
}

#[derive(Debug, Clone, PartialEq)]
pub enum RegisterAnswer {
    Done,
    Pair([u32; 2]),
    Refused,
}
use RegisterAnswer::*;
use RegisterOperation::*;

impl Specification for Register {
    type Operation = RegisterOperation;
    type Answer = RegisterAnswer;
    type State = [u32; 2];

    fn initial(&self) -> [u32; 2] {
        [0; 2]
    }

    fn next(
        &self,
        state: &[u32; 2],
        operation: &RegisterOperation,
        answer: &RegisterAnswer,
    ) -> Vec<[u32; 2]> {
        match (operation, answer) {
            (Read | TryRead, Pair(pair)) => only(pair == state, *state),
            // Somebody writes. What that means for the time is not looked at: the answer changes nothing and says nothing about the
            // value.
            (TryRead, Refused) => vec![*state],
            (Write(value), Done) => vec![[*value; 2]],
            (Add(n), Pair(before)) => only(before == state, before.map(|value| value + n)),
            _ => Vec::new(),
        }
    }

    /// Readers only look.
    fn sight(&self, operation: &RegisterOperation, _answer: &RegisterAnswer) -> Sight {
        if matches!(operation, Read | TryRead) { Sight::Idle } else { Sight::Newest }
    }
}

#[derive(Debug, Clone)]
pub struct SeqLocks;

impl Subject for SeqLocks {
    type Specification = Register;
    type Hand = Arc<SeqLock<[u32; 2]>>;

    fn specification(&self, _threads: usize) -> Register {
        Register
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(SeqLock::new([0; 2]), threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> RegisterOperation {
        match random.below(5) {
            0 => Read,
            1 | 2 => TryRead,
            3 => Write(random.fresh()),
            _ => Add(100 * random.fresh()),
        }
    }

    fn perform(lock: &mut Self::Hand, operation: RegisterOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || match operation {
            Read => Pair(lock.read()),
            TryRead => lock.try_read().map_or(Refused, Pair),
            Write(value) => {
                lock.write([value; 2]);
                Done
            }
            Add(n) => Pair(lock.update(|pair| std::mem::replace(pair, pair.map(|value| value + n)))),
        });
    }
}
