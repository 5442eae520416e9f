//! A flag.

use super::program::{LogOf, Subject, shared};
use super::random::Random;
use super::specification::{Sight, Specification, only};
use heddle_primitives::Event;
use heddle_primitives::sync::Arc;

pub struct Flag;

#[derive(Debug, Clone, PartialEq)]
pub enum FlagOperation {
    Set,
    Clear,
    IsSet,
}
use FlagOperation::*;

impl Specification for Flag {
    type Operation = FlagOperation;
    /// Of `IsSet`; false of others.
    type Answer = bool;
    type State = bool;

    fn initial(&self) -> bool {
        false
    }

    fn next(&self, state: &bool, operation: &FlagOperation, answer: &bool) -> Vec<bool> {
        match operation {
            Set => vec![true],
            Clear => vec![false],
            IsSet => only(answer == state, *state),
        }
    }

    /// `IsSet` is a load, and so is a `Clear` that finds nothing to clear.
    fn sight(&self, operation: &FlagOperation, _answer: &bool) -> Sight {
        match operation {
            Set => Sight::Newest,
            Clear => Sight::Late,
            IsSet => Sight::Idle,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Events;

impl Subject for Events {
    type Specification = Flag;
    type Hand = Arc<Event>;

    fn specification(&self, _threads: usize) -> Flag {
        Flag
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(Event::new(), threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> FlagOperation {
        [Set, Clear, IsSet, IsSet][random.below(4) as usize].clone()
    }

    fn perform(event: &mut Self::Hand, operation: FlagOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || match operation {
            Set => {
                event.set();
                false
            }
            Clear => {
                event.clear();
                false
            }
            IsSet => event.is_set(),
        });
    }
}
