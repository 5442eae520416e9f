//! The channel for one value.

use crate::*;

#[test]
fn values() {
    check_with_spurious("oneshot", Complete, 62, oneshot_passes_a_value);
    check_with_spurious("oneshot on the heap", Complete, 62, oneshot_on_the_heap);
}

#[test]
fn ends_that_leave() {
    check_with_spurious("oneshot, sender leaves", Complete, 62, oneshot_sender_leaves);
    check("oneshot, receiver leaves", Complete, 4, oneshot_receiver_leaves);
    check("oneshot, both leave", Complete, 4, oneshot_both_leave);
}

#[test]
fn time_outs() {
    check_with_spurious("oneshot time-out", Complete, 182, oneshot_times_out_or_receives);
    check_with_spurious("oneshot, waits again", Complete, 366, oneshot_waits_again);
}

#[test]
fn weakened_twins_are_found() {
    use broken::Leave;
    check("small oneshot", Complete, 7, || broken::small_oneshot(Leave::ByExchange(Ordering::AcqRel)));
    finds("oneshot without release", Complete, "Causality violation", || {
        broken::small_oneshot(Leave::ByExchange(Ordering::Acquire))
    });
    finds("oneshot that looks first", Complete, "deadlock", || broken::small_oneshot(Leave::LooksFirst));
}
