//! Mutex.

use crate::broken::HandoverBug;
use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("mutex 2x1", Complete, 53, || mutex_counts(2, 1));
    check("mutex 2x2", Bounded(4), 1_323, || mutex_counts(2, 2));
}

#[test]
fn three_threads() {
    check_with_spurious("mutex 3x1", Bounded(2), 449, || mutex_counts(3, 1));
    check("mutex 3x1, bound 3", Bounded(3), 6_417, || mutex_counts(3, 1));
}

#[test]
fn time_outs() {
    check_with_spurious("mutex with time-out, 2", Complete, 71, || mutex_time_out_strands_nobody(2));
    check_with_spurious("mutex with time-out, 3", Bounded(2), 319, || mutex_time_out_strands_nobody(3));
    check("mutex try_lock", Complete, 18, mutex_try_lock);
}

#[test]
fn fair() {
    check_with_spurious("fair mutex 2x1", Complete, 157, || fair_mutex_counts(2, 1));
    check("fair mutex 2x2", Bounded(3), 7_397, || fair_mutex_counts(2, 2));
    check_with_spurious("fair mutex 3x1", Bounded(2), 788, || fair_mutex_counts(3, 1));
    check("both unlocks, 2", Complete, 55, || mutex_unlocks_both_ways(2));
    check_with_spurious("both unlocks, 3", Bounded(2), 565, || mutex_unlocks_both_ways(3));
}

#[test]
fn fair_time_outs() {
    check_with_spurious("fair mutex with time-out, 2", Complete, 437, || {
        fair_mutex_time_out_strands_nobody(2)
    });
    check_with_spurious("fair mutex with time-out, 3", Bounded(2), 466, || {
        fair_mutex_time_out_strands_nobody(3)
    });
    check_with_spurious("fair mutex left free", Complete, 582, fair_mutex_is_left_free);
    check("fair mutex try_lock", Complete, 86, || fair_mutex_try_lock(2));
    check("fair mutex try_lock, 3", Bounded(2), 788, || fair_mutex_try_lock(3));
}

#[test]
fn guards() {
    check("mutex bump", Bounded(3), 332, || mutex_bumps(2));
    check("mutex bump, 3", Bounded(2), 8_228, || mutex_bumps(3));
    check("mutex unlocked", Bounded(3), 181, || mutex_unlocked_meanwhile(false));
    check("mutex unlocked fair", Bounded(3), 379, || mutex_unlocked_meanwhile(true));
    check("mutex maps", Complete, 53, mutex_maps);
    check("mutex guard travels", Complete, 88, mutex_guard_travels);
}

#[test]
fn planted_handover_bugs_are_found() {
    check("small hand-over", Complete, 1, || broken::small_handover(HandoverBug::None, 2));
    check("small hand-over, 3", Bounded(2), 6_176, || broken::small_handover(HandoverBug::None, 3));
    for (bug, cause) in [
        (HandoverBug::LeavesReservation, "left to nobody"),
        (HandoverBug::StaysCounted, "left to nobody"),
        (HandoverBug::WakesNobody, "deadlock"),
    ] {
        finds("hand-over", Bounded(3), cause, move || broken::small_handover(bug, 3));
    }
}
