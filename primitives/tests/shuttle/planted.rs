//! Bugs that shuttle must find.

use crate::*;

#[test]
fn the_repaired_twin_passes() {
    check("small lock", || broken::small_lock(Bug::None, 3, 2));
}

#[test]
fn lost_wakes_are_found() {
    finds("forgets sleepers", "deadlock", || broken::small_lock(Bug::ForgetsSleepers, 3, 2));
    finds("wakes before the store", "deadlock", || broken::small_lock(Bug::WakesBeforeStore, 2, 2));
    finds("rereads expected", "deadlock", || broken::small_lock(Bug::RereadsExpected, 2, 2));
}

#[test]
fn a_believed_wake_is_found_once_wakes_can_be_spurious() {
    explore_spurious(Some(0));
    finds("believes the wake", "", || broken::small_lock(Bug::BelievesTheWake, 2, 2));
    explore_spurious(None);
}
