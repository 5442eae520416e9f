//! A place for one value.

use super::program::{LogOf, Subject, shared};
use super::random::Random;
use super::specification::{Sight, Specification, only};
use heddle_primitives::OnceLock;
use heddle_primitives::sync::Arc;

pub struct Place;

#[derive(Debug, Clone, PartialEq)]
pub enum PlaceOperation {
    Set(u32),
    Get,
    GetOrInit(u32),
}

#[derive(Debug, Clone, PartialEq)]
pub enum PlaceAnswer {
    Done,
    Taken,
    Empty,
    Value(u32),
}
use PlaceAnswer::*;
use PlaceOperation::*;

impl Specification for Place {
    type Operation = PlaceOperation;
    type Answer = PlaceAnswer;
    type State = Option<u32>;

    fn initial(&self) -> Option<u32> {
        None
    }

    fn next(
        &self,
        state: &Option<u32>,
        operation: &PlaceOperation,
        answer: &PlaceAnswer,
    ) -> Vec<Option<u32>> {
        match (operation, answer) {
            (Set(value), Done) => only(state.is_none(), Some(*value)),
            (Set(_), Taken) => only(state.is_some(), *state),
            (Get, Empty) => only(state.is_none(), *state),
            (Get, Value(value)) => only(*state == Some(*value), *state),
            (GetOrInit(own), Value(value)) => only(state.unwrap_or(*own) == *value, Some(*value)),
            _ => Vec::new(),
        }
    }

    /// That there is nothing, or something, is told by a load.
    fn sight(&self, operation: &PlaceOperation, answer: &PlaceAnswer) -> Sight {
        match (operation, answer) {
            (Set(_), Done) => Sight::Newest,
            (GetOrInit(own), Value(value)) if own == value => Sight::Newest,
            _ => Sight::Idle,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Places;

impl Subject for Places {
    type Specification = Place;
    type Hand = Arc<OnceLock<u32>>;

    fn specification(&self, _threads: usize) -> Place {
        Place
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(OnceLock::new(), threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> PlaceOperation {
        match random.below(4) {
            0 => Set(random.fresh()),
            1 => GetOrInit(random.fresh()),
            _ => Get,
        }
    }

    fn perform(place: &mut Self::Hand, operation: PlaceOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || match operation {
            Set(value) => place.set(value).map_or(Taken, |()| Done),
            Get => place.get().map_or(Empty, |value| Value(*value)),
            GetOrInit(value) => Value(*place.get_or_init(|| value)),
        });
    }
}
