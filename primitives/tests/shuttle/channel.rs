//! Channels.

use crate::broken::channel::{ChannelBug, channel_beside, channel_meeting};
use crate::*;

#[test]
fn passes_values() {
    for capacity in [Some(0), Some(1), None] {
        check("channel", move || channel_send_recv(capacity, 2, 1, 2));
    }
    check("channel time-out", || channel_times_out_or_delivers(Some(1)));
    check("channel, impatient", || channel_time_out_strands_nobody(Some(0)));
}

#[test]
fn closes() {
    check("channel close, 0", || channel_closes_while_a_sender_waits(Some(0)));
    check("channel close, 1", || channel_closes_while_a_sender_waits(Some(1)));
    check("channel, receiver leaves", || channel_receiver_leaves(None, 3));
    check("channels, found open", || channels_found_open(None));
}

#[test]
fn selects() {
    check("channel, select of two", || channel_select_of_two(Some(1)));
    check("channel, select against select", channel_select_meets_select);
    check("channel, select times out", || channel_select_times_out(0));
    check("channel, select beside a receiver", channel_select_beside_a_receiver);
}

#[test]
fn blocks_go_from_thread_to_thread() {
    check("channel, next block", channel_next_block_is_seen);
    check("channel, block handed on", channel_block_is_handed_on);
    check("channel, never empty to a third", channel_is_not_empty_to_a_third);
}

#[test]
fn numbers_were_true() {
    for (capacity, send_first) in [(Some(2), false), (Some(2), true), (None, false), (None, true)] {
        check("channel, counts", move || channel_counts(capacity, send_first));
    }
}

#[test]
fn clocks() {
    check("clock", clock_tells_one);
    check("clock, close", || clock_is_closed(true));
    check("clock, ready for the end", clock_ready_for_the_end);
    check("clock, selection", clock_ends_a_selection);
}

#[test]
fn planted_bugs_are_found() {
    for bug in [ChannelBug::WakesBeforePublishing, ChannelBug::LooksBeforeRegistering] {
        finds(&format!("small channel, {bug:?}"), "deadlock", move || channel_beside(bug));
    }
    finds("small channel, looks before ending", "deadlock", || {
        channel_meeting(ChannelBug::LooksBeforeEnding, false)
    });
    finds("small channel, leaves unasked", "differ", || channel_meeting(ChannelBug::LeavesUnasked, true));
}

#[test]
fn all_who_wait() {
    for (capacity, they_send) in [(Some(0), false), (Some(2), true), (None, false)] {
        check("channel, all are told", move || channel_end_is_told_to_all(capacity, they_send));
        check("channel, all are served", move || channel_serves_all_who_wait(capacity, they_send));
    }
}
