//! Channels.

use crate::*;

const ALL: [Option<usize>; 3] = [Some(0), Some(1), None];

#[test]
fn passes_values() {
    for capacity in ALL {
        check("channel", move || channel_send_recv(capacity, 2, 2, 2));
        check("channel time-out", move || channel_times_out_or_delivers(capacity));
        check("channel, impatient", move || channel_time_out_strands_nobody(capacity));
        check("channel close", move || channel_closes_while_a_sender_waits(capacity));
    }
    for capacity in &ALL[1..] {
        check("channel, receiver leaves", move || channel_receiver_leaves(*capacity, 3));
    }
}

#[test]
fn selects() {
    for capacity in ALL {
        check("channel, select of two", move || channel_select_of_two(capacity));
        check("channel, ready", move || channel_ready(capacity));
    }
    check("channel, select against select", channel_select_meets_select);
    for capacity in [0, 1] {
        check("channel, select send", move || channel_select_meets_plain(capacity, true));
        check("channel, select recv", move || channel_select_meets_plain(capacity, false));
        check("channel, select times out", move || channel_select_times_out(capacity));
    }
    check("channel, select beside a receiver", channel_select_beside_a_receiver);
}
