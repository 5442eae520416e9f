//! The queue that counts unfinished tasks. Everything in it happens under a lock, so no answer is late.

use super::program::{LogOf, Subject, shared};
use super::random::Random;
use super::specification::{Specification, only};
use heddle_primitives::Queue;
use heddle_primitives::queue::{GetError, PutError};
use heddle_primitives::sync::Arc;
use std::collections::VecDeque;

pub struct Tasks {
    maxsize: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TaskOperation {
    Put(u32),
    Get,
    Size,
    TaskDone,
    Unfinished,
    /// Whether what is inside is dropped.
    Shutdown(bool),
}

#[derive(Debug, Clone, PartialEq)]
pub enum TaskAnswer {
    Done,
    Value(u32),
    Count(usize),
    Full,
    Empty,
    ShutDown,
    TooManyDone,
}
use TaskAnswer::*;
use TaskOperation::*;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TaskState {
    values: VecDeque<u32>,
    unfinished: usize,
    shut_down: bool,
}

impl Specification for Tasks {
    type Operation = TaskOperation;
    type Answer = TaskAnswer;
    type State = TaskState;

    fn initial(&self) -> TaskState {
        TaskState { values: VecDeque::new(), unfinished: 0, shut_down: false }
    }

    fn next(&self, state: &TaskState, operation: &TaskOperation, answer: &TaskAnswer) -> Vec<TaskState> {
        let mut next = state.clone();
        let full = state.values.len() == self.maxsize;
        let empty = state.values.is_empty();
        match (operation, answer) {
            (Put(value), Done) => {
                next.values.push_back(*value);
                next.unfinished += 1;
                only(!state.shut_down && !full, next)
            }
            (Put(_), Full) => only(!state.shut_down && full, next),
            (Put(_), ShutDown) => only(state.shut_down, next),
            (Get, Value(value)) => only(next.values.pop_front() == Some(*value), next),
            (Get, Empty) => only(!state.shut_down && empty, next),
            (Get, ShutDown) => only(state.shut_down && empty, next),
            (Size, Count(size)) => only(state.values.len() == *size, next),
            (Unfinished, Count(count)) => only(state.unfinished == *count, next),
            (TaskDone, TooManyDone) => only(state.unfinished == 0, next),
            (TaskDone, Done) => {
                next.unfinished = state.unfinished.saturating_sub(1);
                only(state.unfinished > 0, next)
            }
            (Shutdown(immediate), Done) => {
                next.shut_down = true;
                if *immediate {
                    next.unfinished -= next.values.len().min(next.unfinished);
                    next.values.clear();
                }
                vec![next]
            }
            _ => Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Queues {
    pub maxsize: usize,
}

impl Subject for Queues {
    type Specification = Tasks;
    type Hand = Arc<Queue<u32>>;

    fn specification(&self, _threads: usize) -> Tasks {
        Tasks { maxsize: self.maxsize }
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(Queue::new(self.maxsize), threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> TaskOperation {
        match random.below(12) {
            0..4 => Put(random.fresh()),
            4..8 => Get,
            8 => TaskDone,
            9 => Size,
            10 => Unfinished,
            _ => Shutdown(random.below(2) == 0),
        }
    }

    fn perform(queue: &mut Self::Hand, operation: TaskOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || match operation {
            Put(value) => match queue.put_nowait(value) {
                Ok(()) => Done,
                Err(PutError::Full(_)) => Full,
                Err(PutError::ShutDown(_)) => ShutDown,
            },
            Get => match queue.get_nowait() {
                Ok(value) => Value(value),
                Err(GetError::Empty) => Empty,
                Err(GetError::ShutDown) => ShutDown,
            },
            Size => Count(queue.qsize()),
            TaskDone => queue.task_done().map_or(TooManyDone, |()| Done),
            Unfinished => Count(queue.unfinished_tasks()),
            Shutdown(immediate) => {
                queue.shutdown(immediate);
                Done
            }
        });
    }
}
