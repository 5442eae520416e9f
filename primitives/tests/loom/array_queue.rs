//! The bounded queue between many.

use crate::broken::array_queue::{RingBug, small_ring};
use crate::*;

#[test]
fn two_threads() {
    check("array queue 1-1 of 1", Complete, 1_141, || array_queue_push_pop(1, 1, 1, 2));
    check("array queue 1-1 of 2", Bounded(3), 2_195, || array_queue_push_pop(2, 1, 1, 3));
    check("array queue 2-0 of 1", Complete, 326, || array_queue_push_pop(1, 2, 0, 1));
    check("array queue, two", Complete, 242, array_queue_agrees_with_another);
}

#[test]
fn more_threads() {
    check("array queue 2-1 of 1", Bounded(2), 1_917, || array_queue_push_pop(1, 2, 1, 1));
    check("array queue 2-2 of 1", Bounded(1), 21_290, || array_queue_push_pop(1, 2, 2, 1));
    check("array queue 2-2 of 2", Bounded(1), 9_532, || array_queue_push_pop(2, 2, 2, 1));
}

#[test]
fn full_and_empty_are_never_said_wrongly() {
    check("array queue, room for all, 2", Bounded(1), 3_392, || {
        array_queue_is_never_wrongly_full_or_empty(2, 2, 2)
    });
    check("array queue, room for all, 3", Bounded(0), 1_612, || {
        array_queue_is_never_wrongly_full_or_empty(3, 3, 1)
    });
}

#[test]
fn answers_agree() {
    check("array queue, never empty", Complete, 19, || array_queue_answers(true));
    check("array queue, never full", Complete, 19, || array_queue_answers(false));
    check("array queues, found full", Bounded(2), 75, array_queues_found_full);
    check("array queue, replaced", Bounded(2), 6_695, array_queue_replaced_is_not_empty);
    check("array queue, counted", Bounded(2), 30, array_queue_counts_while_replaced);
}

#[test]
fn forced_pushes() {
    check("array queue, forced, 1", Bounded(3), 21, || array_queue_force_push(1, 2));
    check("array queue, forced, 3", Bounded(2), 9_430, || array_queue_force_push(1, 3));
    check("array queue, forced, 3 of 2", Bounded(2), 756, || array_queue_force_push(2, 3));
}

#[test]
fn planted_bugs_are_found() {
    check("small ring", Bounded(1), 64, || small_ring(RingBug::None, 1));
    finds("small ring, trusts the slot", Bounded(2), "wrongly", || small_ring(RingBug::TrustsTheSlot, 2));
    finds("small ring, relaxed turn", Bounded(2), "Causality violation", || {
        small_ring(RingBug::RelaxedTurn, 1)
    });
}
