//! Python's queue.

use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("queue 1-1", Bounded(2), 1_411, || queue_works_and_joins(1, 1, 2));
    check_with_spurious("queue, shutdown", Bounded(2), 2_668, queue_shuts_down);
    check("queue, time-out", Bounded(2), 172, queue_times_out_or_delivers);
}

#[test]
fn three_threads() {
    check("queue 1-2", Bounded(1), 999, || queue_works_and_joins(1, 2, 2));
}
