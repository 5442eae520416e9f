//! A barrier that is used again too early: the last to come clears the count and releases the others, but one that is slow to leave
//! finds the count of the next phase, and waits for ever.
//!
//! Repaired by a number of the phase. loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::Futex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::Ordering::{AcqRel, Acquire, Release};

const PARTIES: u32 = 2;

struct Barrier {
    arrived: Futex,
    phase: Futex,
}

impl Barrier {
    fn wait(&self, broken: bool) {
        let phase = self.phase.word().load(Acquire);
        let last = self.arrived.word().fetch_add(1, AcqRel) + 1 == PARTIES;
        match (last, broken) {
            (true, true) => {
                self.arrived.word().store(0, Release);
                self.arrived.wake_all();
            }
            (true, false) => {
                self.arrived.word().store(0, Release);
                self.phase.word().fetch_add(1, Release);
                self.phase.wake_all();
            }
            (false, true) => {
                while self.arrived.word().load(Acquire) != 0 {
                    self.arrived.wait(1, None);
                }
            }
            (false, false) => {
                while self.phase.word().load(Acquire) == phase {
                    self.phase.wait(phase, None);
                }
            }
        }
    }
}

pub fn barrier_reuse(broken: bool) {
    let barrier = Arc::new(Barrier { arrived: Futex::new(0), phase: Futex::new(0) });
    team(PARTIES, &barrier, move |barrier, _| {
        barrier.wait(broken);
        barrier.wait(broken);
    });
}
