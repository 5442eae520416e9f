//! Barrier.

use crate::*;

#[test]
fn phases_and_breaks() {
    check("barrier", || barrier_phases(4, 5));
    check("barrier abort", barrier_abort);
    check("barrier abort, next phase", barrier_abort_in_the_next_phase);
    check("barrier time-out", || barrier_times_out_for_all(4));
}

#[test]
fn resets() {
    check("barrier reset", || barrier_reset_releases(3));
    check("barrier mended", barrier_is_mended);
    check("barrier mended behind a waiter", barrier_is_mended_behind_a_waiter);
}
