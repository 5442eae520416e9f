//! The bounded queue between many.

use crate::*;

#[test]
fn passes_values() {
    check("array queue of 1", || array_queue_push_pop(1, 2, 2, 2));
    check("array queue of 3", || array_queue_push_pop(3, 2, 2, 3));
    check("array queue, room for all", || array_queue_is_never_wrongly_full_or_empty(3, 3, 2));
    check("array queue, forced", || array_queue_force_push(2, 3));
}
