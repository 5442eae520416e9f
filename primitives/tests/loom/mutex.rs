//! Mutex.

use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("mutex 2x1", Complete, 46, || mutex_counts(2, 1));
    check("mutex 2x2", Complete, 36_846, || mutex_counts(2, 2));
}

#[test]
fn three_threads() {
    check_with_spurious("mutex 3x1", Bounded(2), 273, || mutex_counts(3, 1));
    check("mutex 3x1, bound 3", Bounded(3), 3_126, || mutex_counts(3, 1));
}

#[test]
fn time_outs() {
    check_with_spurious("mutex with time-out, 2", Complete, 54, || mutex_time_out_strands_nobody(2));
    check_with_spurious("mutex with time-out, 3", Bounded(3), 2_311, || mutex_time_out_strands_nobody(3));
    check("mutex try_lock", Complete, 10, mutex_try_lock);
}
