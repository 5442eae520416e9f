//! The channel for one value.

use crate::*;

#[test]
fn passes_a_value_or_gives_it_back() {
    check("oneshot", oneshot_passes_a_value);
    check("oneshot on the heap", oneshot_on_the_heap);
    check("oneshot, sender leaves", oneshot_sender_leaves);
    check("oneshot, receiver leaves", oneshot_receiver_leaves);
    check("oneshot time-out", oneshot_times_out_or_receives);
    check("oneshot, waits again", oneshot_waits_again);
}

#[test]
fn every_schedule() {
    check_all("oneshot", 186, oneshot_passes_a_value);
    check_all("oneshot, receiver leaves", 4, oneshot_receiver_leaves);
}

#[test]
fn a_sender_that_looks_first_is_found() {
    finds("oneshot that looks first", "deadlock", || broken::small_oneshot(broken::Leave::LooksFirst));
}
