//! Latch and WaitGroup.

use crate::*;

#[test]
fn opens() {
    check("latch", || latch_opens(3, 3));
    check("latch meeting", || latch_is_a_meeting(5));
    check("latch, added to", latch_is_added_to);
    check("wait group", || wait_group_waits(4));
    check_all("latch time-out", 1, latch_times_out_or_opens);
}
