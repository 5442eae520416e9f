//! What every checker runs.

use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::verify::{Scenario, Search};
use own_lock::Lock;

fn count<const EARLY: bool>(threads: u32) {
    let lock = Arc::new(Lock::<_, EARLY>::new(0));
    let others: Vec<_> = (1..threads)
        .map(|_| {
            let lock = lock.clone();
            thread::spawn(move || *lock.lock() += 1)
        })
        .collect();
    *lock.lock() += 1;
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(*lock.lock(), threads);
}

#[test]
fn counts() {
    Scenario::new("two threads").spurious(2).check(|| count::<false>(2));
    Scenario::new("three threads").search(Search::Bounded(2)).spurious(1).check(|| count::<false>(3));
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn the_planted_bug_is_found() {
    Scenario::new("wakes before it frees").search(Search::Bounded(2)).finds("deadlock", || count::<true>(2));
}
