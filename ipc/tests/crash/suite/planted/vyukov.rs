//! Vyukov's bounded queue: whoever dies between taking a cell and handing it on stops all who come to the cell.

use std::time::Duration;

use heddle_ipc::Shareable;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::thread;

use super::STRANDED;
use crate::suite::memory::InSegment;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::tracer::traced;

const CAPACITY: u64 = 2;

/// Dmitry Vyukov's queue, whose cells say whose turn it is.
#[repr(C)]
struct Queue {
    cells: [Cell; CAPACITY as usize],
    tail: AtomicU64,
    head: AtomicU64,
}

#[repr(C)]
struct Cell {
    turn: AtomicU64,
    value: AtomicU64,
}

// SAFETY: atomics.
unsafe impl Shareable for Queue {}

impl Queue {
    fn new() -> Queue {
        let cell = |turn| Cell { turn: AtomicU64::new(turn), value: AtomicU64::new(0) };
        Queue { cells: [cell(0), cell(1)], tail: AtomicU64::new(0), head: AtomicU64::new(0) }
    }

    /// Takes the next cell of one side, whose turn it is `ahead` of its position; `None` if it is not.
    fn claim(&self, side: &AtomicU64, ahead: u64) -> Option<(u64, &Cell)> {
        // ORDERING: Relaxed: positions only hand out cells; a cell's turn orders what lies in it.
        let mut at = side.load(Ordering::Relaxed);
        loop {
            let cell = &self.cells[(at % CAPACITY) as usize];
            // ORDERING: Acquire: pairs with the Release in `push` and `pop`.
            if cell.turn.load(Ordering::Acquire) != at + ahead {
                return None;
            }
            match side.compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some((at, cell)),
                Err(now) => at = now,
            }
        }
    }

    fn push(&self, value: u64) -> bool {
        let Some((at, cell)) = self.claim(&self.tail, 0) else { return false };
        // ORDERING: Relaxed: published by the turn, with Release for the Acquire in `claim`.
        cell.value.store(value, Ordering::Relaxed);
        cell.turn.store(at + 1, Ordering::Release);
        true
    }

    fn pop(&self) -> Option<u64> {
        let (at, cell) = self.claim(&self.head, 1)?;
        // ORDERING: as in `push`.
        let value = cell.value.load(Ordering::Relaxed);
        cell.turn.store(at + CAPACITY, Ordering::Release);
        Some(value)
    }

    /// What the queue gives that still gives something, in order, once it has taken `value`.
    fn drain_after(&self, value: u64) -> Vec<u64> {
        while !self.push(value) {
            thread::yield_now();
        }
        let mut taken = Vec::new();
        while taken.last() != Some(&value) {
            match self.pop() {
                Some(value) => taken.push(value),
                None => thread::yield_now(),
            }
        }
        taken
    }
}

/// A death at a push.
pub struct Push;

struct Pushing(InSegment<Queue>);

impl Operation for Push {
    fn name(&self) -> &'static str {
        "planted::vyukov_push"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast]
    }

    fn planted(&self) -> Option<&'static str> {
        Some("a cell that was taken is never filled")
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        Box::new(Pushing(InSegment::new(Queue::new())))
    }
}

impl Scene for Pushing {
    fn victim(&self) {
        let queue = self.0.get();
        assert!(traced(|| queue.push(1)));
    }

    fn check(&self, death: Death) -> Found {
        let taken = self.0.get().drain_after(2);
        assert!(taken == [1, 2] || (!death.complete && taken == [2]), "{taken:?}");
        Found::Whole
    }

    fn limit(&self) -> Duration {
        STRANDED
    }
}

/// A death at a pop.
pub struct Pop;

struct Popping(InSegment<Queue>);

impl Operation for Pop {
    fn name(&self) -> &'static str {
        "planted::vyukov_pop"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast]
    }

    fn planted(&self) -> Option<&'static str> {
        Some("a cell that was taken is never handed on")
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        let queue = InSegment::new(Queue::new());
        assert!(queue.get().push(1));
        Box::new(Popping(queue))
    }
}

impl Scene for Popping {
    fn victim(&self) {
        let queue = self.0.get();
        assert_eq!(traced(|| queue.pop()), Some(1));
    }

    fn check(&self, _: Death) -> Found {
        // Once round, so that the cell is needed again.
        let taken = [2, 3, 4].map(|value| self.0.get().drain_after(value)).concat();
        assert!(taken == [2, 3, 4] || taken == [1, 2, 3, 4], "{taken:?}");
        Found::Whole
    }

    fn limit(&self) -> Duration {
        STRANDED
    }
}
