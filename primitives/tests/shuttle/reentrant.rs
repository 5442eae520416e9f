//! Reentrant mutex.

use crate::*;

#[test]
fn counts_and_times_out() {
    check("reentrant", || reentrant_counts(4, false));
    check("reentrant, fair", || reentrant_counts(3, true));
    check("reentrant with time-out", || reentrant_time_out(3));
    check("reentrant try_lock", reentrant_try_lock);
}

#[test]
fn planted_bug_is_found() {
    finds("owner named too long", "", || broken::small_reentrant(true));
}
