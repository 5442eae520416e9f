//! Permits.

use super::program::{LogOf, Subject, shared};
use super::random::Random;
use super::specification::{Sight, Specification, only};
use heddle_primitives::sync::Arc;
use heddle_primitives::{Semaphore, SemaphorePermit};
use std::time::Instant;

pub struct Permits {
    pub first: i32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SemaphoreOperation {
    TryAcquire(u32),
    /// Gives up instead of sleeping.
    AcquireSoon,
    Release(u32),
    Available,
    /// Puts a claim on a permit, whether there is one or not.
    Reserve,
    /// Gives the claim up.
    Cancel,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SemaphoreAnswer {
    Done,
    Refused,
    Count(u32),
}
use SemaphoreAnswer::*;
use SemaphoreOperation::*;

impl Specification for Permits {
    type Operation = SemaphoreOperation;
    type Answer = SemaphoreAnswer;
    /// Permits less reservations.
    type State = i32;

    fn initial(&self) -> i32 {
        self.first
    }

    fn next(&self, state: &i32, operation: &SemaphoreOperation, answer: &SemaphoreAnswer) -> Vec<i32> {
        match (operation, answer) {
            (TryAcquire(n), Done) => only(*state >= *n as i32, state - *n as i32),
            (TryAcquire(n), Refused) => only(*state < *n as i32, *state),
            (AcquireSoon, Done) => only(*state >= 1, state - 1),
            // Time is up whenever it would sleep.
            (AcquireSoon, Refused) => vec![*state],
            (Reserve, Done) => vec![state - 1],
            (Cancel, Done) => vec![state + 1],
            (Release(n), Done) => vec![state + *n as i32],
            (Available, Count(count)) => only((*state).max(0) == *count as i32, *state),
            _ => Vec::new(),
        }
    }

    /// A refusal rests on a look at the word.
    fn sight(&self, _operation: &SemaphoreOperation, answer: &SemaphoreAnswer) -> Sight {
        if *answer == Done { Sight::Newest } else { Sight::Idle }
    }
}

/// Who acquires without having tried reserves a permit first and looks afterwards whether there was one (see the protocol in the
/// semaphore's documentation). If there was none, the next one that is released is held back for as long, although another
/// thread may get it in the end: `try_acquire` and `available_permits` then say that there is none. So reserving and cancelling are
/// steps of their own, and what lies between may see one permit less.
#[derive(Debug, Clone)]
pub struct Semaphores {
    pub first: u32,
}

impl Subject for Semaphores {
    type Specification = Permits;
    type Hand = Arc<Semaphore>;

    fn specification(&self, _threads: usize) -> Permits {
        Permits { first: self.first as i32 }
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(Semaphore::new(self.first), threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> SemaphoreOperation {
        match random.below(7) {
            0 | 1 => TryAcquire(1),
            2 => TryAcquire(2),
            3 | 4 => AcquireSoon,
            5 => Release(1 + random.below(2)),
            _ => Available,
        }
    }

    fn perform(semaphore: &mut Self::Hand, operation: SemaphoreOperation, log: &mut LogOf<Self>) {
        let perform = || match operation {
            TryAcquire(n) => {
                let permit = if n == 1 { semaphore.try_acquire() } else { semaphore.try_acquire_many(n) };
                taken(permit)
            }
            AcquireSoon => taken(semaphore.acquire_until(Instant::now())),
            Release(n) => {
                semaphore.release(n);
                Done
            }
            Available => Count(semaphore.available_permits()),
            Reserve | Cancel => unreachable!("parts of the others"),
        };
        log.record(perform, |answer| {
            let mut parts = vec![(operation.clone(), answer.clone())];
            if operation == AcquireSoon {
                parts.splice(0..0, [(Reserve, Done), (Cancel, Done)]);
            }
            parts
        });
    }
}

fn taken(permit: Option<SemaphorePermit<'_>>) -> SemaphoreAnswer {
    permit.map_or(Refused, |permit| {
        permit.forget();
        Done
    })
}
