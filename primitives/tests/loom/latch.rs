//! Latch and WaitGroup.

use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("latch", Complete, 56, || latch_opens(1, 1));
    check_with_spurious("latch time-out", Complete, 232, latch_times_out_or_opens);
    check_with_spurious("latch, added to", Bounded(3), 479, latch_is_added_to);
    check_with_spurious("latch meeting", Bounded(3), 336, || latch_is_a_meeting(2));
    check_with_spurious("wait group", Bounded(3), 516, || wait_group_waits(1));
}

#[test]
fn three_threads() {
    check("latch of 2", Bounded(3), 6_343, || latch_opens(2, 1));
    check("latch for 2", Bounded(3), 10_974, || latch_opens(1, 2));
    check("latch meeting of 3", Bounded(2), 21_827, || latch_is_a_meeting(3));
    check("wait group of 3", Bounded(1), 2_404, || wait_group_waits(2));
}
