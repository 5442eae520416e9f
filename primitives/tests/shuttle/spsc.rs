//! The queue between two.

use crate::*;

#[test]
fn passes_values() {
    check("spsc push and pop", || spsc_push_pop(2, 10));
    check("spsc send and recv", || spsc_send_recv(2, 10));
    check("spsc notify", spsc_push_and_notify);
    check("spsc time-out", spsc_times_out_or_receives);
    check("spsc consumer leaves", spsc_consumer_leaves);
}

#[test]
fn passes_chunks() {
    check("spsc chunks", || spsc_chunks(4, 6, 3));
    check("spsc slices", spsc_slices);
    check("spsc chunk and notify", spsc_chunk_and_notify);
}
