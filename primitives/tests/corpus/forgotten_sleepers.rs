//! The lost wake-up, third kind: a thread that has slept takes the lock as if nobody else slept, so its unlock wakes nobody.
//!
//! Drepper, "Futexes are tricky", has the lock: 0 is free, 1 is taken, 2 is taken and somebody may sleep.
//! loom and shuttle find it, with one holder and two sleepers.

use crate::scenarios::{Plain, team};
use heddle_primitives::Futex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, Release};

fn lock(futex: &Futex, broken: bool) {
    let word = futex.word();
    if word.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
        return;
    }
    // Whoever has slept cannot know whether it was the only one.
    let taken = if broken { 1 } else { 2 };
    loop {
        if word.load(Relaxed) == 2 || word.compare_exchange(1, 2, Relaxed, Relaxed).is_ok() {
            futex.wait(2, None);
        }
        if word.compare_exchange(0, taken, Acquire, Relaxed).is_ok() {
            return;
        }
    }
}

fn unlock(futex: &Futex) {
    if futex.word().swap(0, Release) == 2 {
        futex.wake_one();
    }
}

pub fn forgotten_sleepers(broken: bool) {
    let shared = Arc::new((Futex::new(0), Plain::new()));
    team(3, &shared, move |(futex, count), _| {
        lock(futex, broken);
        count.set(count.get() + 1);
        unlock(futex);
    });
    assert_eq!(shared.1.get(), 3);
}
