//! Python's queue.

use crate::channel::check_long;
use crate::*;

#[test]
fn works() {
    check_long("queue", || queue_works_and_joins(2, 3, 6));
    check_long("queue, shutdown", queue_shuts_down);
    check_long("queue, time-out", queue_times_out_or_delivers);
}
