//! Condvar.

use crate::broken::CondvarBug;
use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("condvar, notified under the lock", Bounded(3), 89, || condvar_hands_over(1, true));
    check_with_spurious("condvar, notified outside", Bounded(4), 160, || condvar_hands_over(1, false));
    check_with_spurious("condvar ping-pong", Bounded(2), 668, || condvar_ping_pong(2));
    check_with_spurious("condvar release", Bounded(3), 410, condvar_release_is_seen);
    check_with_spurious("condvar count", Bounded(4), 392, || condvar_counts_what_it_wakes(1, false));
}

#[test]
fn three_threads() {
    check_with_spurious("condvar, all of 2", Bounded(2), 669, || condvar_hands_over(2, true));
    check_with_spurious("condvar, each of 2", Bounded(2), 2_034, || condvar_notifies_each(2));
    check("condvar, late waiter", Bounded(2), 2_096, condvar_late_waiter_steals_nothing);
}

#[test]
fn time_outs() {
    check_with_spurious("condvar time-out", Bounded(2), 1_374, condvar_time_out_swallows_nothing);
    check("condvar count of 2", Bounded(2), 7_012, || condvar_counts_what_it_wakes(2, false));
    check("condvar count of all 2", Bounded(2), 7_012, || condvar_counts_what_it_wakes(2, true));
}

#[test]
fn planted_bugs_are_found() {
    check("small condvar", Bounded(3), 25, || broken::small_condvar(CondvarBug::None));
    for bug in [CondvarBug::CountsLate, CondvarBug::ReadsLate, CondvarBug::WakesFirst] {
        finds(&format!("{bug:?}"), Bounded(3), "deadlock", move || broken::small_condvar(bug));
    }
    check("small condvar with time-out", Bounded(3), 4_917, || {
        broken::small_condvar_with_time_out(CondvarBug::None)
    });
    finds("SwallowsWakes", Bounded(3), "deadlock", || {
        broken::small_condvar_with_time_out(CondvarBug::SwallowsWakes)
    });
}
