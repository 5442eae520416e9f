//! Event.

use crate::*;

#[test]
fn passes_messages() {
    check("event message", || event_passes_a_message(3));
    check("event time-out", event_times_out_or_passes);
    check("event swallowed set", event_swallowed_set_is_seen);
    check("event pulse", event_pulse);
}
