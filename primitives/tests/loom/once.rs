//! Once, OnceLock, LazyLock.

use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("once", Complete, 1_718, || once_runs_once(2));
    check_with_spurious("once, first fails", Complete, 734, || once_fails_first(2));
    check_with_spurious("once, awaited", Complete, 748, || once_is_awaited(1));
    check_with_spurious("once lock", Complete, 4_394, || once_lock_publishes(2));
    check("once lock, read", Complete, 19, once_lock_is_read);
    check_with_spurious("lazy lock", Complete, 2_951, || lazy_lock_is_made_once(2));
}

#[test]
fn three_threads() {
    check("once of 3", Bounded(2), 13_020, || once_runs_once(3));
    check("once of 3, first fails", Bounded(1), 3_476, || once_fails_first(3));
    check("once, awaited by 2", Bounded(2), 13_684, || once_is_awaited(2));
}

#[test]
fn planted_bugs_are_found() {
    check("small once", Complete, 48, || broken::small_once(Ordering::Release));
    finds("relaxed completion", Complete, "Causality violation", || broken::small_once(Ordering::Relaxed));
}
