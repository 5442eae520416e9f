//! Mutex and its fair twin.

use crate::broken::HandoverBug;
use crate::*;

#[test]
fn counts_and_times_out() {
    check("mutex", || mutex_counts(4, 3));
    check("mutex with time-out", || mutex_time_out_strands_nobody(4));
    check("mutex try_lock", mutex_try_lock);
}

#[test]
fn fair() {
    check("fair mutex", || fair_mutex_counts(3, 2));
    check("fair mutex with time-out", || fair_mutex_time_out_strands_nobody(4));
    check("fair mutex try_lock", || fair_mutex_try_lock(3));
    check("both unlocks", || mutex_unlocks_both_ways(4));
}

#[test]
fn guards() {
    check("mutex bump", || mutex_bumps(3));
    check("mutex unlocked fair", || mutex_unlocked_meanwhile(true));
}

#[test]
fn planted_handover_bugs_are_found() {
    for (bug, cause) in [
        (HandoverBug::LeavesReservation, "left to nobody"),
        (HandoverBug::StaysCounted, "left to nobody"),
        (HandoverBug::WakesNobody, "deadlock"),
    ] {
        finds("hand-over", cause, move || broken::small_handover(bug, 3));
    }
}
