//! Bugs that loom must find.

use crate::*;

#[test]
fn the_repaired_twins_pass() {
    check("small lock 2x2", Complete, 3_011, || broken::small_lock(Bug::None, 2, 2));
    check("small lock 3x1", Bounded(2), 108, || broken::small_lock(Bug::None, 3, 1));
    check("one slot", Complete, 6, || broken::one_slot(Ordering::Release));
    check("sleep beside a queue", Complete, 26, || broken::sleep_beside(true));
}

#[test]
fn forgotten_sleepers_are_found() {
    finds("forgets sleepers", Bounded(2), "deadlock", || broken::small_lock(Bug::ForgetsSleepers, 3, 1));
}

#[test]
fn a_wake_before_the_store_is_found() {
    finds("wakes before the store", Bounded(2), "deadlock", || {
        broken::small_lock(Bug::WakesBeforeStore, 2, 1)
    });
}

#[test]
fn a_reread_expected_value_is_found() {
    finds("rereads expected", Bounded(2), "deadlock", || broken::small_lock(Bug::RereadsExpected, 2, 1));
}

#[test]
fn a_believed_wake_is_found_once_wakes_can_be_spurious() {
    explore_spurious(Some(0));
    finds("believes the wake", Complete, "", || broken::small_lock(Bug::BelievesTheWake, 2, 1));
    explore_spurious(None);
}

#[test]
fn missing_orderings_are_found() {
    for bug in [Bug::RelaxedLock, Bug::RelaxedUnlock] {
        finds("weak lock", Complete, "Causality violation", move || broken::small_lock(bug, 2, 1));
    }
    finds("relaxed publish", Complete, "Causality violation", || broken::one_slot(Ordering::Relaxed));
}

#[test]
fn missing_fences_are_found() {
    finds("sleeps without fences", Complete, "deadlock", || broken::sleep_beside(false));
}
