//! Barrier.

use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("barrier 2x1", Complete, 127, || barrier_phases(2, 1));
    check("barrier 2x3", Bounded(3), 8_330, || barrier_phases(2, 3));
}

#[test]
fn three_threads() {
    check_with_spurious("barrier 3x1", Bounded(2), 1_354, || barrier_phases(3, 1));
    check("barrier 3x2", Bounded(1), 2_061, || barrier_phases(3, 2));
}

#[test]
fn abort() {
    check_with_spurious("barrier abort", Complete, 119, barrier_abort);
    check_with_spurious("barrier abort, next phase", Bounded(3), 977, barrier_abort_in_the_next_phase);
}

#[test]
fn time_outs() {
    check_with_spurious("barrier time-out, 2", Complete, 5_842, || barrier_times_out_for_all(2));
    check_with_spurious("barrier time-out, 3", Bounded(2), 2_471, || barrier_times_out_for_all(3));
}

#[test]
fn reset() {
    check_with_spurious("barrier reset, 2", Complete, 1_872, || barrier_reset_releases(2));
    check("barrier reset, 3", Bounded(2), 12_167, || barrier_reset_releases(3));
    check_with_spurious("barrier mended", Bounded(2), 1_913, barrier_is_mended);
    check_with_spurious("barrier mended behind a waiter", Bounded(3), 508, barrier_is_mended_behind_a_waiter);
}

#[test]
fn broken_publishes() {
    check("barrier found broken", Complete, 6, barrier_broken_publishes);
}
