//! The queue between two.

use crate::*;

#[test]
fn push_and_pop() {
    check("spsc 2 of 2", Complete, 44, || spsc_push_pop(2, 2));
    check("spsc 3 of 2", Complete, 805, || spsc_push_pop(2, 3));
    check("spsc 3 of 1", Complete, 353, || spsc_push_pop(1, 3));
}

#[test]
fn send_and_recv() {
    check("spsc send 1 of 1", Complete, 45_643, || spsc_send_recv(1, 1));
    check_with_spurious("spsc send 1 of 1, bound 3", Bounded(3), 685, || spsc_send_recv(1, 1));
    check_with_spurious("spsc send 2 of 1", Bounded(2), 718, || spsc_send_recv(1, 2));
}

#[test]
fn notify_and_time_out() {
    check_with_spurious("spsc notify", Bounded(3), 204, spsc_push_and_notify);
    check_with_spurious("spsc time-out", Bounded(3), 1_136, spsc_times_out_or_receives);
}

#[test]
fn disconnection() {
    check_with_spurious("spsc consumer leaves", Bounded(3), 42, spsc_consumer_leaves);
}

#[test]
fn chunks() {
    check("spsc chunks of 2, 2 in 2", Complete, 313, || spsc_chunks(2, 2, 2));
    check("spsc chunks of 2, 2 in 4", Complete, 44, || spsc_chunks(4, 2, 2));
    check("spsc chunks of 3, 2 in 3", Complete, 313, || spsc_chunks(3, 2, 3));
    check("spsc slices", Complete, 6, spsc_slices);
    check_with_spurious("spsc chunk and notify", Bounded(3), 77, spsc_chunk_and_notify);
}

#[test]
fn a_chunk_published_too_early_is_found() {
    check("chunk", Complete, 3, || broken::chunk(false));
    finds("chunk published early", Complete, "Causality violation", || broken::chunk(true));
}

#[test]
fn ends_publish() {
    check("spsc, producer goes", Complete, 6, || spsc_end_publishes(true));
    check("spsc, consumer goes", Complete, 6, || spsc_end_publishes(false));
}
