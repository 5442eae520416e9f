//! Condvar.

use crate::broken::CondvarBug;
use crate::*;

#[test]
fn hands_over_and_times_out() {
    check("condvar, all", || condvar_hands_over(3, true));
    check("condvar, each", || condvar_notifies_each(3));
    check("condvar ping-pong", || condvar_ping_pong(3));
    check("condvar time-out", condvar_time_out_swallows_nothing);
    check("condvar late waiter", condvar_late_waiter_steals_nothing);
    check("condvar count", || condvar_counts_what_it_wakes(3, false));
}

#[test]
fn planted_bugs_are_found() {
    for bug in [CondvarBug::CountsLate, CondvarBug::ReadsLate, CondvarBug::WakesFirst] {
        finds(&format!("{bug:?}"), "deadlock", move || broken::small_condvar(bug));
    }
}
