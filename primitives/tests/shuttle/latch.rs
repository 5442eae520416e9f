//! Latch and WaitGroup.

use crate::*;

#[test]
fn opens() {
    check("latch", || latch_opens(2, 2));
    check("latch meeting", || latch_is_a_meeting(3));
    check("wait group", || wait_group_waits(3));
    check_all("latch time-out", 708, latch_times_out_or_opens);
}
