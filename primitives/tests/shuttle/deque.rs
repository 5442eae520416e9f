//! The deques.

use crate::*;

#[test]
fn each_value_goes_to_one() {
    check("deque", || deque_push_pop_steal(true, 4, 2, 2, 2));
    check("deque fifo", || deque_push_pop_steal(false, 4, 2, 2, 2));
    check("deque grows", || deque_grows(2));
    check("deque batch lifo", || deque_batch(true, 5, 2));
    check("deque batch fifo", || deque_batch(false, 5, 2));
    check("injector", injector_push_steal);
}

#[test]
fn a_batch_with_one_exchange_is_found() {
    finds("batch with one exchange", "twice", || broken::small_deque(broken::DequeBug::BatchWithOneExchange));
}
