//! A sequence lock for two words, with a fence left out.

use crate::scenarios::team;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::{Arc, fence};

pub fn sequence(reader_fences: bool, writer_fences: bool, publish: Ordering, look: Ordering) {
    let shared = Arc::new((AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)));
    team(2, &shared, move |(sequence, a, b), n| {
        if n == 0 {
            sequence.store(1, Ordering::Relaxed);
            if writer_fences {
                fence(Ordering::Release);
            }
            a.store(1, Ordering::Relaxed);
            b.store(1, Ordering::Relaxed);
            sequence.store(2, publish);
        } else {
            let before = sequence.load(look);
            let seen = (a.load(Ordering::Relaxed), b.load(Ordering::Relaxed));
            if reader_fences {
                fence(Ordering::Acquire);
            }
            if before % 2 == 0 && sequence.load(Ordering::Relaxed) == before {
                assert_eq!(seen.0, seen.1, "torn");
            }
        }
    });
}
