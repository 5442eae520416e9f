//! A ring whose producers reserve room and commit in the order of their reservations: one that dies in between stops those behind it.

use std::time::Duration;

use heddle_ipc::Shareable;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::thread;

use super::STRANDED;
use crate::suite::memory::InSegment;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::tracer::traced;

#[repr(C)]
struct Ring {
    slots: [AtomicU64; 4],
    reserved: AtomicU64,
    committed: AtomicU64,
}

// SAFETY: atomics.
unsafe impl Shareable for Ring {}

impl Ring {
    fn push(&self, value: u64) {
        // ORDERING: Relaxed: hands out slots; the commit orders what lies in them.
        let at = self.reserved.fetch_add(1, Ordering::Relaxed);
        self.slots[at as usize % 4].store(value, Ordering::Relaxed);
        // ORDERING: Acquire: pairs with the Release below, of the producer before.
        while self.committed.load(Ordering::Acquire) != at {
            thread::yield_now();
        }
        // ORDERING: Release: for `committed` and the producer behind.
        self.committed.store(at + 1, Ordering::Release);
    }

    /// All that was committed.
    fn committed(&self) -> Vec<u64> {
        // ORDERING: Acquire: pairs with the Release in `push`.
        let end = self.committed.load(Ordering::Acquire) as usize;
        self.slots[..end].iter().map(|slot| slot.load(Ordering::Relaxed)).collect()
    }
}

/// One of two producers dies.
pub struct Push;

struct Pushing(InSegment<Ring>);

impl Operation for Push {
    fn name(&self) -> &'static str {
        "planted::reserve_commit_push"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast]
    }

    fn planted(&self) -> Option<&'static str> {
        Some("the other producer waits for a commit that never comes")
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        let ring = Ring {
            slots: [const { AtomicU64::new(0) }; 4],
            reserved: AtomicU64::new(0),
            committed: AtomicU64::new(0),
        };
        Box::new(Pushing(InSegment::new(ring)))
    }
}

impl Scene for Pushing {
    fn victim(&self) {
        let ring = self.0.get();
        traced(|| ring.push(1));
    }

    fn check(&self, death: Death) -> Found {
        self.0.get().push(2);
        let there = self.0.get().committed();
        assert!(there == [1, 2] || (!death.complete && there == [2]), "{there:?}");
        Found::Whole
    }

    fn limit(&self) -> Duration {
        STRANDED
    }
}
