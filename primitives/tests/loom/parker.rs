//! Parker.

use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("parker", Complete, 34, parker_passes_a_message);
    check_with_spurious("parker time-out", Complete, 277, parker_times_out_or_passes);
}

#[test]
fn three_threads() {
    check_with_spurious("parker of 2", Bounded(3), 5_376, || parker_hears_everybody(2));
}

/// rust #53366.
#[test]
fn r12_a_token_that_is_there_still_synchronizes() {
    check("small parker", Bounded(3), 2_586, || broken::small_parker(false));
    finds("unpark leaves the store out", Bounded(3), "deadlock", || broken::small_parker(true));
}
