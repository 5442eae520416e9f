//! Barrier.

use crate::*;

#[test]
fn phases_and_breaks() {
    check("barrier", || barrier_phases(4, 5));
    check("barrier abort", barrier_abort);
    check("barrier abort, next phase", barrier_abort_in_the_next_phase);
    check("barrier time-out", || barrier_times_out_for_all(4));
}
