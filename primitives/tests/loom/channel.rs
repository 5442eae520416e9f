//! Channels.

use crate::broken::channel::{ChannelBug, channel_beside, channel_meeting};
use crate::*;

const BUFFERED: [Option<usize>; 2] = [Some(1), None];
const ALL: [Option<usize>; 3] = [Some(0), Some(1), None];

#[test]
fn values_arrive_and_the_end_is_seen() {
    for (capacity, bound, at_least) in [(Some(0), 2, 515), (Some(1), 1, 610), (None, 1, 566)] {
        check_with_spurious(&format!("channel {capacity:?}, 1-1"), Bounded(bound), at_least, move || {
            channel_send_recv(capacity, 1, 1, 2)
        });
    }
    check("channel 1, 1-1, bound 2", Bounded(2), 19_342, || channel_send_recv(Some(1), 1, 1, 2));
    check("channel without limit, 1-1, 3 values", Bounded(1), 844, || channel_send_recv(None, 1, 1, 3));
}

#[test]
fn many_to_many() {
    for (capacity, bound, at_least) in [(Some(0), 1, 139), (Some(1), 0, 73), (None, 0, 10)] {
        check(&format!("channel {capacity:?}, 2-1"), Bounded(bound), at_least, move || {
            channel_send_recv(capacity, 2, 1, 1)
        });
    }
    for (capacity, bound, at_least) in [(Some(0), 1, 246), (Some(1), 0, 2_598), (None, 0, 90)] {
        check(&format!("channel {capacity:?}, 1-2"), Bounded(bound), at_least, move || {
            channel_send_recv(capacity, 1, 2, 2)
        });
    }
}

#[test]
fn blocks_end_while_two_try() {
    // A block has two slots here.
    for (filled, sends, at_least) in
        [(0, [true, true], 921), (4, [false, false], 9_361), (1, [true, false], 383), (3, [false, true], 81)]
    {
        check(&format!("channel None, {filled} and tries {sends:?}"), Bounded(2), at_least, move || {
            channel_tries(None, filled, sends, 2)
        });
    }
}

#[test]
fn blocks_are_used_again() {
    check("channel None, a block comes again", Bounded(2), 706, channel_block_comes_again);
}

#[test]
fn time_outs() {
    for (capacity, at_least) in ALL.into_iter().zip([214, 764, 560]) {
        check(&format!("channel {capacity:?}, time-out"), Bounded(2), at_least, move || {
            channel_times_out_or_delivers(capacity)
        });
    }
    for (capacity, bound, at_least) in [(Some(0), 1, 148), (Some(1), 0, 484), (None, 1, 730)] {
        check(&format!("channel {capacity:?}, impatient"), Bounded(bound), at_least, move || {
            channel_time_out_strands_nobody(capacity)
        });
    }
}

#[test]
fn closing() {
    for (capacity, at_least) in ALL.into_iter().zip([125, 359, 50]) {
        check(&format!("channel {capacity:?}, close"), Bounded(2), at_least, move || {
            channel_closes_while_a_sender_waits(capacity)
        });
    }
    for (capacity, at_least) in BUFFERED.into_iter().zip([1_113, 374]) {
        check(&format!("channel {capacity:?}, receiver leaves"), Bounded(2), at_least, move || {
            channel_receiver_leaves(capacity, 3)
        });
    }
}

#[test]
fn selection() {
    for (capacity, of_two, ready) in [(Some(0), 112, 246), (Some(1), 73, 167), (None, 66, 161)] {
        check(&format!("channel {capacity:?}, select of two"), Bounded(1), of_two, move || {
            channel_select_of_two(capacity)
        });
        check(&format!("channel {capacity:?}, ready"), Bounded(2), ready, move || channel_ready(capacity));
    }
    check("channel, select against select", Bounded(2), 2_637, channel_select_meets_select);
    for (capacity, select_sends) in [(0, false), (0, true), (1, false), (1, true)] {
        check(&format!("channel {capacity}, select {select_sends}"), Bounded(2), 77, move || {
            channel_select_meets_plain(capacity, select_sends)
        });
    }
    check("channel, select times out, 0", Bounded(2), 4_277, || channel_select_times_out(0));
    check("channel, select times out, 1", Bounded(2), 1_512, || channel_select_times_out(1));
    check("channel, select beside a receiver", Bounded(1), 496, channel_select_beside_a_receiver);
}

#[test]
fn selection_beside_others() {
    for select_sends in [false, true] {
        check(&format!("channel, select {select_sends} against try"), Bounded(2), 465, move || {
            channel_select_meets_try(select_sends)
        });
        for capacity in [Some(0), Some(1)] {
            check(
                &format!("channel {capacity:?}, select {select_sends}, close"),
                Bounded(2),
                196,
                move || channel_select_is_closed(capacity, select_sends),
            );
        }
    }
    for capacity in ALL {
        check(&format!("channel {capacity:?}, ready for the end"), Bounded(2), 120, move || {
            channel_ready_for_the_end(capacity)
        });
    }
    check("channel, ready for a selection", Bounded(2), 506, channel_ready_for_a_selection);
    check("channel None, select false, close", Bounded(2), 196, || channel_select_is_closed(None, false));
}

#[test]
fn empty_is_never_said_wrongly() {
    check("channels, two", Bounded(3), 95, channel_agrees_with_another);
}

#[test]
fn clocks() {
    check("clock", Complete, 19, clock_tells_one);
    for (select, at_least) in [(false, 174), (true, 220)] {
        check_with_spurious(&format!("clock, close, select {select}"), Bounded(2), at_least, move || {
            clock_is_closed(select)
        });
    }
    check("clock, ready for the end", Bounded(2), 218, clock_ready_for_the_end);
    check("clock, selection", Bounded(2), 1_634, clock_ends_a_selection);
}

#[test]
fn planted_bugs_are_found() {
    check("small channel, beside", Complete, 42, || channel_beside(ChannelBug::None));
    check("small channel, meeting", Bounded(2), 84, || channel_meeting(ChannelBug::None, false));
    check("small channel, meeting or not", Bounded(3), 176, || channel_meeting(ChannelBug::None, true));
    for bug in [ChannelBug::WakesBeforePublishing, ChannelBug::LooksBeforeRegistering] {
        finds(&format!("small channel, {bug:?}"), Bounded(2), "deadlock", move || channel_beside(bug));
    }
    finds("small channel, ends before putting", Bounded(2), "Causality violation", || {
        channel_meeting(ChannelBug::EndsBeforePutting, false)
    });
    finds("small channel, looks before ending", Bounded(2), "deadlock", || {
        channel_meeting(ChannelBug::LooksBeforeEnding, false)
    });
    finds("small channel, leaves unasked", Bounded(2), "differ", || {
        channel_meeting(ChannelBug::LeavesUnasked, true)
    });
}

#[test]
fn ends_publish() {
    for capacity in [Some(1), None] {
        check(&format!("channel {capacity:?}, closed"), Bounded(3), 6, move || {
            channel_end_publishes(capacity, true)
        });
        check(&format!("channel {capacity:?}, dropped"), Bounded(2), 64, move || {
            channel_end_publishes(capacity, false)
        });
    }
}

#[test]
fn failures_publish() {
    for (capacity, send) in [(Some(1), false), (Some(1), true), (None, false), (None, true)] {
        check(&format!("channel {capacity:?}, fails, {send}"), Bounded(2), 6, move || {
            channel_failure_publishes(capacity, send)
        });
    }
}

#[test]
fn answers_agree() {
    for capacity in [Some(1), None] {
        check(&format!("channel {capacity:?}, found empty"), Bounded(2), 26, move || {
            channels_found_empty(capacity)
        });
    }
    for capacity in [Some(2), None] {
        check(&format!("channel {capacity:?}, never empty"), Bounded(3), 37, move || {
            channel_is_not_empty(capacity)
        });
    }
    check("channel Some(1), found full", Bounded(2), 32, channels_found_full);
}

#[test]
fn numbers_were_true() {
    for (capacity, send_first, at_least) in
        [(Some(2), false, 75), (Some(2), true, 92), (None, false, 75), (None, true, 250)]
    {
        check(&format!("channel {capacity:?}, counts, {send_first}"), Bounded(2), at_least, move || {
            channel_counts(capacity, send_first)
        });
    }
    check("channel None, never empty to a third", Bounded(2), 88, channel_is_not_empty_to_a_third);
}

#[test]
fn blocks_go_from_thread_to_thread() {
    check("channel None, next block", Bounded(2), 5_065, channel_next_block_is_seen);
    check("channel None, block handed on", Bounded(2), 446, channel_block_is_handed_on);
}

#[test]
fn ends_agree() {
    for capacity in BUFFERED {
        check(&format!("channels {capacity:?}, found open"), Bounded(2), 11, move || {
            channels_found_open(capacity)
        });
    }
}

#[test]
fn clock_ends_publish() {
    for (receive, due, at_least) in [(false, false, 6), (true, false, 6), (true, true, 11)] {
        check(&format!("clock, closed, {receive}, {due}"), Complete, at_least, move || {
            clock_end_publishes(receive, due)
        });
    }
}

#[test]
fn all_who_wait() {
    for (capacity, they_send, told, served) in [
        (Some(0), false, 45, 68),
        (Some(0), true, 45, 68),
        (Some(2), false, 120, 2_520),
        (Some(2), true, 593, 2_332),
        (None, false, 157, 3_587),
    ] {
        check(
            &format!("channel {capacity:?}, all are told, send {they_send}"),
            Bounded(1),
            told,
            move || channel_end_is_told_to_all(capacity, they_send),
        );
        check(
            &format!("channel {capacity:?}, all are served, send {they_send}"),
            Bounded(1),
            served,
            move || channel_serves_all_who_wait(capacity, they_send),
        );
    }
}
