//! Reentrant mutex.

use crate::*;

#[test]
fn two_threads() {
    check("reentrant 2", Complete, 9_673, || reentrant_counts(2, false));
    check("reentrant 2, fair", Complete, 10_777, || reentrant_counts(2, true));
    check_with_spurious("reentrant with time-out, 2", Complete, 1_435, || reentrant_time_out(2));
    check("reentrant try_lock", Complete, 313, reentrant_try_lock);
}

#[test]
fn three_threads() {
    check("reentrant 3", Bounded(2), 13_481, || reentrant_counts(3, false));
    check("reentrant with time-out, 3", Bounded(2), 8_605, || reentrant_time_out(3));
}

/// A lock that lets go of its word before it takes its owner's name out.
#[test]
fn an_owner_that_is_named_too_long_is_found() {
    finds("owner named too long", Complete, "", || broken::small_reentrant(true));
    check("owner named as long as it owns", Complete, 34, || broken::small_reentrant(false));
}
