//! Locks around a number: to lock and to unlock are operations of their own, so that a try in between may fail.

use super::program::{LogOf, Subject, shared};
use super::random::Random;
use super::specification::{Sight, Specification, only};
use heddle_primitives::sync::Arc;
use heddle_primitives::{Mutex, RwLock};

pub struct Lock {
    /// Whether somebody who tries arrives first, too.
    tries_arrive: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum LockOperation {
    /// Locks and looks; the number is the one to be left behind.
    Lock(u32),
    TryLock(u32),
    /// Leaves a number and unlocks.
    Unlock(u32),
    Read,
    TryRead,
    /// Ends reading.
    Leave,
    /// Somebody comes, who will have decided by the thread's next operation.
    Arrive,
}

#[derive(Debug, Clone, PartialEq)]
pub enum LockAnswer {
    Done,
    Value(u32),
    Refused,
}
use LockAnswer::*;
use LockOperation::*;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockState {
    value: u32,
    locked: bool,
    readers: u32,
    arriving: u32,
}

impl Specification for Lock {
    type Operation = LockOperation;
    type Answer = LockAnswer;
    type State = LockState;

    fn initial(&self) -> LockState {
        LockState { value: 0, locked: false, readers: 0, arriving: 0 }
    }

    fn next(&self, state: &LockState, operation: &LockOperation, answer: &LockAnswer) -> Vec<LockState> {
        let mut next = state.clone();
        if matches!(operation, Lock(_) | Read)
            || self.tries_arrive && matches!(operation, TryLock(_) | TryRead)
        {
            next.arriving -= 1;
        }
        match (operation, answer) {
            (Lock(_) | TryLock(_), Value(value)) => {
                next.locked = true;
                only(!state.locked && state.readers == 0 && state.value == *value, next)
            }
            (TryLock(_), Refused) => only(state.locked || state.readers > 0 || next.arriving > 0, next),
            (Unlock(value), Done) => {
                (next.locked, next.value) = (false, *value);
                only(state.locked, next)
            }
            (Read | TryRead, Value(value)) => {
                next.readers += 1;
                only(!state.locked && state.value == *value, next)
            }
            (TryRead, Refused) => only(state.locked || next.arriving > 0, next),
            (Leave, Done) => {
                next.readers -= 1;
                vec![next]
            }
            (Arrive, Done) => {
                next.arriving += 1;
                vec![next]
            }
            _ => Vec::new(),
        }
    }

    /// A refusal rests on a look at the word.
    fn sight(&self, operation: &LockOperation, answer: &LockAnswer) -> Sight {
        match (operation, answer) {
            (_, Refused) => Sight::Idle,
            (Arrive, _) => Sight::Late,
            _ => Sight::Newest,
        }
    }
}

/// A try fails not only while somebody holds the lock. A waiter that was overtaken for too long has the lock reserved, and as long as that
/// one is on its way a try fails (which is documented). So to lock is recorded in two parts, to arrive and to get the lock.
#[derive(Debug, Clone)]
pub struct Mutexes;

impl Subject for Mutexes {
    type Specification = Lock;
    type Hand = Arc<Mutex<u32>>;

    fn specification(&self, _threads: usize) -> Lock {
        Lock { tries_arrive: false }
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(Mutex::new(0), threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> LockOperation {
        match random.below(2) {
            0 => Lock(random.fresh()),
            _ => TryLock(random.fresh()),
        }
    }

    fn perform(mutex: &mut Self::Hand, operation: LockOperation, log: &mut LogOf<Self>) {
        let leaves = match operation {
            Lock(leaves) | TryLock(leaves) => leaves,
            other => unreachable!("{other:?} of a mutex"),
        };
        let (_, guard) = log.record(
            || {
                let guard = match operation {
                    Lock(_) => Some(mutex.lock()),
                    _ => mutex.try_lock(),
                };
                (guard.as_deref().map_or(Refused, |value| Value(*value)), guard)
            },
            |(answer, _)| {
                let decided = (operation.clone(), answer.clone());
                if matches!(operation, Lock(_)) { vec![(Arrive, Done), decided] } else { vec![decided] }
            },
        );
        if let Some(mut guard) = guard {
            *guard = leaves;
            log.call(Unlock(leaves), || {
                drop(guard);
                Done
            });
        }
    }
}

/// A try fails not only while somebody holds the lock. A writer that waits keeps readers out, and a reader that has to wait looks like a
/// reader for a moment (both are documented). So whoever takes the lock, or tries to, is recorded in two parts, to come and to
/// decide, and between them others may be refused.
#[derive(Debug, Clone)]
pub struct RwLocks;

impl Subject for RwLocks {
    type Specification = Lock;
    type Hand = Arc<RwLock<u32>>;

    fn specification(&self, _threads: usize) -> Lock {
        Lock { tries_arrive: true }
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(RwLock::new(0), threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> LockOperation {
        match random.below(4) {
            0 => Lock(random.fresh()),
            1 => TryLock(random.fresh()),
            2 => Read,
            _ => TryRead,
        }
    }

    fn perform(lock: &mut Self::Hand, operation: LockOperation, log: &mut LogOf<Self>) {
        match operation {
            Lock(leaves) | TryLock(leaves) => {
                let (_, guard) = log.record(
                    || {
                        let guard = match operation {
                            Lock(_) => Some(lock.write()),
                            _ => lock.try_write(),
                        };
                        (guard.as_deref().map_or(Refused, |value| Value(*value)), guard)
                    },
                    |(answer, _)| vec![(Arrive, Done), (operation.clone(), answer.clone())],
                );
                if let Some(mut guard) = guard {
                    *guard = leaves;
                    log.call(Unlock(leaves), || {
                        drop(guard);
                        Done
                    });
                }
            }
            _ => {
                let (_, guard) = log.record(
                    || {
                        let guard = match operation {
                            Read => Some(lock.read()),
                            _ => lock.try_read(),
                        };
                        (guard.as_deref().map_or(Refused, |value| Value(*value)), guard)
                    },
                    |(answer, _)| vec![(Arrive, Done), (operation.clone(), answer.clone())],
                );
                if let Some(guard) = guard {
                    log.call(Leave, || {
                        drop(guard);
                        Done
                    });
                }
            }
        }
    }
}
