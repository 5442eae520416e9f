//! The deques.

use crate::*;

#[test]
fn owner_and_thieves() {
    check("deque 1-1-1", Complete, 377, || deque_push_pop_steal(true, 1, 1, 1, 1));
    check("deque 2-1-1", Complete, 282, || deque_push_pop_steal(true, 2, 1, 1, 1));
    check("deque 2-2-2", Bounded(3), 42_168, || deque_push_pop_steal(true, 2, 2, 2, 1));
    check("deque fifo 2-2-2", Bounded(2), 6_966, || deque_push_pop_steal(false, 2, 2, 2, 1));
}

#[test]
fn growth_and_reuse() {
    check("deque grows", Bounded(3), 20_157, || deque_grows(2));
    check("deque goes round", Bounded(3), 3_139, deque_goes_round);
}

#[test]
fn batches() {
    check("deque batch lifo", Bounded(3), 448, || deque_batch(true, 4, 2));
    check("deque batch fifo", Bounded(3), 57, || deque_batch(false, 4, 2));
    check("deque dropped", Bounded(3), 94, deque_dropped_with_a_thief_at_work);
}

#[test]
fn injector() {
    check("injector", Bounded(3), 275, injector_push_steal);
}

#[test]
fn a_pop_without_its_fence_is_found() {
    use broken::{DequeBug, small_deque};
    check("small deque", Bounded(3), 676, || small_deque(DequeBug::None));
    finds("pop without its fence", Bounded(3), "twice", || small_deque(DequeBug::PopWithoutFence));
    finds("steal without its fence", Bounded(3), "twice", || small_deque(DequeBug::StealWithoutFence));
    finds("batch with one exchange", Bounded(3), "twice", || small_deque(DequeBug::BatchWithOneExchange));
}
