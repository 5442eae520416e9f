//! Mutex and its fair twin.

use crate::*;

#[test]
fn counts_and_times_out() {
    check("mutex", || mutex_counts(4, 3));
    check("mutex with time-out", || mutex_time_out_strands_nobody(4));
    check("mutex try_lock", mutex_try_lock);
}

#[test]
fn fair() {
    check("fair mutex", || fair_mutex_counts(4, 3));
    check("fair mutex with time-out", || fair_mutex_time_out_strands_nobody(4));
    check("fair mutex left free", fair_mutex_is_left_free);
    check("fair mutex try_lock", || fair_mutex_try_lock(4));
    check("both unlocks", || mutex_unlocks_both_ways(4));
}

#[test]
fn guards() {
    check("mutex bump", || mutex_bumps(4));
    check("mutex unlocked", || mutex_unlocked_meanwhile(false));
    check("mutex unlocked fair", || mutex_unlocked_meanwhile(true));
    check("mutex maps", mutex_maps);
    check("mutex guard travels", mutex_guard_travels);
}
