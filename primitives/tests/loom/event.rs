//! Event.

use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("event message", Complete, 16, || event_passes_a_message(1));
    check_with_spurious("event time-out", Complete, 24, event_times_out_or_passes);
    check_with_spurious("event swallowed set", Complete, 13_630, event_swallowed_set_is_seen);
    check_with_spurious("event pulse", Complete, 660, event_pulse);
}

#[test]
fn pulses() {
    check("event, only pulsed", Bounded(2), 617, event_is_only_pulsed);
}

#[test]
fn three_threads() {
    check_with_spurious("event message, 2 waiters", Bounded(2), 1_038, || event_passes_a_message(2));
}
