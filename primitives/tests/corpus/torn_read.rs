//! A sequence lock whose reader looks again without a fence: the second look may come before the reads, and half of one value goes
//! with half of another.
//!
//! Boehm, "Can seqlocks get along with programming language memory models?".
//! loom finds it. shuttle cannot: the order of the steps is right, and it knows no other.

use crate::scenarios::team;
use heddle_primitives::sync::atomic::AtomicU32;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use heddle_primitives::sync::{Arc, fence};

#[derive(Default)]
struct Pair {
    sequence: AtomicU32,
    left: AtomicU32,
    right: AtomicU32,
}

pub fn torn_read(broken: bool) {
    let pair = Arc::new(Pair::default());
    team(2, &pair, move |pair, n| {
        if n == 0 {
            pair.sequence.store(1, Relaxed);
            fence(Release);
            pair.left.store(1, Relaxed);
            pair.right.store(1, Relaxed);
            pair.sequence.store(2, Release);
        } else {
            let before = pair.sequence.load(Acquire);
            let (left, right) = (pair.left.load(Relaxed), pair.right.load(Relaxed));
            if !broken {
                fence(Acquire);
            }
            if before % 2 == 0 && pair.sequence.load(Relaxed) == before {
                assert_eq!(left, right, "the value is torn");
            }
        }
    });
}
