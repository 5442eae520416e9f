//! Mutex.

use crate::*;

#[test]
fn counts_and_times_out() {
    check("mutex", || mutex_counts(4, 3));
    check("mutex with time-out", || mutex_time_out_strands_nobody(4));
    check("mutex try_lock", mutex_try_lock);
}
