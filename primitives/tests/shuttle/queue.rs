//! Python's queue.

use crate::*;

#[test]
fn works() {
    check("queue", || queue_works_and_joins(2, 3, 6));
    check("queue, shutdown", queue_shuts_down);
    check("queue, time-out", queue_times_out_or_delivers);
}
